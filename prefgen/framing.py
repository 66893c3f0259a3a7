"""Rows as tables."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from prefgen.asker import MESSAGES, Row

if TYPE_CHECKING:
    import pyarrow as pa


PLAIN = {pl.String, pl.Boolean, pl.Int64, pl.Float64}
"""Types of which a list of values is no more than that."""


def framed(parts: Sequence[pl.DataFrame | list[Row]], schema: pl.Schema) -> pl.DataFrame:
    """One table of parts: frames, dicts, or some of each."""
    frames, rows = list[pl.DataFrame](), list[Row]()
    for part in parts:
        if isinstance(part, list):
            rows += part
            continue
        if rows:
            frames.append(frame_of(rows, schema))
            rows = []
        if part.height:
            frames.append(part)
    if rows or not frames:
        frames.append(frame_of(rows, schema))
    return frames[0] if len(frames) == 1 else pl.concat(frames)


def frame_of(rows: Sequence[Row], schema: pl.Schema) -> pl.DataFrame:
    """The table of some rows. Conversations go in by their parts, and plain values column by column, in a third of the
    time that polars takes for dicts.
    """
    if not rows:
        return schema.to_frame()
    try:
        talks = talks_of({name: [row[name] for row in rows] for name, kind in schema.items() if kind == MESSAGES})
        plain = {n: pl.Series(n, [row[n] for row in rows], kind) for n, kind in schema.items() if kind in PLAIN}
    except (KeyError, TypeError):  # a row without one, or with something else: polars takes what can be taken
        return pl.DataFrame(rows, schema=schema, orient="row")
    made = {**talks, **plain}
    left = {name: kind for name, kind in schema.items() if name not in made}
    others = pl.DataFrame(rows, schema=left, orient="row") if left else pl.DataFrame()
    return pl.DataFrame([made[name] if name in made else others[name] for name in schema])


def talks_of(columns: Mapping[str, Sequence[Any]]) -> Mapping[str, pl.Series]:
    """Columns of conversations. Raises KeyError or TypeError where one is no list of turns of text."""
    return {name: _talks(name, talks) for name, talks in columns.items()}


def _talks(name: str, talks: Sequence[Any]) -> pl.Series:
    """One column. Rows that several draws make of one row hold the same list: it is laid down once, and pointed at,
    for there is no larger text in a table of judgments than what was asked.
    """
    import pyarrow as pa

    if not all(isinstance(talk, list) for talk in talks):
        raise TypeError("other than lists")
    place: dict[int, int] = {}
    places = [place.setdefault(id(talk), len(place)) for talk in talks]
    own = [*{id(talk): talk for talk in talks}.values()]
    made = pa.RecordBatch.from_arrays([_laid_down(own)], [name])
    series = cast("pl.DataFrame", pl.from_arrow(made))[name]
    return series if len(own) == len(talks) else series.gather(places)


def _laid_down(talks: Sequence[list[Any]]) -> "pa.LargeListArray":
    import pyarrow as pa

    turns = [turn for talk in talks for turn in talk]
    parts = [pl.Series(part, [turn[part] for turn in turns], pl.String) for part in ("role", "content")]
    starts = pl.Series([*accumulate(map(len, talks), initial=0)], dtype=pl.Int64)
    return pa.LargeListArray.from_arrays(starts.to_arrow(), pl.DataFrame(parts).to_struct().to_arrow())
