from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from prefgen.asker import MESSAGES
from prefgen.filters import length_control
from prefgen.pairs.best_worst import best_worst

Scored = tuple[float | None, str | None]


def table(responses: Sequence[Scored], prompt: str = "p") -> pl.DataFrame:
    said = [{"role": "user", "content": "why?"}]
    rows = [
        {
            "prompt_id": prompt,
            "id": f"{prompt}.{i}",
            "prompt": said,
            "category": "c",
            "response": text,
            "response_model": f"m{i}",
            "truncated": False,
            "response_reply": f"key{i}",
            "score": score,
            "score_sd": 0.5,
            "judgments": 2,
            "judgment_replies": [f"j{i}", f"k{i}"],
        }
        for i, (score, text) in enumerate(responses)
    ]
    schema: dict[str, Any] = {
        "prompt_id": pl.String,
        "id": pl.String,
        "prompt": MESSAGES,
        "category": pl.String,
        "response": pl.String,
        "response_model": pl.String,
        "truncated": pl.Boolean,
        "response_reply": pl.String,
        "score": pl.Float64,
        "score_sd": pl.Float64,
        "judgments": pl.UInt32,
        "judgment_replies": pl.List(pl.String),
    }
    return pl.DataFrame(rows, schema=schema)


def reasons(responses: Sequence[Scored], **how: Any) -> list[str | None]:
    return best_worst.marked(table(responses), **how)["dropped"].to_list()


def test_the_pair_of_a_prompt() -> None:
    assert best_worst(table([(3, "c"), (1, "d"), (5, "a")])).to_dicts() == [
        {
            "prompt_id": "p",
            "id": "p.2-1",
            "prompt": [{"role": "user", "content": "why?"}],
            "category": "c",
            "chosen": "a",
            "chosen_model": "m2",
            "chosen_reply": "key2",
            "chosen_score": 5.0,
            "rejected": "d",
            "rejected_model": "m1",
            "rejected_reply": "key1",
            "rejected_score": 1.0,
            "judgment_replies": ["j2", "k2", "j1", "k1"],
        }
    ]


def test_columns_that_nobody_has_are_not_needed() -> None:
    rows = [
        {"prompt_id": 7, "id": "x", "response": "a", "score": 1},
        {"prompt_id": 7, "id": "y", "response": "b", "score": 0},
    ]
    pair = {"prompt_id": 7, "id": "x-y", "chosen": "a", "chosen_score": 1.0, "rejected": "b", "rejected_score": 0.0}
    assert best_worst(rows) == [pair]
    assert best_worst(pl.LazyFrame(rows)).collect().to_dicts() == [pair]


def test_no_responses_make_no_pairs_but_their_columns() -> None:
    made = best_worst(table([]))
    assert made.is_empty()
    assert made.schema == best_worst(table([(1, "a"), (2, "b")])).schema
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="score"):
        best_worst(table([]).drop("score"))


@pytest.mark.parametrize(
    ("responses", "why"),
    [
        ([(2, "a"), (1, "b"), (None, "c")], [None, None, "not scored"]),
        ([(2, "a"), (1, "b"), (float("nan"), "c")], [None, None, "not scored"]),
        ([(2, "a"), (1, "b"), (3, None)], [None, None, "no response"]),
        ([(2, "a"), (None, "b")], ["fewer than two scored responses", "not scored"]),
        ([(2, "a"), (2, "b")], ["equal scores", "equal scores"]),
        ([(0.1 + 0.2, "a"), (0.3, "b")], ["equal scores", "equal scores"]),
        ([(2, "a"), (1, " a\n"), (1.5, "c")], ["equal texts"] * 3),
        ([(2, "a"), (1, "b"), (1.5, "c")], [None, None, "neither best nor worst"]),
        ([(2, "a"), (2, "b"), (1, "c")], [None, "neither best nor worst", None]),
    ],
)
def test_each_reason(responses: list[Scored], why: list[str | None]) -> None:
    assert reasons(responses) == why


def test_the_gap_must_be_wide_enough() -> None:
    assert reasons([(4, "a"), (3, "b")], min_gap=1) == [None, None]
    assert reasons([(4, "a"), (3.5, "b")], min_gap=1) == ["score gap under 1"] * 2
    assert reasons([(4.5, "a"), (4.2, "b")], min_gap=0.3) == [None, None]  # 4.5 - 4.2 is under 0.3 in floats
    assert reasons([(0.3, "a"), (0.1, "b")], min_gap=0.2) == [None, None]  # 0.1 + 0.2 is over 0.3
    with pytest.raises(ValueError, match="min_gap must be 0 or more"):
        reasons([], min_gap=-1)


def test_ties() -> None:
    tied = table([(5, "aaa"), (5, "a"), (1, "bbb"), (1, "b"), (5, "c")])
    assert best_worst(tied)["id"].item() == "p.0-2"
    assert best_worst(tied, ties="shortest")["id"].item() == "p.1-3"
    assert best_worst(length_control(tied, rho=0))["id"].item() == "p.1-2"
    picked = [best_worst(tied, ties="random", seed=seed)["id"].item() for seed in range(60)]
    assert picked == [best_worst(tied, ties="random", seed=seed)["id"].item() for seed in range(60)]
    assert set(picked) == {f"p.{a}-{b}" for a in (0, 1, 4) for b in (2, 3)}


def test_scores_that_only_rounding_tells_apart_are_tied() -> None:
    assert best_worst(table([(0.3, "a"), (0.1 + 0.2, "b"), (0.0, "c")]))["id"].item() == "p.0-2"


PROMPTS = st.lists(
    st.lists(
        st.tuples(st.sampled_from([None, 0.0, 1.0, 2.5, 5.0]), st.sampled_from(["a", "bb", "ccc", " a"])), max_size=5
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=100)
@given(PROMPTS, st.sampled_from([0.0, 1.0, 2.5]), st.sampled_from(["first", "shortest", "random"]), st.integers())
def test_the_chosen_is_the_best_and_the_rejected_the_worst(
    prompts: list[list[Scored]], min_gap: float, ties: Any, seed: int
) -> None:
    tables = [table(responses, f"p{n}") for n, responses in enumerate(prompts)]
    pairs = best_worst(pl.concat(tables), min_gap=min_gap, ties=ties, seed=seed)
    assert pairs["id"].is_unique().all()
    for pair in pairs.iter_rows(named=True):
        scores = [score for score, _ in prompts[int(pair["prompt_id"][1:])] if score is not None]
        assert (pair["chosen_score"], pair["rejected_score"]) == (max(scores), min(scores))
        assert max(scores) - min(scores) >= min_gap
        assert pair["chosen_score"] > pair["rejected_score"]
        assert pair["chosen"].strip() != pair["rejected"].strip()
    shards = [best_worst(t, min_gap=min_gap, ties=ties, seed=seed) for t in tables]
    assert_frame_equal(pl.concat(shards), pairs)
    if ties == "first":
        assert pairs.rows() == [pair for t in tables for pair in _first_pair(t, min_gap)]


def _first_pair(rows: pl.DataFrame, min_gap: float) -> list[tuple[Any, ...]]:
    scored = rows.filter(pl.col("score").is_not_null()).to_dicts()
    if len(scored) < 2:
        return []
    best, worst = max(scored, key=lambda r: r["score"]), min(scored, key=lambda r: r["score"])
    alike = best["response"].strip() == worst["response"].strip()
    if alike or best["score"] == worst["score"] or best["score"] - worst["score"] < min_gap:
        return []
    return best_worst(pl.DataFrame([best, worst], schema=rows.schema)).rows()
