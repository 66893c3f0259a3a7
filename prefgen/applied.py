"""A table verb applied: its table, and which of the rows that went in are not in it, and why."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from prefgen.rows import DROPPED, TableVerb


def split(
    verb: Callable[..., Any], frames: Sequence[pl.DataFrame], settings: Mapping[str, Any]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A table verb's table of one frame or several, and the input rows that are not in it, with their reasons in
    ``dropped``.

    A plain function states no reasons: a row counts as used where its id, one that continues it, or the beginning of
    it comes out.
    """
    if not isinstance(verb, TableVerb):
        made = verb(*frames, **settings)
        rows = pl.concat(frame.select("prompt_id", "id") for frame in frames)
        used = _used(rows["id"], made["id"]) if rows.height < MANY else _used_of_many(rows["id"], made["id"])
        return made, rows.filter(~used).with_columns(pl.lit(getattr(verb, "__name__", "your verb")).alias(DROPPED))
    return verb.parted(frames[0], **settings)


MANY = 1000
"""Rows from which on polars is quicker."""


def _used(ids: pl.Series, out: pl.Series) -> pl.Series:
    came = set(out)
    above = {start for one in came for start in _beginnings(one)}
    used = [one in came or one in above or any(start in came for start in _beginnings(one)) for one in ids]
    return pl.Series(used, dtype=pl.Boolean)


def _beginnings(row_id: str) -> list[str]:
    parts = row_id.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def _used_of_many(ids: pl.Series, out: pl.Series) -> pl.Series:
    """``_used``, column by column: the ids and what comes out lose their last parts one after the other."""
    came, used = out.unique(), ids.is_in(out.implode())
    above = came
    while not used.all() and len(above := _shorter(above).drop_nulls().unique()):
        used |= ids.is_in(above.implode())
    start = ids
    while not used.all() and (start := _shorter(start)).null_count() < len(start):
        used |= start.is_in(came.implode()).fill_null(value=False)
    return used


def _shorter(ids: pl.Series) -> pl.Series:
    """Ids without their last part; null for those that have but one."""
    return ids.str.extract(r"(?s)^(.*)\.")
