"""What went wrong, in one line."""

import re

import polars as pl

from prefgen.rows import DROPPED


def column_of(error: Exception) -> str:
    """The column that polars does not find."""
    found = re.search(r'"([^"]+)"', str(error))
    return found[1] if found else line_of(error)


def line_of(error: Exception) -> str:
    """The first line of what an error says."""
    return (str(error).splitlines() or [""])[0]


def reasons(rows: pl.DataFrame) -> str:
    """Why a source's rows all went."""
    if DROPPED not in rows.columns or rows.is_empty():
        return "give it rows with a prompt each"
    counts = rows.group_by(DROPPED).len().sort("len", descending=True).rows()
    return "dropped: " + ", ".join(f"{reason} {count:,}" for reason, count in counts)
