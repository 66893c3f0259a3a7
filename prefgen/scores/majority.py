"""The verdict that most of a judge's samples reach. Self-Taught Evaluators, arXiv:2408.02666, votes over N = 32."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import polars as pl

from prefgen.rows import because, drops, whole_across

ONE_ORDER = ("pair_id", "gold")
Undecided = Literal["drop", "first", "keep"]


def _unvoted(*, by: str | Sequence[str] = ONE_ORDER, undecided: Undecided = "drop") -> pl.Expr:
    unread, tied = pl.col("verdict").is_null(), _tied(by)
    unheard = unread if undecided != "keep" else unread & ~unread.all().over(by)
    lost = [("tied vote", tied)] if undecided == "drop" else []
    return because(("no verdict", unheard), *lost, ("outvoted", ~tied & (_votes(by) < _most(by))))


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
    undecided: Undecided = "drop",
) -> pl.DataFrame:
    """One row of each group: its first judgment with the majority's ``verdict``, and the number of ``votes`` for it.

    Takes several judgments of each ordered pair (``by``). Unreadable ones have no vote. The papers do not say what a
    tied vote is: it is none, and dropped, unless ``undecided: first`` takes the verdict that was reached first. With
    ``undecided: keep`` a group with a tied vote, or with nothing that could be read, keeps a row without verdict and
    without words, for a benchmark that gives such a pair its credit.
    """
    keys = [by] if isinstance(by, str) else list(by)
    votes = pl.col("verdict").count().over([*keys, "verdict"]).cast(pl.Int64)
    first = rows.with_columns(votes.alias("votes"), _tied(by).alias("_tied"))
    if undecided == "keep":
        words = [c for c in ("verdict", "judgment") if c in rows.columns]
        silent = pl.col("_tied") | pl.col("verdict").is_null()
        first = first.with_columns(pl.when(~silent).then(c).alias(c) for c in words)
    return first.filter(pl.struct(keys).is_first_distinct()).drop("_tied")


def _looks_at(settings: Mapping[str, Any]) -> Sequence[str]:
    by = settings.get("by", ONE_ORDER)
    return ("verdict", *([by] if isinstance(by, str) else by))


majority.looks_at = _looks_at
