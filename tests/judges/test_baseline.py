import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen.asker import MESSAGES
from prefgen.judges.baseline import baseline
from prefgen.judges.compare import compare
from prefgen.pairs.both_orders import both_orders
from prefgen.pairs.one_order import one_order
from prefgen.scores.credit import credit
from prefgen.scores.sections import WEIGHTS, sections
from prefgen.sources.load_pairs import load_pairs

SCHEMA = {"prompt_id": pl.String, "id": pl.String, "response_a": pl.String, "response_b": pl.String}
PUBLISHED = os.environ.get("PREFGEN_REWARDBENCH", "")


def orders(*texts: tuple[str | None, str | None]) -> pl.DataFrame:
    rows = [
        {"prompt_id": f"p{n}", "id": f"p{n}.ab", "response_a": a, "response_b": b} for n, (a, b) in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


@pytest.mark.parametrize(
    ("by", "verdicts"), [("longest", ["A", "B"]), ("shortest", ["B", "A"]), ("first", ["A", "A", "A"])]
)
def test_what_decides(by: Any, verdicts: list[str]) -> None:
    made = baseline(orders(("aaa", "bb"), ("ä", "bb"), ("c", "d")), by=by)
    assert made["verdict"].to_list() == verdicts
    assert made["judge_model"].unique().to_list() == [f"baseline/{by}"]
    assert made["id"].to_list()[0] == "p0.ab.0"


def test_a_coin_is_the_seed_s_and_the_row_s() -> None:
    many = orders(*[("a", "b")] * 400)
    thrown = baseline(many, by="random", seed=1)["verdict"].to_list()
    assert thrown == [v for n in range(400) for v in baseline(many.slice(n, 1), by="random", seed=1)["verdict"]]
    assert 160 < thrown.count("A") < 240


def test_each_reason() -> None:
    marked = baseline.marked(orders(("a", "bb"), ("a", "b"), (None, "b")))
    assert marked["dropped"].to_list() == [None, "equal lengths", "no response"]
    assert baseline.marked(orders(("a", "b")), by="random")["dropped"].to_list() == [None]


def test_its_columns_are_those_of_a_judge() -> None:
    made = baseline(orders())
    assert made.schema == baseline(orders(("a", "bb"))).schema
    assert {name: made.schema[name] for name in compare.makes} == dict(compare.makes)
    assert made.schema["asked"] == MESSAGES
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        baseline(orders().drop("response_b"))


def test_a_judge_that_always_says_a() -> None:
    pairs = load_pairs(Path(__file__).parents[1] / "data" / "rewardbench.jsonl", keep="subset")
    both = credit(baseline(both_orders(pairs), by="first"), orders="both_correct")
    assert both["credit"].sum() == 0
    shown = pl.concat(one_order(pairs, seed=seed) for seed in range(20))
    share = baseline(shown, by="first").select((pl.col("verdict") == pl.col("gold")).mean()).item()
    assert share == pytest.approx(0.5, abs=0.05)


@pytest.mark.skipif(not PUBLISHED, reason="PREFGEN_REWARDBENCH names no file with RewardBench's filtered split")
def test_longest_scores_what_is_published() -> None:
    """The figures of allenai/reward-bench, issue 267: pairs of equal length left out, sections the means of their
    subsets, and all unweighted.
    """
    pairs = load_pairs(PUBLISHED, keep="subset", split="filtered")
    pairs = pairs.filter(pl.col("dropped").is_null()).drop("dropped")
    made = sections(credit(baseline(one_order(pairs))))
    scores = {row["name"]: row for row in made.iter_rows(named=True) if row["kind"] == "subset"}
    assert scores["alpacaeval-easy"]["score"] == scores["alpacaeval-hard"]["score"] == 100
    assert scores["math-prm"]["score"] == pytest.approx(7.8, abs=0.1)
    pooled = {s: _pooled([scores[name] for name in names]) for s, names in WEIGHTS.items()}
    means = {s: sum(scores[name]["score"] for name in names) / len(names) for s, names in WEIGHTS.items()}
    expected = {"Chat": 80.6, "Chat Hard": 29.3, "Safety": 41.9, "Reasoning": 36.2}
    assert any(all(abs(found[s] - score) < 0.1 for s, score in expected.items()) for found in (pooled, means))
    whole = (_pooled(list(scores.values())), sum(pooled.values()) / 4, sum(means.values()) / 4)
    assert any(abs(score - 42.6) < 0.1 for score in whole)


def _pooled(rows: list[dict[str, Any]]) -> float:
    return float(sum(row["score"] * row["rows"] for row in rows) / sum(row["rows"] for row in rows))
