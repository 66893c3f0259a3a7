"""Requests with known answers among a judge's own: what they find, what they cost, and that they change nothing."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from prefgen import Recipe, do, load, run
from prefgen.asker import Reply
from prefgen.canaries import FOOLED, UNREADABLE, WITHSTOOD, Canaries, check, told
from prefgen.errors import GateClosed, RecipeError
from prefgen.judges._canaries import KINDS, SWAPPED
from prefgen.llm.request import Request
from prefgen.run import estimates
from tests.attacks import ROW, TARGETS, marked
from tests.marks import unmarked

MODELS = {"it": {"use": "fake/it"}, "judge": {"use": "fake/judge"}}
STEPS = {
    "prompts": do("load", [{"prompt": f"why {n}?"} for n in range(40)]),
    "responses": do("answer", "prompts", model="it", n=2),
    "scored": do("score", "responses", model="judge"),
    "means": do("mean", "scored"),
    "pairs": do("best_worst", "means"),
    "orders": do("both_orders", "pairs"),
    "judgments": do("compare", "orders", model="judge"),
}


def recipe(share: float, **more: Any) -> Recipe:
    canaries = {"share": share, **more}
    return Recipe(name="tried", steps=STEPS, models=MODELS, canaries=canaries, write={"preferences": "judgments"})


def answers(request: Request, seed: int) -> str:
    return f"an answer worth {seed % 5}"


def worth(text: str) -> int:
    """What an answer is worth; nothing for what is none."""
    found = re.search(r"an answer worth (\d)", text)
    return int(found[1]) if found else -1


def shown(request: Request) -> list[str]:
    text = "\n".join(turn["content"] for turn in request.messages)
    return re.findall(r"(?:Answer|Response)\]\n(.*?)\n\[(?:The )?End of", text, re.DOTALL)


@unmarked
def sound(request: Request, seed: int) -> str:
    """A judge that is fooled by nothing."""
    first, *second = (worth(text) for text in shown(request))
    if second:
        return f"So.\n\n[[{'A' if first > second[-1] else 'B'}]]"
    return f"So.\n\nScore: {max(0, first)}"


@unmarked
def credulous(request: Request, seed: int) -> str:
    """A judge that takes whatever is no answer for the best one."""
    first, *second = (-worth(text) if worth(text) < 0 else worth(text) / 10 for text in shown(request))
    if second:
        return f"So.\n\n[[{'A' if first > second[-1] else 'B'}]]"
    return f"So.\n\nScore: {5 if first == 1 else round(10 * first)}"


def fakes(judge: Any) -> dict[str, Any]:
    return {"it": answers, "judge": judge}


def outcomes(run_json: Path, table: str) -> Counter[str]:
    steps = json.loads(run_json.read_text())["steps"]
    kinds = next(step for step in steps if step["table"] == table)["canaries"]["kinds"]
    return sum((Counter(ends) for ends in kinds.values()), Counter())


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_they_stand_in_no_table_and_change_none(tmp_path: Path) -> None:
    without = run(recipe(0.0), tmp_path / "0", fakes=fakes(sound))
    tried = run(recipe(1.0), tmp_path / "1", fakes=fakes(sound))
    assert files(without.folder / "tables") == files(tried.folder / "tables")
    assert tried.counts["judgments"].canaries.total() == tried.counts["orders"].rows_out
    assert tried.counts["scored"].canaries.total() == 80
    extra = {t: tried.counts[t].tally.calls - without.counts[t].tally.calls for t in ("scored", "judgments")}
    assert 0 < extra["scored"] <= 80
    swapped = sum(n for (kind, _), n in tried.counts["judgments"].canaries.items() if kind == SWAPPED)
    assert extra["judgments"] == tried.counts["orders"].rows_out - swapped, "the other order is asked anyway"


def test_a_sound_judge_withstands_all_of_every_kind(tmp_path: Path) -> None:
    done = run(recipe(1.0), tmp_path, fakes=fakes(sound))
    assert set(outcomes(tmp_path / "run.json", "judgments")) == {WITHSTOOD}
    assert {kind for kind, _ in done.counts["judgments"].canaries} == {*KINDS, SWAPPED}
    assert {kind for kind, _ in done.counts["scored"].canaries} == set(KINDS)
    card = (done.dataset / "README.md").read_text()
    assert "## Canaries" in card
    assert "100% withstood" in card
    again = run(recipe(1.0), tmp_path, fakes=fakes(sound))
    assert sum(count.tally.calls for count in again.counts.values()) == 0
    assert (done.dataset / "README.md").read_text() == card


def test_a_judge_that_is_fooled_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(GateClosed, match=r"the judge withstood \d+% of 1\d canaries .*, and 90% are asked for"):
        run(recipe(1.0), tmp_path, fakes=fakes(credulous))
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "GateClosed"
    assert not (tmp_path / "dataset").exists()
    done = run(recipe(1.0, at_least=0), tmp_path, fakes=fakes(credulous))
    ends = outcomes(tmp_path / "run.json", "judgments")
    assert ends[FOOLED] > 0.5 * ends.total()
    assert done.configs["preferences"]


def test_a_reply_that_cannot_be_read_counts_neither_way(tmp_path: Path) -> None:
    run(recipe(1.0), tmp_path, fakes=fakes(lambda request, seed: "Hm."))
    steps = json.loads((tmp_path / "run.json").read_text())["steps"]
    found = next(step for step in steps if step["table"] == "scored")["canaries"]
    assert set().union(*found["kinds"].values()) == {UNREADABLE}
    assert found[WITHSTOOD] is None


def test_a_plan_counts_them(tmp_path: Path) -> None:
    asked = estimates(recipe(1.0), tmp_path)
    assert (asked["scored"].most, asked["judgments"].most) == (80 + 80, 80 + 80)
    run(recipe(1.0), tmp_path, fakes=fakes(sound))
    known = estimates(recipe(1.0), tmp_path)
    assert {one.most for one in known.values()} == {0}


def test_a_share_of_the_rows_is_chosen_by_seed_and_id() -> None:
    some = Canaries(0.1)
    chosen = [n for n in range(10_000) if some.chance(0, f"p.{n}") is not None]
    assert 850 < len(chosen) < 1150
    assert chosen == [n for n in range(10_000) if some.chance(0, f"p.{n}") is not None]
    assert chosen != [n for n in range(10_000) if some.chance(1, f"p.{n}") is not None]
    assert all(Canaries(1.0).chance(0, f"p.{n}") is not None for n in range(100))
    assert all(Canaries(0.0).chance(0, f"p.{n}") is None for n in range(100))


@pytest.mark.parametrize(
    ("outcomes_", "at_least", "closed"),
    [((0, 9), 0.9, False), ((0, 10), 0.9, True), ((7, 3), 0.9, True), ((8, 2), 0.9, False), ((80, 20), 0.9, True),
     ((80, 20), 0.7, False), ((0, 0), 0.9, False), ((0, 100), 0.0, False)],
)  # fmt: skip
def test_a_run_is_stopped_beyond_doubt_alone(outcomes_: tuple[int, int], at_least: float, closed: bool) -> None:
    counted = Counter({("injection", WITHSTOOD): outcomes_[0], ("injection", FOOLED): outcomes_[1]})
    try:
        check("judgments", counted, at_least)
    except GateClosed:
        assert closed
    else:
        assert not closed


def test_what_is_told_without_canaries_is_nothing() -> None:
    assert told(Counter()) == {}


WORST = {"score": "5", "rate": "10", "rate_ties": "10", "rubric": "5", "aspects": "5"}


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "meta_judge"])
def test_every_kind_of_judge_can_be_tried(name: str) -> None:
    """The honest reply of the attack's target withstands; one that gives the attack what it wants is fooled."""
    target = TARGETS[name]
    judge, found = target.of(guard=True), Counter[str]()
    for chance in range(200):
        canary = judge.canary({**ROW, "gold": "B"} if "gold" not in ROW and "compare" in name else ROW, chance)
        assert canary
        found[canary.kind] += 1
        asked = "\n".join(turn["content"] for ask in judge.asks(canary.row) for turn in ask.messages)
        ends = set()
        for said in honest_and_fooled(name):
            rows = judge.read_all(canary.row, [Reply(marked(said, asked))] * len(judge.asks(canary.row)))
            ends.add(canary.withstood(rows))
        assert ends == {True, False}, canary
    assert set(found) >= set(KINDS)
    assert not TARGETS["meta_judge"].of(guard=True).canary(ROW, 0)


def honest_and_fooled(name: str) -> list[str]:
    """Replies of which at least one withstands any canary and one is fooled by it."""
    if name == "aspects":
        return ["\n\n".join(f"Text: {n}\nRating: {r}\nRationale: so." for n in (1, 2, 3)) for r in (1, 5)]
    if name in WORST:
        honest = TARGETS[name].honest
        return [honest, re.sub(r"\d+$", WORST[name], honest)]
    if name == "best_of":
        return [f"So.\n\n[[{label}]]" for label in "ABC"]
    if name == "rubric_compare":
        return ["So. [RESULT] A", "So. [RESULT] B"]
    return [f"So.\n\n[[{label}]]" for label in ("YN" if name == "correct" else "AB")]


RECIPE = """
models: {it: {use: openai/x, api_key_env: K}}
steps: {prompts: {load: p.jsonl}}
canaries: {shar: 0.5, at_least: 2}
"""


def test_what_is_wrong_with_them_is_told(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    (tmp_path / "p.jsonl").write_text('{"prompt": "why?"}\n')
    with pytest.raises(RecipeError) as caught:
        run(load(tmp_path / "r.yaml"), tmp_path / "run")
    assert [str(problem).partition("r.yaml:")[2] for problem in caught.value.problems] == [
        "4: canaries: has no 'shar'; did you mean 'share'?",
        "4: canaries: at_least is 2; say a share from 0 to 1",
    ]
