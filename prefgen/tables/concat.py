"""Several tables as one, each row marked by the table that it comes from."""

import polars as pl


def concat(*tables: pl.DataFrame) -> pl.DataFrame:
    """The rows of all tables, in their order; ``part`` says from which: 0 for the first.

    A column that a table lacks is null in its rows; one of two types becomes one that holds both. A row's id gets its
    part at its end, so that ids of two tables stay apart. Rows of one prompt stand apart here, and meet again in the
    next step.
    """
    parts = [
        table.with_columns(pl.format("{}.{}", "id", pl.lit(part)).alias("id"), pl.lit(part, pl.Int64).alias("part"))
        for part, table in enumerate(tables)
    ]
    return pl.concat(parts, how="diagonal_relaxed")


concat.row_by_row = True  # type: ignore[attr-defined]
