from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen.scores.credit import credit

SCHEMA = {
    "prompt_id": pl.String,
    "id": pl.String,
    "pair_id": pl.String,
    "subset": pl.String,
    "gold": pl.String,
    "verdict": pl.String,
    "judgment": pl.String,
    "judge_model": pl.String,
    "judgment_reply": pl.String,
}
Judgment = tuple[str | None, str | None, str | None]


def judged(*pairs: Sequence[Judgment]) -> pl.DataFrame:
    """Judgments (gold, verdict, words) of each pair."""
    rows = [
        (f"p{n}", f"p{n}.0.{k}", f"p{n}.0", "s", *judgment, "m", f"key{n}{k}")
        for n, pair in enumerate(pairs)
        for k, judgment in enumerate(pair)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def credits_of(rows: pl.DataFrame, **how: Any) -> list[float]:
    return credit(rows, **how)["credit"].to_list()


def test_one_judgment_of_each_pair() -> None:
    rows = judged([("A", "A", "[[A]]")], [("B", "A", "[[A]]")], [("A", None, "hm")])
    made = credit(rows)
    assert made["id"].to_list() == ["p0.0", "p1.0", "p2.0"]
    assert made["credit"].to_list() == [1, 0, 0.5]
    assert made["unreadable"].to_list() == [0, 0, 1]
    assert made["judgments"].to_list() == [1, 1, 1]
    assert made["judgment_replies"].to_list() == [["key00"], ["key10"], ["key20"]]
    assert credits_of(rows, unreadable=0) == [1, 0, 0]


def test_the_official_reading_takes_a_text_with_both_markers_for_a() -> None:
    rows = judged([("B", "B", "not [[A]] but\n[[B]]")], [("B", "B", "[[B]]")], [("B", None, "[[C]]")])
    made = credit(rows, parser="official")
    assert made["credit"].to_list() == made["credit_official"].to_list() == [0, 1, 0.5]
    assert made["credit_robust"].to_list() == [1, 1, 0.5]
    assert made["unreadable"].to_list() == [0, 0, 1]


def test_a_judgment_without_words_is_read_one_way() -> None:
    made = credit(judged([("B", "B", None)]))
    assert made.select("credit_robust", "credit_official").row(0) == (1, 1)
    assert credit(judged([("B", "A", None)]).drop("judgment"))["credit"].to_list() == [0]


def test_both_orders() -> None:
    right, half, unread = (
        [("A", "A", ""), ("B", "B", "")],
        [("A", "A", ""), ("B", "A", "")],
        [("A", "A", ""), ("B", None, "")],
    )
    rows = judged(right, half, unread)
    assert credits_of(rows, orders="both_correct") == [1, 0, 0]
    assert credits_of(rows, orders="mean") == [1, 0.5, 0.75]
    assert credits_of(rows) == [1, 1, 1]


def test_each_reason() -> None:
    rows = judged([("A", "A", ""), ("B", "A", ""), (None, "A", "")], [("A", "A", "")])
    assert credit.marked(rows)["dropped"].to_list() == [None, "not the pair's first judgment", "no gold", None]
    both = credit.marked(rows, orders="both_correct")["dropped"].to_list()
    assert both == [None, None, "no gold", "only one order was judged"]
    with pytest.raises(ValueError, match="unreadable must be from 0 to 1; it is 2"):
        credit(rows, unreadable=2)


def test_no_judgments() -> None:
    for orders in ("single", "both_correct", "mean"):
        made = credit(judged(), orders=orders)
        assert made.is_empty()
        assert made.schema == credit(judged([("A", "A", ""), ("B", "A", "")]), orders=orders).schema
    for column in ("gold", "verdict", "pair_id"):
        with pytest.raises(pl.exceptions.ColumnNotFoundError, match=column):
            credit(judged().drop(column))


VERDICTS = st.sampled_from(["A", "B", None])


@given(st.lists(st.tuples(VERDICTS, VERDICTS), max_size=8), st.sampled_from([0.0, 0.25, 0.5]))
def test_against_a_loop(pairs: list[tuple[str | None, str | None]], unreadable: float) -> None:
    rows = judged(*([("A", ab, None), ("B", ba, None)] for ab, ba in pairs))
    points = [[unreadable if v is None else float(v == g) for v, g in zip(pair, "AB", strict=True)] for pair in pairs]
    how: dict[str, Any] = {"unreadable": unreadable}
    assert credits_of(rows, orders="mean", **how) == [sum(point) / 2 for point in points]
    assert credits_of(rows, orders="single", **how) == [point[0] for point in points]
    assert credits_of(rows, orders="both_correct", **how) == [float(pair == ("A", "B")) for pair in pairs]
