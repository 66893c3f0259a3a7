"""Slices of a run, made without Ray, and their merge: the bytes of one run, and no call more."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefgen import Recipe, do, load, run
from prefgen.errors import GateClosed, RecipeError, RowFailed, RunError
from prefgen.far.merge import Merge
from prefgen.far.slices import Slice, parsed, part_of, run_slice, summary
from prefgen.llm.request import Completion, Request
from prefgen.run import Run
from tests.far.five import digest, recipe
from tests.marks import unmarked
from tests.servers import OpenAIServer
from tests.spoken import spoken

TAKE = 40


@pytest.fixture(autouse=True)
def prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty prompts, in the folder that the test is in."""
    monkeypatch.chdir(tmp_path)
    Path("prompts.jsonl").write_text("".join(f'{{"prompt": "what is {n % 30} and {n}?"}}\n' for n in range(50)))


class Counted:
    """A fake model that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, request: Request, seed: int) -> Completion:
        self.calls += 1
        return Completion(f"It is so.\n\nScore: {seed % 3}")


def failing(times: int) -> Callable[[Request, int], Completion]:
    """A fake model whose first requests fail."""
    left = [times]

    def model(request: Request, seed: int) -> Completion:
        if left[0]:
            left[0] -= 1
            raise RowFailed("content_filter", "no")
        return Completion(f"Score: {seed % 3}")

    return model


def two_stages() -> Recipe:
    """Answers, a barrier that drops some of them, and answers to what is left."""
    steps = {
        "prompts": do("load", "prompts.jsonl"),
        "first": do("answer", "prompts", model="m", n=2),
        "some": do("class_cap", "first", by="response", share=0.4),
        "second": do("score", "some", model="m"),
    }
    return Recipe(name="two", models={"m": {"use": "fake/m"}}, steps=steps, write={"responses": "some"})


def same(one: Run, other: Run) -> bool:
    """Whether two runs wrote the same bytes."""
    tables, datasets = ({digest(place) for place in both} for both in _places(one, other))
    return len(tables) == len(datasets) == 1


def _places(*runs: Run) -> Iterator[list[Path]]:
    yield [one.folder / "tables" for one in runs]
    yield [one.dataset for one in runs]


def test_slices_merged_are_one_run(tmp_path: Path) -> None:
    with OpenAIServer(spoken) as server:
        alone = run(recipe(server), tmp_path / "alone", take=TAKE)
        sent = len(server.requests)
        for number in (2, 0, 1):
            done = run_slice(recipe(server), Slice(number, 3), tmp_path / "meet", take=TAKE)
            assert done.made
        merged = run(recipe(server), tmp_path / "merged", take=TAKE, engine=Merge(tmp_path / "meet"))
        assert len(server.requests) == 2 * sent
    assert same(merged, alone)


def test_a_slice_that_is_missing_is_named(tmp_path: Path) -> None:
    with OpenAIServer(spoken) as server:
        for number in (0, 2):
            run_slice(recipe(server), Slice(number, 3), tmp_path / "meet", take=TAKE)
        sent = len(server.requests)
        with pytest.raises(
            RunError, match=r"ranges are missing in .*meet \(of the shards 1/3\); run what is missing again"
        ):
            run(recipe(server), tmp_path / "merged", take=TAKE, engine=Merge(tmp_path / "meet"))
        assert len(server.requests) == sent
        rest = run(recipe(server), tmp_path / "merged", take=TAKE, engine=Merge(tmp_path / "meet", rest=True))
        alone = run(recipe(server), tmp_path / "alone", take=TAKE)
    assert same(rest, alone)


def test_what_a_barrier_asks_for_is_made_by_slices_again(tmp_path: Path) -> None:
    fake, own, meet = Counted(), Counted(), tmp_path / "meet"
    alone = run(two_stages(), tmp_path / "alone", fakes={"m": own})
    for stage in (1, 2):
        done = [run_slice(two_stages(), Slice(n, 2), meet, fakes={"m": fake}) for n in (0, 1)]
        assert [one.waits for one in done] == ["some" if stage == 1 else ""] * 2
        if stage == 1:
            assert "some is made of all shards" in summary(Slice(0, 2), done[0])[-1]
            with pytest.raises(RunError, match="some is whole now: run every shard again"):
                run(two_stages(), tmp_path / "merged", fakes={"m": fake}, engine=Merge(meet))
    merged = run(two_stages(), tmp_path / "merged", fakes={"m": fake}, engine=Merge(meet))
    assert same(merged, alone)
    assert fake.calls == own.calls


def test_merge_makes_the_rest_here_where_it_is_told(tmp_path: Path) -> None:
    fake, own, meet = Counted(), Counted(), tmp_path / "meet"
    alone = run(two_stages(), tmp_path / "alone", fakes={"m": own})
    for n in (0, 1):
        run_slice(two_stages(), Slice(n, 2), meet, fakes={"m": fake})
    merged = run(two_stages(), tmp_path / "merged", fakes={"m": fake}, engine=Merge(meet, rest=True))
    assert same(merged, alone)
    assert fake.calls == own.calls


def test_a_slice_run_again_makes_nothing_twice(tmp_path: Path) -> None:
    fake = Counted()
    first = run_slice(two_stages(), Slice(0, 2), tmp_path, fakes={"m": fake})
    calls = fake.calls
    again = run_slice(two_stages(), Slice(0, 2), tmp_path, fakes={"m": fake})
    assert (again.made, again.there, fake.calls) == (0, first.made, calls)


def test_an_edit_of_the_recipe_asks_only_what_is_new(tmp_path: Path) -> None:
    """Products are of one recipe; replies are of whoever asks the same."""
    fake = Counted()
    run_slice(two_stages(), Slice(0, 2), tmp_path, fakes={"m": fake})
    calls, edited = fake.calls, two_stages()
    steps = {**edited.steps, "first": do("answer", "prompts", model="m", n=3)}
    done = run_slice(Recipe(name="two", models=edited.models, steps=steps), Slice(0, 2), tmp_path, fakes={"m": fake})
    assert done.made
    assert done.there == 0
    assert fake.calls == calls * 3 // 2


def test_more_slices_than_ranges_leave_some_without_work(tmp_path: Path) -> None:
    few = Recipe(
        name="few",
        models={"m": {"use": "fake/m"}},
        steps={"prompts": do("load", "prompts.jsonl", take=3), "responses": do("answer", "prompts", model="m")},
        write={"responses": "responses"},
    )
    fake = Counted()
    made = [run_slice(few, Slice(n, 5), tmp_path / "meet", fakes={"m": fake}).made for n in range(5)]
    assert sum(made) == 3
    merged = run(few, tmp_path / "merged", fakes={"m": fake}, engine=Merge(tmp_path / "meet"))
    assert merged.configs["responses"] == {"train": 3}
    assert fake.calls == 3


def test_failed_requests_are_asked_again_by_their_slice(tmp_path: Path) -> None:
    model = failing(3)
    first = run_slice(two_stages(), Slice(0, 1), tmp_path / "meet", fakes={"m": unmarked(model)})
    assert first.failed
    again = run_slice(two_stages(), Slice(0, 1), tmp_path / "meet", fakes={"m": unmarked(model)})
    assert (again.failed, again.made) == (0, first.failed)


@pytest.mark.parametrize("said", ["3/3", "1", "-1/3", "a/b", "1/0", "", "1/2/3"])
def test_what_is_no_slice_is_told(said: str) -> None:
    with pytest.raises(RecipeError, match="is no slice; say which of how many, from 0"):
        parsed(said)


@pytest.mark.parametrize("of", [1, 3, 7])
def test_shares_of_stated_limits_are_the_limit(of: int) -> None:
    model: dict[str, Any] = {"use": "openai/x", "rpm": 600, "tpm": 9000, "concurrency": 20}
    whole = Recipe(name="x", models={"m": model}, steps={}, max_cost=7.0)
    parts = [part_of(whole, Slice(n, of)) for n in range(of)]
    for name in ("rpm", "tpm", "concurrency"):
        assert sum(one.models["m"][name] for one in parts) == pytest.approx(model[name])
    assert sum(one.max_cost or 0 for one in parts) == pytest.approx(7.0)


@pytest.mark.parametrize("said", [{"rpm": "many"}, {"tpm": -1}, {"concurrency": -2}, {"rpm": True}])
def test_what_is_no_limit_is_told_as_it_was_said(said: dict[str, Any], tmp_path: Path) -> None:
    """And is not shared before it is looked at."""
    wrong = replace(two_stages(), models={"m": {"use": "fake/m", **said}})
    ((name, value),) = said.items()
    with pytest.raises(RecipeError, match=f"{name} is {value!r}"):
        run_slice(wrong, Slice(0, 2), tmp_path / "meet", fakes={"m": Counted()})


GATED = """\
recipe: gated
models: {m: {use: fake/m}}
steps:
  prompts: {load: prompts.jsonl, take: 8}
  responses: {answer: prompts, model: m}
  judged: {score: responses, model: m, gate: {data: gold.jsonl, at_least: 0.9}}
"""


@pytest.mark.parametrize("judge", ["right", "wrong"])
def test_a_gate_is_paid_once_and_holds_for_every_slice(judge: str, tmp_path: Path) -> None:
    gold = [f'{{"prompt": "p{n}", "chosen": "zebra {n}", "rejected": "yak {n}"}}\n' for n in range(6)]
    Path("gold.jsonl").write_text("".join(gold))
    Path("gated.yaml").write_text(GATED)
    asked = []

    def model(request: Request, seed: int) -> str:
        asked.append(text := request.messages[-1]["content"])
        return f"Score: {5 if ('zebra' in text) == (judge == 'right') else 1}"

    gated = load("gated.yaml")
    for n in range(2):
        if judge == "wrong":
            with pytest.raises(GateClosed, match=r"the judge is right in 0\.0%"):
                run_slice(gated, Slice(n, 2), "meet", fakes={"m": unmarked(model)})
        else:
            assert run_slice(gated, Slice(n, 2), "meet", fakes={"m": unmarked(model)}).made
    assert len(asked) == 12 + (16 if judge == "right" else 0)
