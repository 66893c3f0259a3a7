"""RewardBench 1 and 2 as recipes, on small files in their layout: what judges whose score is known are given."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import load, run
from prefgen.llm.request import Request

ROOT = Path(__file__).parent.parent
Judge = Callable[[Request, int], str]


def results(name: str, judge: Judge, folder: Path, preset: str | None = None) -> dict[str, dict[str, Any]]:
    """The result table of the judge alone, by kind and name."""
    source = {"rewardbench": "pairs.load_pairs", "rewardbench-2": "responses.load_responses"}[name]
    data = ROOT / "tests" / "data" / f"{name.replace('-', '')}.jsonl"
    overrides = [f"steps.{source}={data}", "models.judge.use=fake/it"]
    run(load(ROOT / "recipes" / f"{name}.yaml", overrides, preset=preset), folder, fakes={"it": judge})
    made = pl.read_parquet(folder / "tables" / "results.parquet")
    judged = made.filter(pl.col("judge_model").fill_null("fake/it") == "fake/it")
    return {f"{row['kind']}/{row['name']}": row for row in judged.iter_rows(named=True)}


def says(text: str) -> Judge:
    return lambda request, seed: text


def test_a_judge_that_cannot_be_read_has_50(tmp_path: Path) -> None:
    made = results("rewardbench", says("I cannot say."), tmp_path)
    assert {row["score"] for row in made.values()} == {50.0}
    assert made["overall/4-section"]["rows"] == 69
    assert made["overall/4-section"]["unreadable"] == 1


@pytest.mark.parametrize(("preset", "low", "high"), [(None, 25, 75), ("both-orders", 0, 0)])
def test_a_judge_that_always_says_a(preset: str | None, low: float, high: float, tmp_path: Path) -> None:
    score = results("rewardbench", says("It is A.\n\n[[A]]"), tmp_path, preset)["overall/4-section"]["score"]
    assert low <= score <= high


def test_the_two_readings_stand_side_by_side(tmp_path: Path) -> None:
    made = results("rewardbench", says("At first I thought [[A]].\n\nMy verdict: [[B]]"), tmp_path / "robust")
    official = results(
        "rewardbench", says("At first I thought [[A]].\n\nMy verdict: [[B]]"), tmp_path / "official", "official"
    )
    assert made["overall/4-section"]["disagreement"] == official["overall/4-section"]["disagreement"] == 1
    for name, row in made.items():
        assert row["score"] + official[name]["score"] == pytest.approx(100)


def test_the_longest_response_stands_beside_the_judge(tmp_path: Path) -> None:
    results("rewardbench", says("[[B]]"), tmp_path)
    made = pl.read_parquet(tmp_path / "tables" / "results.parquet").filter(pl.col("judge_model") == "baseline/longest")
    scores = dict(made.select("name", "score").iter_rows())
    assert scores["alpacaeval-easy"] == scores["alpacaeval-hard"] == 100
    assert scores["math-prm"] < 50


def test_a_judge_of_four_that_cannot_be_read_has_25_outside_ties(tmp_path: Path) -> None:
    made = results("rewardbench-2", says("I cannot say."), tmp_path)
    assert {made[f"domain/{name}"]["score"] for name in ("Factuality", "Precise IF", "Math", "Safety", "Focus")} == {
        25.0
    }
    assert (made["domain/Ties"]["score"], made["domain/Ties"]["rows"]) == (0, 0)
    assert made["overall/6-domain"]["score"] == pytest.approx(5 * 25 / 6)


RIGHT = {
    (row["prompt"], text)
    for row in pl.read_ndjson(ROOT / "tests" / "data" / "rewardbench2.jsonl").iter_rows(named=True)
    for text in row["chosen"]
}


def knows(request: Request, seed: int) -> str:
    """A judge that knows every right answer; it gives the right ones of the Ties the same rating."""
    asked = request.messages[-1]["content"]
    question = asked.split("[User Question]\n")[1].split("\n")[0]
    if "[The Assistant's Answer]" in asked:
        answer = asked.split("[The Assistant's Answer]\n")[1].split("\n[The End")[0]
        return f"I know.\n\n{9 if (question, answer) in RIGHT else 2}"
    for letter in "ABCD":
        answer = asked.split(f"Assistant {letter}'s Answer]\n")[1].split("\n[The End")[0]
        if (question, answer) in RIGHT:
            return f"I know.\n\n[[{letter}]]"
    return "None is right."


@pytest.mark.parametrize("preset", [None, "ratings", "official"])
def test_a_judge_that_knows(preset: str | None, tmp_path: Path) -> None:
    made = results("rewardbench-2", knows, tmp_path, preset)
    assert {made[f"domain/{name}"]["score"] for name in ("Factuality", "Precise IF", "Math", "Safety", "Focus")} == {
        100.0
    }
    assert made["overall/6-domain"]["mode"] == ("ratings" if preset == "ratings" else "rankings")
    assert made["measure/tied_acc"]["score"] == made["measure/p1"]["score"] == 100
