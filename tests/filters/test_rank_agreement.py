from collections.abc import Sequence
from itertools import combinations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.filters import rank_agreement
from tests.filters.tables import why

SCHEMA = {"prompt_id": pl.String, "id": pl.String, "response_id": pl.String, "rank": pl.Int64, "score": pl.Float64}


def table(*responses: tuple[int | None, Sequence[float | None]], prompt: str = "p") -> pl.DataFrame:
    """(rank, the score in each draw)."""
    rows = [
        (prompt, f"{prompt}.{r}.{k}", f"{prompt}.{r}", rank, score)
        for r, (rank, scores) in enumerate(responses)
        for k, score in enumerate(scores)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


OTHER = "scores are in another order"


@pytest.mark.parametrize(
    ("responses", "reasons"),
    [
        ([(0, [5]), (1, [3]), (2, [1])], [None] * 3),
        ([(0, [5, 1]), (1, [3, 3])], [None, OTHER, None, OTHER]),
        ([(0, [4]), (1, [4])], [OTHER] * 2),
        ([(0, [5]), (0, [2]), (1, [1])], [None] * 3),
        ([(0, [5]), (0, [2]), (1, [3])], [OTHER] * 3),
        ([(0, [5]), (1, [None])], ["not all responses scored in this draw", "not scored"]),
        ([(0, [5])], ["fewer than two ranks"]),
        ([(None, [5]), (0, [2]), (1, [1])], ["no rank", None, None]),
    ],
)
def test_each_reason(responses: list[tuple[int, list[float | None]]], reasons: list[str | None]) -> None:
    assert why(rank_agreement, table(*responses)) == reasons


def test_ties_may_agree() -> None:
    assert why(rank_agreement, table((0, [4]), (1, [4])), ties="agree") == [None, None]


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=2, max_size=6))
def test_it_is_what_every_two_say(replies: list[tuple[int, int]]) -> None:
    agrees = all((a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in combinations(replies, 2) if a[0] != b[0])
    several = len({rank for rank, _ in replies}) > 1
    kept = rank_agreement(table(*((rank, [float(score)]) for rank, score in replies)))
    assert kept.height == (len(replies) if agrees and several else 0)
