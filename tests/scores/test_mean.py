from statistics import mean as average
from statistics import stdev
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from prefgen.asker import MESSAGES
from prefgen.scores.mean import mean

SCHEMA: dict[str, Any] = {
    "prompt_id": pl.String,
    "id": pl.String,
    "prompt": MESSAGES,
    "category": pl.String,
    "response": pl.String,
    "response_model": pl.String,
    "truncated": pl.Boolean,
    "response_reply": pl.String,
    "response_id": pl.String,
    "judgment": pl.String,
    "score": pl.Float64,
    "judge_model": pl.String,
    "judgment_reply": pl.String,
    "asked": MESSAGES,
}


def judged(scores: dict[str, list[float | None]]) -> pl.DataFrame:
    """Judgments of responses, whose ids are p.0, p.1 …, one for each score."""
    said = [{"role": "user", "content": "why?"}]
    rows = [
        {
            "prompt_id": response.partition(".")[0],
            "id": f"{response}.{draw}",
            "prompt": said,
            "category": "c",
            "response": f"text of {response}",
            "response_model": "m",
            "truncated": False,
            "response_reply": "ab",
            "response_id": response,
            "judgment": "so",
            "score": score,
            "judge_model": "j",
            "asked": said,
            "judgment_reply": f"{response}/{draw}",
        }
        for response, drawn in scores.items()
        for draw, score in enumerate(drawn)
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def test_one_row_for_each_response_in_order_of_appearance() -> None:
    made = mean(judged({"q.1": [5, 4, 3], "p.0": [2], "q.0": [1, 2]}))
    assert made["id"].to_list() == ["q.1", "p.0", "q.0"]
    assert made["score"].to_list() == [4.0, 2.0, 1.5]
    assert made["score_sd"].to_list() == [1.0, None, pytest.approx(0.5**0.5)]
    assert made["judgments"].to_list() == [3, 1, 2]
    assert made["judgment_replies"].to_list() == [["q.1/0", "q.1/1", "q.1/2"], ["p.0/0"], ["q.0/0", "q.0/1"]]
    assert made["response"].to_list() == ["text of q.1", "text of p.0", "text of q.0"]


def test_the_columns_are_the_response_s() -> None:
    expected = {
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
    assert list(mean(judged({"p.0": [1]})).schema.items()) == list(expected.items())
    assert mean(judged({})).schema == expected
    assert mean(judged({}).lazy()).collect_schema() == expected


def test_what_is_no_score_counts_for_nothing() -> None:
    rows = judged({"p.0": [4, None, float("nan"), 2], "p.1": [None]})
    assert mean.marked(rows)["dropped"].to_list() == [None, "not scored", "not scored", None, "not scored"]
    made = mean(rows)
    assert made["score"].to_list() == [3.0]
    assert made["judgment_replies"].to_list() == [["p.0/0", "p.0/3"]]


def test_a_response_needs_so_many_judgments() -> None:
    rows = judged({"p.0": [4, 5], "p.1": [1, None]})
    few = "fewer than 2 judgments"
    assert mean.marked(rows, at_least=2)["dropped"].to_list() == [None, None, few, "not scored"]
    assert mean(rows, at_least=2)["id"].to_list() == ["p.0"]
    with pytest.raises(ValueError, match="at_least must be 1 or more"):
        mean(rows, at_least=0)


def test_another_column_by_another_key() -> None:
    rows: list[dict[str, Any]] = [{"prompt_id": "p", "helps": 1}, {"prompt_id": "p", "helps": 2}]
    expected = {"prompt_id": "p", "id": "p", "score": 1.5, "score_sd": pytest.approx(0.5**0.5), "judgments": 2}
    assert mean(rows, of="helps", by="prompt_id") == [expected]


def test_judgments_of_several_replies_each() -> None:
    rows = judged({"p.0": [1, 3]}).with_columns(judgment_replies=pl.concat_list("judgment_reply", pl.lit("x")))
    assert mean(rows.drop("judgment_reply"))["judgment_replies"].to_list() == [["p.0/0", "x", "p.0/1", "x"]]


def test_a_missing_column_is_an_error() -> None:
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="response_id"):
        mean(judged({}).drop("response_id"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=6))
def test_means_and_shards(scores: list[list[int]]) -> None:
    responses: dict[str, list[float | None]] = {f"p{i // 2}.{i}": [*drawn] for i, drawn in enumerate(scores)}
    made = mean(judged(responses))
    assert made["score"].to_list() == pytest.approx([average(drawn) for drawn in scores])
    assert made["score_sd"].to_list() == [pytest.approx(stdev(d)) if len(d) > 1 else None for d in scores]
    prompts = [{r: d for r, d in responses.items() if r.startswith(f"p{n}.")} for n in range(4)]
    assert_frame_equal(pl.concat([mean(judged(prompt)) for prompt in prompts]), made)
