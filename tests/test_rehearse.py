"""What a rehearsal says that a run will ask, held against what the run then asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import Recipe, do, run
from prefgen.asker import Ask, Asker, Reply, Row
from prefgen.errors import BudgetReached
from prefgen.folders import journal_of
from prefgen.llm.fake import Writer
from prefgen.llm.journal import Journal
from prefgen.llm.request import Completion, Request
from prefgen.recipe import Step
from prefgen.rehearse import SAMPLE, Estimate
from prefgen.run import estimates
from tests.fakes import writes
from tests.marks import unmarked

TEN = [{"prompt": f"{i:0>400}"} for i in range(10)]


def of(steps: Mapping[str, Step], prompts: list[dict[str, Any]] = TEN, **model: Any) -> Recipe:
    models = {"m": {"use": ["fake/x", "fake/y"], **model}}
    return Recipe(name="r", models=models, steps={"prompts": do("load", [*prompts, prompts[0]]), **steps})


def steps(each: int, **judging: Any) -> dict[str, Step]:
    return {
        "responses": do("answer", "prompts", model="m", n=each),
        "scored": do("score", "responses", model="m", n=each),
        "means": do("mean", "scored"),
        "pairs": do("perturb", "responses", model="m"),
        "orders": do("both_orders", "pairs"),
        "judgments": do("compare", "orders", model="m", **{"n": each, **judging}),
        "agreed": do("verdict_agreement", "judgments"),
    }


STOPPING = steps(1, n=5, stop="first_agreeing")


def drawn(recipe: Recipe, folder: Path, writer: Writer = writes, **how: Any) -> dict[str, int]:
    """The draws of each step of a run."""
    counts = run(recipe, folder, fakes={"x": writer, "y": writer}, **how).counts
    return {table: count.drawn for table, count in counts.items()}


def replies(folder: Path) -> int:
    journal = Journal(journal_of(folder))
    try:
        return len(journal)
    finally:
        journal.close()


def each(found: Mapping[str, Estimate], name: str) -> dict[str, float]:
    return {table: getattr(one, name) for table, one in found.items()}


@pytest.mark.parametrize("n", [1, 3])
def test_without_a_stop_the_estimate_is_what_the_run_then_asks(n: int, tmp_path: Path) -> None:
    guessed = estimates(of(steps(n)), tmp_path)
    assert not journal_of(tmp_path).exists()
    asked = drawn(of(steps(n)), tmp_path)
    assert each(guessed, "least") == each(guessed, "most") == asked
    assert sum(asked.values()) == replies(tmp_path)
    assert set(each(guessed, "cached").values()) == {0}
    assert (guessed["prompts"].rows, guessed["responses"].rows, guessed["orders"].rows) == (10, 10 * n, 20 * n)


def says(which: Callable[[int], str]) -> Writer:
    """A judge that says what ``which`` makes of the seed."""

    def writer(request: Request, seed: int) -> str | Completion:
        judges = "[The Start of Assistant A's Answer]" in request.messages[-1]["content"]
        return f"[[{which(seed)}]]" if judges else writes(request, seed)

    return unmarked(writer)


@pytest.mark.parametrize(
    ("which", "draws"), [(lambda seed: "A", 60), (lambda seed: "C", 100), (lambda seed: "ABC"[seed % 3], None)]
)
def test_with_a_stop_the_run_asks_no_less_and_no_more(
    which: Callable[[int], str], draws: int | None, tmp_path: Path
) -> None:
    guessed = estimates(of(STOPPING), tmp_path)["judgments"]
    asked = drawn(of(STOPPING), tmp_path, says(which))["judgments"]
    assert (guessed.least, guessed.most) == (20, 100)
    assert guessed.least <= asked <= guessed.most
    assert asked == (draws or asked)


GROUPED: dict[str, tuple[str, dict[str, Step], int, int]] = {
    "lazy_order": ("judgments", steps(1, stop="lazy_order"), 10, 20),
    "race": ("scored", {**steps(4), "scored": do("score", "responses", model="m", n=5, stop="race")}, 10 * 16, 200),
    "audited": ("judgments", steps(1, n=5, stop={"majority": {"risk": 0.2, "audit": 1.0}}), 100, 100),
    "risk": ("judgments", steps(1, n=5, stop={"majority": {"risk": 0.2, "audit": 0.0}}), 20, 100),
}
"""A stop that sees groups, or is audited: its step, the recipe, and the fewest and most draws of ten prompts."""


@pytest.mark.parametrize("name", GROUPED)
@pytest.mark.parametrize("which", [lambda seed: "A", lambda seed: "ABC"[seed % 3]], ids=["sure", "unsure"])
def test_a_stop_that_sees_groups_asks_no_less_and_no_more(
    name: str, which: Callable[[int], str], tmp_path: Path
) -> None:
    table, recipe, least, most = GROUPED[name]
    guessed = estimates(of(recipe), tmp_path)[table]
    asked = drawn(of(recipe), tmp_path, says(which))[table]
    assert (guessed.least, guessed.most) == (least, most)
    assert least <= asked <= most
    after = estimates(of(recipe), tmp_path)[table]
    assert (after.cached, after.least, after.most) == (asked, 0, 0)


def test_after_a_pilot_it_is_said_how_the_others_may_go(tmp_path: Path) -> None:
    many = [{"prompt": f"{i:0>400}"} for i in range(60)]
    recipe = of(steps(1, n=9, stop="first_agreeing"), many)
    assert estimates(recipe, tmp_path)["judgments"].likely is None
    writer = says(lambda seed: "AB"[seed % 2])
    pilot = drawn(recipe, tmp_path, writer, take=20)["judgments"]
    found = estimates(recipe, tmp_path)["judgments"]
    assert found.likely is not None
    assert found.likely == pytest.approx(2 * pilot)
    asked = drawn(recipe, tmp_path, writer)["judgments"] - pilot
    assert found.least < found.likely < found.most
    assert asked == pytest.approx(found.likely, rel=0.25)


def test_of_disputed_pairs_that_are_not_known_all_may_be(tmp_path: Path) -> None:
    cascade = {
        "responses": do("answer", "prompts", model="m"),
        "pairs": do("perturb", "responses", model="m"),
        "orders": do("both_orders", "pairs"),
        "first": do("compare", "orders", model="m", unreadable="keep"),
        "disputes": do("disputed", "first"),
        "second": do("compare", "disputes", model="m"),
    }
    assert estimates(of(cascade), tmp_path)["second"].most == 20
    drawn(of(cascade), tmp_path, says(lambda seed: "AB"[seed % 2]), take=5)
    assert estimates(of(cascade), tmp_path)["second"].most == 10
    drawn(of(cascade), tmp_path, says(lambda seed: "AB"[seed % 2]))
    assert estimates(of(cascade), tmp_path)["second"].most == 0


def unsure(request: Request, seed: int) -> str | Completion:
    return Completion("no", finish="refused") if seed % 4 == 0 else writes(request, seed)


@pytest.mark.parametrize("recipe", [of(steps(3)), of(STOPPING)], ids=["all", "stop"])
@pytest.mark.parametrize("writer", [writes, unsure])
def test_after_the_run_all_is_known_and_nothing_to_ask(recipe: Recipe, writer: Writer, tmp_path: Path) -> None:
    done = run(recipe, tmp_path, fakes={"x": writer, "y": writer})
    found = estimates(recipe, tmp_path)
    assert set(each(found, "most").values()) == set(each(found, "prompt_tokens").values()) == {0}
    assert each(found, "cached") == {table: count.drawn for table, count in done.counts.items()}
    assert each(found, "rows") == {table: count.rows_out for table, count in done.counts.items()}


def test_after_a_pilot_its_replies_are_known(tmp_path: Path) -> None:
    pilot = drawn(of(steps(2)), tmp_path, take=4)
    before, found = replies(tmp_path), estimates(of(steps(2)), tmp_path)
    assert each(found, "cached") == pilot
    drawn(of(steps(2)), tmp_path)
    assert sum(each(found, "most").values()) == replies(tmp_path) - before > 0


@pytest.mark.parametrize("calls", [1, 15, 44, 70])
def test_after_a_run_that_broke_off_the_rest_is_to_ask(calls: int, tmp_path: Path) -> None:
    with pytest.raises(BudgetReached):
        drawn(of(steps(2)), tmp_path, max_calls=calls)
    before, found = replies(tmp_path), estimates(of(steps(2)), tmp_path)
    assert sum(each(found, "cached").values()) == before > 0
    drawn(of(steps(2)), tmp_path)
    assert sum(each(found, "least").values()) == sum(each(found, "most").values()) == replies(tmp_path) - before


@pytest.mark.parametrize("prompts", [SAMPLE, SAMPLE + 1, 2 * SAMPLE + 250])
def test_a_long_source_is_walked_through_in_part_and_scaled(prompts: int, tmp_path: Path) -> None:
    rows = [{"prompt": f"{i:0>400}" if i < SAMPLE else f"longer {i}" * 400} for i in range(prompts)]
    recipe = of({"responses": do("answer", "prompts", model="m", n=2)}, rows, max_tokens=10)
    found = estimates(recipe, tmp_path)["responses"]
    assert (found.rows, found.least, found.most) == pytest.approx((2 * prompts,) * 3)
    assert (found.prompt_tokens, found.completion_tokens) == pytest.approx((200 * prompts, 20 * prompts))


PRICE = {"input": 2.0, "output": 10.0}
HERE = {"use": "openai/m", "base_url": "http://127.0.0.1:9/v1"}


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ({**HERE, "price": PRICE, "max_tokens": 50}, 20 * (100 * 2 + 50 * 10) / 1e6),
        ({**HERE, "max_tokens": 50}, None),
        ({**HERE, "price": PRICE}, None),
        ({"max_tokens": 50}, 0),
        ({"price": PRICE, "max_tokens": 50}, 20 * (100 * 2 + 50 * 10) / 1e6),
        ({"use": "openai/gpt-4.1-mini-2025-04-14", "max_tokens": 50}, 20 * (100 * 0.4 + 50 * 1.6) / 1e6),
        ({"use": "openai/gpt-4.1-mini", "base_url": HERE["base_url"], "max_tokens": 50}, None),
    ],
    ids=["priced", "no price", "no end", "ours", "ours, priced", "list price", "somebody else's"],
)
def test_dollars_are_known_where_price_and_length_are(
    model: dict[str, Any], dollars: float | None, tmp_path: Path
) -> None:
    recipe = of({"responses": do("answer", "prompts", model="m", n=2)}, **model)
    found = estimates(recipe, tmp_path)["responses"]
    assert found.dollars == (dollars if dollars is None else pytest.approx(dollars))
    assert found.prompt_tokens == 20 * 100
    assert found.completion_tokens == (20 * 50 if "max_tokens" in model else None)
    assert found.dollars is not None or found.priced is ("price" in model)


def test_letters_that_are_tokens_of_their_own_count_as_such(tmp_path: Path) -> None:
    prompts = [{"prompt": text * 400} for text in ("a", "\u6587")]
    latin, chinese = (
        estimates(of({"responses": do("answer", "prompts", model="m")}, [prompt]), tmp_path)["responses"].prompt_tokens
        for prompt in prompts
    )
    assert (latin, chinese) == (100, 400)


@dataclass(frozen=True, kw_only=True)
class weigh(Asker):  # noqa: N801
    """Asks for the log-probabilities of eight characters, and for words."""

    makes = {"weight": pl.Float64}  # noqa: RUF012

    def needed(self) -> frozenset[str]:
        return frozenset({"prompt"})

    def asks(self, row: Row) -> list[Ask]:
        return [Ask(row["prompt"], given="12345678"), Ask(row["prompt"])]

    def read_all(self, row: Row, replies: Sequence[Reply]) -> list[Row]:
        return [{"weight": sum(replies[0].logprobs)}]


def weighed(folder: Path, *names: str) -> tuple[float, ...]:
    found = estimates(of({"weighed": do(weigh, "prompts", model="m")}, max_tokens=50), folder)["weighed"]
    return tuple(getattr(found, name) for name in names)


def test_given_text_costs_input_and_no_output(tmp_path: Path) -> None:
    assert weighed(tmp_path, "prompt_tokens", "completion_tokens") == (10 * (102 + 100), 10 * 50)


def test_a_draw_of_two_requests_is_known_when_both_are(tmp_path: Path) -> None:
    recipe = of({"weighed": do(weigh, "prompts", model="m")}, max_tokens=50)
    with pytest.raises(BudgetReached):
        drawn(recipe, tmp_path, max_calls=1)
    assert weighed(tmp_path, "cached", "least", "most") == (0, 20, 20)
    drawn(recipe, tmp_path)
    assert weighed(tmp_path, "cached", "least", "most") == (20, 0, 0)


def test_a_filter_of_single_rows_keeps_what_nobody_knows_yet(tmp_path: Path) -> None:
    """How many of the classified prompts are hard enough is known when they are classified: until then, all may be."""
    sifted = {
        "sorted": do("classify", "prompts", model="m"),
        "hard": do("select", "sorted", by="complexity", at_least=9),
        "one": do("one_of", "hard", same="prompt_id"),
        "responses": do("answer", "one", model="m"),
    }
    assert each(estimates(of(sifted), tmp_path), "most") == {
        "prompts": 0, "sorted": 10, "hard": 0, "one": 0, "responses": 10,
    }  # fmt: skip
    done = drawn(of(sifted), tmp_path)
    assert done["responses"] < 10
    assert each(estimates(of(sifted), tmp_path), "rows")["hard"] == done["responses"]


def test_replies_that_make_several_rows_count_as_many_as_they_may(tmp_path: Path) -> None:
    writing = {
        "shots": do("few_shots", "prompts", n=3, each=[4]),
        "written": do("new_prompts", "shots", model="m", per_reply=5),
        "sound": do("self_instruct", "written"),
        "all": do("concat", ["prompts", "sound"]),
        "new": do("novel", "all"),
        "asked": do("as_prompts", "new"),
        "responses": do("answer", "asked", model="m"),
    }
    guessed = each(estimates(of(writing), tmp_path), "most")
    assert (guessed["written"], guessed["responses"]) == (3, 15)
    done = drawn(of(writing), tmp_path)
    assert 0 < done["responses"] <= 15
    assert each(estimates(of(writing), tmp_path), "cached")["responses"] == done["responses"]
