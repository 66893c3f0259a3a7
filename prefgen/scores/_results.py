"""A benchmark's result table: its columns, what it is counted from, and how sure a share of so many rows is."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

RESULTS = pl.Schema(
    {
        "prompt_id": pl.String,
        "id": pl.String,
        "kind": pl.String,
        "name": pl.String,
        "score": pl.Float64,
        "rows": pl.Int64,
        "weight": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "convention": pl.String,
        "mode": pl.String,
        "judge_model": pl.String,
        "unreadable": pl.Float64,
        "disagreement": pl.Float64,
        "note": pl.String,
    }
)
"""One row a number, a percentage for people to read. Its ids are the numbers' names, for it has no prompts."""

OF_CREDIT = ("credit_robust", "credit_official", "credit_mode", "unreadable", "judge_model")
"""Columns that tell of a credit where it comes from."""


@dataclass(frozen=True)
class Tally:
    """What the rows of one subset come to; the shares are None where the rows do not tell."""

    name: str
    accuracy: float
    rows: int
    unreadable: float | None = None
    disagreement: float | None = None


def tallies(rows: pl.DataFrame, credit: str, subset: str) -> dict[str, Tally]:
    """The tally of each subset, in order of first appearance."""
    differ = pl.col("credit_robust") != pl.col("credit_official")
    shares = {
        "unreadable": pl.col("unreadable").mean() if "unreadable" in rows.columns else None,
        "disagreement": differ.mean() if {"credit_robust", "credit_official"} <= set(rows.columns) else None,
    }
    found = rows.group_by(pl.col(subset).alias("name"), maintain_order=True).agg(
        pl.col(credit).mean().alias("accuracy"),
        pl.len().alias("rows"),
        *(share.alias(name) for name, share in shares.items() if share is not None),
    )
    return {row["name"]: Tally(**row) for row in found.to_dicts()}


def together(name: str, accuracy: float, parts: Iterable[Tally]) -> Tally:
    """Several subsets as one, whose accuracy is some mean of theirs: rows added up, shares over all rows."""
    parts = list(parts)
    rows = sum(part.rows for part in parts)
    shares = (_share([(part.unreadable, part.rows) for part in parts]),
              _share([(part.disagreement, part.rows) for part in parts]))  # fmt: skip
    return Tally(name, accuracy, rows, *shares)


def _share(parts: list[tuple[float | None, int]]) -> float | None:
    known = [(share, rows) for share, rows in parts if share is not None]
    return sum(share * rows for share, rows in known) / sum(rows for _, rows in known) if known else None


def interval(tally: Tally) -> dict[str, float]:
    """The ends of a subset's interval, as percentages."""
    low, high = wilson(tally.accuracy, tally.rows)
    return {"low": 100 * low, "high": 100 * high}


def result(kind: str, tally: Tally, **more: Any) -> dict[str, Any]:
    """One row of the table. Whoever makes it adds what it knows."""
    named = f"{kind}/{tally.name}"
    shares = {"unreadable": tally.unreadable, "disagreement": tally.disagreement}
    own = {"kind": kind, "name": tally.name, "score": 100 * tally.accuracy, "rows": tally.rows, **shares}
    return {**dict.fromkeys(RESULTS), "prompt_id": named, "id": named, **own, **more}


def said_by(rows: pl.DataFrame, column: str) -> str | None:
    """All values of a column that says the same of a whole table: who judged, how it was counted."""
    return ", ".join(rows[column].drop_nulls().unique().sort()) or None if column in rows.columns else None


Z = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


def wilson(share: float, rows: float) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share, which may hold half points, of so many rows or their like."""
    z = Z
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    reach = z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return middle - reach if share > 0 else 0.0, middle + reach if share < 1 else 1.0
