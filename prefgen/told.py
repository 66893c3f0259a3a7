"""What went wrong, in one line."""

import polars as pl

from prefgen.needs import MissingColumn, column_of
from prefgen.rows import DROPPED


def columns_of(error: Exception) -> tuple[str, ...]:
    """The columns that are not found."""
    return error.columns if isinstance(error, MissingColumn) else (column_of(error),)


def line_of(error: Exception) -> str:
    """The first line of what an error says."""
    return (str(error).splitlines() or [""])[0]


def reasons(rows: pl.DataFrame) -> str:
    """Why a source's rows all went."""
    if DROPPED not in rows.columns or rows.is_empty():
        return "give it rows with a prompt each"
    counts = rows.group_by(DROPPED).len().sort("len", descending=True).rows()
    return "dropped: " + ", ".join(f"{reason} {count:,}" for reason, count in counts)
