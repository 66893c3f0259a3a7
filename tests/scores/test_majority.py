from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.scores.majority import majority

SCHEMA = {"prompt_id": pl.String, "id": pl.String, "pair_id": pl.String, "gold": pl.String, "verdict": pl.String}


def table(votes: str, gold: str = "A", pair: str = "p.0") -> pl.DataFrame:
    """Votes "ab-" as judgments of one ordered pair."""
    rows = [
        ("p", f"{pair}.{gold}.{k}", pair, gold, {"a": "A", "b": "B", "-": None}[vote]) for k, vote in enumerate(votes)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@pytest.mark.parametrize(
    ("votes", "verdict", "count"), [("aab", "A", 2), ("b", "B", 1), ("a--", "A", 1), ("bab-b", "B", 3)]
)
def test_most_votes_win(votes: str, verdict: str, count: int) -> None:
    (row,) = majority(table(votes)).to_dicts()
    assert (row["verdict"], row["votes"]) == (verdict, count)
    assert row["id"] == f"p.0.A.{votes.index(verdict.lower())}"


def test_a_tied_vote_is_no_verdict() -> None:
    marked = majority.marked(table("ab-"))
    assert marked["dropped"].to_list() == ["tied vote", "tied vote", "no verdict"]
    assert majority(table("ba"), undecided="first")["verdict"].to_list() == ["B"]


@pytest.mark.parametrize(
    ("votes", "kept"), [("ab-", (None, 1)), ("--", (None, 0)), ("-aa", ("A", 2)), ("-a", ("A", 1))]
)
def test_an_undecided_vote_may_stay(votes: str, kept: tuple[str | None, int]) -> None:
    rows = table(votes).with_columns(judgment=pl.lit("words"))
    made = majority(rows, undecided="keep")
    assert made.select("verdict", "votes").rows() == [kept]
    assert made["judgment"].to_list() == ["words" if kept[0] else None]
    assert made.columns == [*rows.columns, "votes"]


def test_who_was_outvoted() -> None:
    assert majority.marked(table("aab"))["dropped"].to_list() == [None, None, "outvoted"]


def test_each_order_votes_by_itself() -> None:
    rows = pl.concat([table("aab"), table("bba", "B")])
    assert majority(rows)["verdict"].to_list() == ["A", "B"]
    assert majority(rows, by="pair_id").is_empty()


def test_nothing_of_nothing() -> None:
    empty = majority(table(""))
    assert empty.is_empty()
    assert empty.schema == majority(table("a")).schema
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        majority(table("").drop("gold"))


@settings(deadline=None, max_examples=100)
@given(st.text("ab-", max_size=15), st.sampled_from(["drop", "first", "keep"]))
def test_it_counts(votes: str, undecided: Any) -> None:
    found = majority(table(votes), undecided=undecided)["verdict"].to_list()
    a, b = votes.count("a"), votes.count("b")
    first = [v.upper() for v in votes if v != "-"][:1] if undecided == "first" and a else []
    nobody = [None] if undecided == "keep" and votes else first
    assert found == (["A"] if a > b else ["B"] if b > a else nobody)
