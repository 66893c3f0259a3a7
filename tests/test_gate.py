"""A judge's gate: what it measures, whom it lets through, and that nothing else is spent on one that fails."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import Recipe, load, run
from prefgen.display import spent
from prefgen.errors import GateClosed, RecipeError
from prefgen.gate import baseline
from prefgen.llm.request import Request
from prefgen.run import Run, estimates
from tests.marks import unmarked

RECIPE = """\
recipe: gated
models: {writer: {use: fake/writer}, judge: {use: fake/judge}}
steps:
  prompts: {load: prompts.jsonl}
  responses: {answer: prompts, model: writer, n: 2}
  judged: {score: responses, model: judge}
  pairs: {load_pairs: gold.jsonl}
  orders: {both_orders: pairs}
  judgments: {compare: orders, model: judge, n: 3, stop: first_agreeing, gate: {data: gold.jsonl, at_least: 0.7}}
"""
GOLD = [
    {"prompt": f"question {i}?", "chosen": f"right {'so ' * (i % 5)}", "rejected": f"wrong {'so ' * ((i + 2) % 5)}"}
    for i in range(20)
]


def put(folder: Path, text: str = RECIPE) -> Path:
    for name, rows in (("prompts", [{"prompt": "why?"}]), ("gold", GOLD)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "r.yaml").write_text(text)
    return folder / "r.yaml"


class World:
    """A writer, and a judge that knows right from wrong in some questions and reads nothing in the others."""

    def __init__(self, right_until: int, unreadable: int = 0) -> None:
        self.right_until, self.unreadable = right_until, unreadable
        self.asked = {"writer": 0, "judge": 0}

    def fakes(self) -> dict[str, Any]:
        return {"writer": self.writer, "judge": unmarked(self.judge)}

    def writer(self, request: Request, seed: int) -> str:
        self.asked["writer"] += 1
        return f"answer {seed}"

    def judge(self, request: Request, seed: int) -> str:
        self.asked["judge"] += 1
        text = request.messages[-1]["content"]
        number = int("0" + "".join(c for c in text.rpartition("question ")[2][:3] if c.isdigit()))
        if "[Response]" in text:
            good = "right" in text.partition("[Response]")[2]
            return f"Score: {(4 if good else 2) if number < self.right_until else (2 if good else 4)}"
        if number >= 20 - self.unreadable:
            return "Both are fine."
        first = text.partition("Assistant A's Answer]\n")[2].startswith("right")
        return "[[A]]" if first == (number < self.right_until) else "[[B]]"


def go(folder: Path, world: World, *sets: str) -> tuple[Run, list[str]]:
    said: list[str] = []
    return run(load(put(folder), sets), folder / "run", fakes=world.fakes(), say=said.append), said


def test_a_judge_that_passes_goes_on(tmp_path: Path) -> None:
    done, said = go(tmp_path, World(15))
    assert said == ["gate: judgments: right in 75.0% of 40, best baseline 60.0%, 40 calls"]
    assert done.counts["judgments"].tally.cached >= 40


@pytest.mark.parametrize("passes", [True, False])
def test_what_a_gate_cost_is_told(passes: bool, tmp_path: Path) -> None:
    with nullcontext() if passes else pytest.raises(GateClosed):
        done, _ = go(tmp_path, World(15 if passes else 13))
        assert next(spent(done)).startswith(f"{40 + sum(one.tally.calls for one in done.counts.values())} calls")
    told = json.loads((tmp_path / "run" / "run.json").read_text())
    assert told["gates"]["judgments"]["calls"] == 40


def test_a_judge_that_does_not_pass_costs_nothing_more(tmp_path: Path) -> None:
    world = World(13)
    words = r"judgments: the judge is right in 65\.0% of 40 judgments of gold\.jsonl; its gate asks for 70\.0%"
    with pytest.raises(GateClosed, match=words):
        go(tmp_path, world)
    assert world.asked == {"writer": 0, "judge": 40}
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "GateClosed"


def test_what_cannot_be_read_is_not_right(tmp_path: Path) -> None:
    with pytest.raises(GateClosed, match=r"right in 65\.0% of 40 judgments of gold\.jsonl \(14 could not be read\)"):
        go(tmp_path, World(20, unreadable=7))


def test_a_judge_must_be_better_than_one_that_reads_nothing(tmp_path: Path) -> None:
    setting = "steps.judgments.gate={data: gold.jsonl, over_baseline: 0.2}"
    with pytest.raises(GateClosed, match=r"the best baseline reaches 60\.0%, and its gate asks for 20\.0% more"):
        go(tmp_path, World(15), setting)
    go(tmp_path, World(16), setting, "seed=1")


def test_a_judge_of_single_responses_is_right_where_the_better_one_has_more(tmp_path: Path) -> None:
    setting = "steps.judged.gate={data: gold.jsonl, at_least: 0.8, take: 10}"
    _, said = go(tmp_path, World(20), "steps.judgments.gate=", setting)
    assert said == ["gate: judged: right in 100.0% of 10, best baseline 60.0%, 20 calls"]
    with pytest.raises(GateClosed, match=r"right in 60\.0% of 10"):
        go(tmp_path, World(6), "steps.judgments.gate=", setting, "seed=1")


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        ("{data: gone.jsonl}", "gone.jsonl; did you mean 'gold.jsonl'?"),
        ("{at_least: 0.7}", "judgments: compare: gate is {'at_least': 0.7}; data: field required"),
        ("{data: gold.jsonl, at_least: 70}", "input should be less than or equal to 1"),
        ("{data: gold.jsonl, atleast: 0.7}", "extra inputs are not permitted"),
    ],
)
def test_a_gate_that_is_wrong_is_told_before_any_call(gate: str, words: str, tmp_path: Path) -> None:
    text = RECIPE.replace("{data: gold.jsonl, at_least: 0.7}", gate)
    world = World(20)
    with pytest.raises(RecipeError) as caught:
        run(load(put(tmp_path, text)), tmp_path / "run", fakes=world.fakes())
    assert words in str(caught.value)
    assert world.asked == {"writer": 0, "judge": 0}


def test_a_plan_counts_what_gates_ask(tmp_path: Path) -> None:
    models = {"writer": {"use": "openai/x"}, "judge": {"use": "openai/x"}}
    recipe = load(put(tmp_path))
    recipe = Recipe(name="g", steps=recipe.steps, models=models, folder=recipe.folder)
    found = estimates(recipe, tmp_path / "run")
    assert (found["gate of judgments"].least, found["gate of judgments"].most) == (40, 40)


def test_baselines() -> None:
    rows = pl.DataFrame({"chosen": ["aa", "aa", "a", "b"], "rejected": ["a", "a", "aa", "b"]})
    assert baseline(rows) == 0.625
    assert baseline(rows.with_columns(chosen="rejected", rejected="chosen")) == 0.625
    assert baseline(rows.clear()) == 0.5
