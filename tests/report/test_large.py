"""Reports of very many pairs stay small, and are still exact."""

from pathlib import Path

import polars as pl
import pytest

from prefgen.report import figures, write
from tests.report.large import large

MOST = 5_000_000
"""Bytes of a report of 10^5 pairs."""


def holds(folder: Path, pairs: int) -> None:
    found = figures(folder)
    agreed = pl.read_parquet(folder / "tables" / "agreed.parquet", columns=["pair_id", "chosen", "rejected"])
    kept = agreed.unique("pair_id")
    sizes = kept.select(a=pl.col("chosen").str.len_chars(), b=pl.col("rejected").str.len_chars())
    assert found["pairs"]["pairs"] == kept.height
    assert found["pairs"]["longer"]["n"] == sizes.filter(pl.col("a") != pl.col("b")).height
    assert [one["pairs"] for one in found["way"]][:1] == [pairs]
    assert sum(one["pairs"] for one in found["categories"]["rows"]) == kept.height
    for step in found["funnel"]:
        assert step["rows_in"] == step["used"] + sum(step["dropped"].values()) + step["unanswered"]


@pytest.mark.slow
def test_a_report_of_a_hundred_thousand_pairs_is_under_five_megabytes(tmp_path: Path) -> None:
    place = large(tmp_path, 100_000)
    assert write(place).stat().st_size < MOST
    holds(place, 100_000)


def test_figures_do_not_depend_on_the_batches_of_a_table(tmp_path: Path) -> None:
    """Of more rows than are read at once."""
    holds(large(tmp_path, 6_000), 6_000)
