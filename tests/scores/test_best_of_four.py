from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen.scores.best_of_four import best_of_four

CANDIDATES = pl.List(pl.Struct({"response_id": pl.String, "response": pl.String}))
OF_ALL: dict[str, Any] = {
    "prompt_id": pl.String,
    "id": pl.String,
    "subset": pl.String,
    "correct_ids": pl.List(pl.String),
}
SAID: dict[str, Any] = {"judgment": pl.String, "judge_model": pl.String, "judgment_reply": pl.String}
Rating = tuple[float | None, str | None]


def rankings(*judgments: tuple[str | None, str | None], correct: int = 2) -> pl.DataFrame:
    """A judgment (verdict, words) of four candidates in each set; the one at this place is right."""
    rows = []
    for n, (verdict, words) in enumerate(judgments):
        shown = [{"response_id": f"p{n}.{k}", "response": "x"} for k in range(4)]
        picked = f"p{n}.{'ABCD'.index(verdict)}" if verdict else None
        rows.append((f"p{n}", f"p{n}.0", "Math", [f"p{n}.{correct}"], words, "m", f"key{n}", shown, verdict, picked))
    schema = {**OF_ALL, **SAID, "candidates": CANDIDATES, "verdict": pl.String, "picked": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def ratings(*sets: Sequence[Rating]) -> pl.DataFrame:
    """Ratings (score, words) of the responses of each set; the first one is right."""
    rows = [
        (f"p{n}", f"p{n}.{k}.0", "Math", [f"p{n}.0"], words, "m", f"key{n}{k}", f"p{n}.{k}", k == 0, score)
        for n, one in enumerate(sets)
        for k, (score, words) in enumerate(one)
    ]
    schema = {**OF_ALL, **SAID, "response_id": pl.String, "correct": pl.Boolean, "score": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def plain(*scores: float | None) -> list[Rating]:
    return [(score, None) for score in scores]


def test_rankings() -> None:
    made = best_of_four(rankings(("C", "[[C]]"), ("A", "[[A]]"), (None, "hm")))
    assert made["id"].to_list() == ["p0.2", "p1.2", "p2.2"]
    assert made["credit"].to_list() == [1, 0, 0.25]
    assert made["unreadable"].to_list() == [0, 0, 1]
    assert made["credit_mode"].unique().to_list() == ["rankings"]
    assert made["judgment_replies"].to_list() == [["key0"], ["key1"], ["key2"]]


def test_the_official_reading_takes_the_first_letter_that_stands_anywhere() -> None:
    rows = rankings(("C", "not [[A]] but\n[[C]]"), ("C", "[[C]]"), (None, "[[E]]"), ("C", None))
    made = best_of_four(rows, parser="official")
    assert made["credit"].to_list() == made["credit_official"].to_list() == [0, 1, 0.25, 1]
    assert made["credit_robust"].to_list() == [1, 1, 0.25, 1]
    assert made["unreadable"].to_list() == [0, 0, 1, 0]


def test_an_unreadable_judge_has_exactly_a_quarter() -> None:
    assert set(best_of_four(rankings(*[(None, "hm")] * 7))["credit"]) == {0.25}
    assert set(best_of_four(ratings(*[plain(None, None)] * 7), mode="ratings")["credit"]) == {0.25}


def test_ratings() -> None:
    sets = (plain(9, 3, 2, 1), plain(7, 7, 7, 1), plain(3, 9, 2, 1), plain(None, 4), plain(4, None), plain(None, None))
    made = best_of_four(ratings(*sets), mode="ratings")
    assert made["credit"].to_list() == [1, pytest.approx(1 / 3), 0, 0, 1, 0.25]
    assert made["judgments"].to_list() == [4, 4, 4, 2, 2, 2]
    assert made["unreadable"].to_list() == [0, 0, 0, 0.5, 0.5, 1]


def test_the_official_reading_of_ratings() -> None:
    made = best_of_four(
        ratings([(8, "8/10"), (9, "9")], [(8, "**8**"), (3, "3")], [(8, "1 8"), (3, "10")]), mode="ratings"
    )
    assert made["credit_robust"].to_list() == [0, 1, 1]
    assert made["credit_official"].to_list() == [1, 0, 0]


def test_several_judgments_of_one_set() -> None:
    rows = rankings(("C", None), ("A", None), (None, None), ("C", None))
    rows = rows.with_columns(correct_ids=pl.lit(["p0.2"]), picked=pl.Series(["p0.2", "p0.0", None, "p0.2"]))
    assert best_of_four(rows)["credit"].to_list() == [(1 + 0 + 0.25 + 1) / 4]
    twice = pl.concat([ratings(plain(9, 5)), ratings(plain(2, 6))])
    assert best_of_four(twice, mode="ratings")["credit"].to_list() == [0.5]  # both have 5.5


def test_two_sets_of_one_prompt_stay_apart() -> None:
    rows = rankings(("C", None), ("A", None)).with_columns(prompt_id=pl.lit("p"))
    assert best_of_four(rows)["credit"].to_list() == [1, 0]


def test_each_reason_and_no_rows() -> None:
    rows = rankings(("C", None), ("C", None)).with_columns(
        correct_ids=pl.Series([[], ["p1.2"]], dtype=pl.List(pl.String))
    )
    assert best_of_four.marked(rows)["dropped"].to_list() == ["no response is known to be correct", None]
    assert best_of_four(rows.clear()).schema == best_of_four(rows).schema
    some = ratings(plain(1, 2))
    assert best_of_four(some.clear(), mode="ratings").schema == best_of_four(some, mode="ratings").schema
    with pytest.raises(ValueError, match="unreadable must be from 0 to 1; it is -1"):
        best_of_four(rows, unreadable=-1)
    for column in ("correct_ids", "picked", "judgment", "candidates"):
        with pytest.raises(pl.exceptions.ColumnNotFoundError, match=column):
            best_of_four(rows.clear().drop(column))


SCORES = st.sampled_from([None, 1.0, 2.0, 5.0])


@given(st.lists(st.lists(SCORES, min_size=1, max_size=5), max_size=6))
def test_ratings_against_a_loop(sets: list[list[Any]]) -> None:
    expected = []
    for scores in sets:
        read = [score for score in scores if score is not None]
        winners = [k for k, score in enumerate(scores) if read and score == max(read)]
        expected.append((0 in winners) / len(winners) if winners else 0.25)
    made = best_of_four(ratings(*(plain(*scores) for scores in sets)), mode="ratings")
    assert made["credit"].to_list() == pytest.approx(expected)
