from typing import Any

import polars as pl
import pytest

from prefgen.filters import select
from tests.filters.tables import why

ROWS = pl.DataFrame(
    {
        "prompt_id": [f"p{i}" for i in range(5)],
        "id": [f"p{i}" for i in range(5)],
        "category": ["coding", "other", None, "coding", "maths"],
        "complexity": [1, 5, 7, None, 9],
    }
)


@pytest.mark.parametrize(
    ("settings", "reasons"),
    [
        ({"by": "category", "among": ["coding", "maths"]}, [None, *["category is another one"] * 2, None, None]),
        (
            {"by": "category", "without": ["coding"]},
            ["category is one of those left out", None, None, "category is one of those left out", None],
        ),
        ({"by": "complexity", "at_least": 5}, ["complexity under 5", None, None, "complexity under 5", None]),
        (
            {"by": "complexity", "at_least": 2, "at_most": 7},
            ["complexity under 2", None, None, "complexity under 2", "complexity over 7"],
        ),
    ],
)
def test_each_reason(settings: Any, reasons: list[str | None]) -> None:
    assert why(select, ROWS, **settings) == reasons


def test_so_many_prompts_by_the_seed() -> None:
    kept = [tuple(select(ROWS, by="category", without=["other"], take=2, seed=seed)["id"]) for seed in range(40)]
    assert {len(one) for one in kept} == {2}
    assert {one for some in kept for one in some} == {"p0", "p2", "p3", "p4"}
    two_each = pl.concat([ROWS, ROWS.with_columns(pl.col("id") + ".1")])
    assert select(two_each, by="category", take=2, seed=1)["prompt_id"].n_unique() == 2
    assert select(two_each, by="category", take=2, seed=1).height == 4


def test_only_taking_needs_the_whole_table() -> None:
    whole: Any = select.whole
    assert whole({"by": "x", "take": 3})
    assert not whole({"by": "x", "among": ["y"]})


@pytest.mark.parametrize("settings", [{}, {"among": []}, {"take": 0}, {"without": []}])
def test_what_selects_nothing(settings: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        select(ROWS, by="category", **settings)
