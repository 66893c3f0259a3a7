"""The verdict that most of a judge's samples reach. Self-Taught Evaluators, arXiv:2408.02666, votes over N = 32."""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from prefgen.rows import because, drops, whole_across

ONE_ORDER = ("pair_id", "gold")


def _unvoted(*, by: str | Sequence[str] = ONE_ORDER, ties: Literal["drop", "first"] = "drop") -> pl.Expr:
    read = pl.col("verdict")
    most, tied = _most(by), _tied(by)
    lost = [("tied vote", tied)] if ties == "drop" else []
    return because(("no verdict", read.is_null()), *lost, ("outvoted", ~tied & (_votes(by) < most)))


def _votes(by: str | Sequence[str]) -> pl.Expr:
    """How many judgments of its group say what a row says."""
    return pl.len().over([*([by] if isinstance(by, str) else by), "verdict"])


def _most(by: str | Sequence[str]) -> pl.Expr:
    return pl.when(pl.col("verdict").is_not_null()).then(_votes(by)).max().over(by)


def _tied(by: str | Sequence[str]) -> pl.Expr:
    """Whether several verdicts of a group have as many votes as each other, and none has more."""
    leads = pl.col("verdict").is_not_null() & (_votes(by) == _most(by))
    return pl.when(leads).then("verdict").drop_nulls().n_unique().over(by) > 1


@whole_across("by")
@drops(_unvoted)
def majority(
    rows: pl.DataFrame,
    *,
    by: str | Sequence[str] = ONE_ORDER,
    ties: Literal["drop", "first"] = "drop",  # noqa: ARG001  what is dropped is settled before
) -> pl.DataFrame:
    """One row of each group: its first judgment with the majority's ``verdict``, and the number of ``votes`` for it.

    Takes several judgments of each ordered pair (``by``). Unreadable ones have no vote. The papers do not say what a
    tied vote is: it is none, and dropped, unless ``ties: first`` takes the verdict that was reached first.
    """
    keys = [by] if isinstance(by, str) else list(by)
    first = rows.with_columns(pl.len().over([*keys, "verdict"]).cast(pl.Int64).alias("votes"))
    return first.filter(pl.struct(keys).is_first_distinct())
