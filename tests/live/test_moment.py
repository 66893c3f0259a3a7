"""What is read of a run while it goes: looked at from within its model, at every call."""

import itertools
import time
from dataclasses import replace
from pathlib import Path

import pytest

from prefgen import Recipe, run
from prefgen.errors import PrefgenError
from prefgen.live.guess import Step
from prefgen.live.moment import Moment, moment
from prefgen.live.past import Past
from prefgen.llm.request import Request
from prefgen.progress import Progress
from prefgen.run import Run
from tests.fakes import writes
from tests.test_recipes import on_fakes

ASKING = ("labelled", "responses", "pairs", "judgments")


def watched(recipe: Recipe, folder: Path, every: int = 1, **how: object) -> tuple[list[Moment], Progress, Run]:
    """The moments at which a recipe's model was asked, one of ``every`` so many, and the run."""
    progress, past, began = Progress(), Past(), time.monotonic()
    seen: list[Moment] = []
    calls = itertools.count()

    def fake(request: Request, seed: int) -> object:
        if next(calls) % every == 0:
            seen.append(moment(progress, past, time.monotonic(), began))
        return writes(request, seed)

    done = run(recipe, folder, fakes={str(k): fake for k in range(4)}, progress=progress, **how)  # type: ignore[arg-type]
    seen.append(moment(progress, past, time.monotonic(), began))
    return seen, progress, done


def of(now: Moment, name: str) -> Step:
    return next(step for step in now.steps if step.name == name)


def test_prompts_go_from_step_to_step_and_none_is_lost_on_the_way(tmp_path: Path) -> None:
    seen, _, done = watched(on_fakes("self-taught-evaluators"), tmp_path / "run", every=2, take=30)
    assert len(seen) > 75
    for before, now in itertools.pairwise(seen):
        steps = [of(now, name) for name in ASKING]
        assert [one.done for one in steps] == sorted((one.done for one in steps), reverse=True)
        assert all(0 <= one.within <= 30 - one.done for one in steps if one.state == "now")
        if now is not seen[-1]:
            assert all(one.done >= of(before, one.name).done for one in steps)
            assert (now.done, now.prompts) == (min(one.done for one in steps), 30)
    last = seen[-1]
    assert all(step.state == "done" for step in last.steps)
    assert {one.name: one.rows for one in last.steps} == {name: count.rows_out for name, count in done.counts.items()}
    assert of(last, "judgments").asked == done.counts["judgments"].saved.asked
    assert max(of(now, "judgments").done for now in seen) > 20


def test_rows_and_losses_are_told_before_their_shard_is_written(tmp_path: Path) -> None:
    def fake(request: Request, seed: int) -> object:
        seen.append((moment(progress, past, 0, 0), progress.counts["responses"].rows_out))
        said = writes(request, seed)
        return "" if str(said).startswith("An answer") and seed % 4 == 0 else said

    progress, past, seen = Progress(), Past(), list[tuple[Moment, int]]()
    recipe, fakes = on_fakes("self-taught-evaluators"), {"0": fake}
    done = run(recipe, tmp_path / "run", fakes=fakes, take=30, shard=30, progress=progress).counts["responses"]
    assert {written for _, written in seen} == {0}
    before, _ = seen[-1]
    assert of(before, "responses").rows == done.rows_out
    assert of(before, "responses").unreadable == done.unreadable
    assert 0 < done.unreadable["empty"] < 30
    after = of(moment(progress, past, 0, 0), "responses")
    assert (after.rows, after.unreadable) == (done.rows_out, done.unreadable)


def test_parts_are_those_in_which_a_model_is_asked(tmp_path: Path) -> None:
    seen, _, _ = watched(on_fakes("self-rewarding"), tmp_path / "run", every=5, take=4)
    assert {now.parts for now in seen if now.steps} == {3}
    parts = [now.part for now in seen if now.steps]
    assert parts == sorted(parts)
    assert set(parts) == {1, 2, 3}
    assert [now.last for now in seen if now.steps] == [part == 3 for part in parts]


def test_a_run_that_ends_early_tells_no_more_than_it_did(tmp_path: Path) -> None:
    with pytest.raises(PrefgenError):
        watched(on_fakes("self-taught-evaluators"), tmp_path / "run", every=40, take=20, max_calls=40)
    seen, progress, _ = watched(on_fakes("self-taught-evaluators"), tmp_path / "run", every=40, take=20)
    assert sum(of(seen[-1], name).known for name in ASKING) >= 40
    assert progress.open == {}


def test_prompts_that_a_target_will_take_are_those_that_are_to_come(tmp_path: Path) -> None:
    recipe = replace(on_fakes("self-taught-evaluators"), target={"kept": 6})
    seen, _, _ = watched(recipe, tmp_path / "run", take=30)
    told = [now.target for now in seen if now.target]
    assert told[0] == "0 of 6 pairs kept"
    assert told[-1] == "6 of 6 pairs kept"


def test_while_a_gate_is_tried_it_is_what_is_shown(tmp_path: Path) -> None:
    _, gate, _ = watched(on_fakes("quickstart"), tmp_path / "run", every=40, take=4)
    progress = Progress(gates={"judgments": gate})
    now, alone = (moment(one, Past(), 5, 0) for one in (progress, gate))
    assert now == replace(alone, name="gate: quickstart")
    assert alone.name == "quickstart"


def test_before_anything_is_known_there_is_the_clock() -> None:
    progress = Progress(waits=lambda: ["a batch"])
    assert moment(progress, Past(), 12.5, 10) == Moment("", 2.5, waits=["a batch"])
