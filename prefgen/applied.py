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
        gone = pl.Series([not used for used in _used(rows["id"], made["id"])], dtype=pl.Boolean)
        return made, rows.filter(gone).with_columns(pl.lit(getattr(verb, "__name__", "your verb")).alias(DROPPED))
    return verb.parted(frames[0], **settings)


def _used(ids: pl.Series, out: pl.Series) -> list[bool]:
    came = set(out)
    above = {start for one in came for start in _beginnings(one)}
    return [one in came or one in above or any(start in came for start in _beginnings(one)) for one in ids]


def _beginnings(row_id: str) -> list[str]:
    parts = row_id.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]
