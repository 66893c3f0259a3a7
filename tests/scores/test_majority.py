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
    assert majority(table("ba"), ties="first")["verdict"].to_list() == ["B"]


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
@given(st.text("ab-", max_size=15), st.sampled_from(["drop", "first"]))
def test_it_counts(votes: str, ties: Any) -> None:
    found = majority(table(votes), ties=ties)["verdict"].to_list()
    a, b = votes.count("a"), votes.count("b")
    first = [v for v in votes if v != "-"][:1] if ties == "first" and a else []
    assert found == [v.upper() for v in ("a" if a > b else "b" if b > a else first)]
