"""Tables of other libraries: what holds rows, and the same kind again with other rows."""

from collections.abc import Sequence
from typing import Any, cast

import polars as pl


def as_frame(rows: object, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """A polars frame of whatever holds rows: a ``datasets.Dataset``, a pandas or Arrow table, a list of dicts.

    ``columns`` are the ones that are looked at, all where it is None; those that the rows lack are left out.
    Raises TypeError for anything that holds no rows.
    """
    kind, table = _kind(rows), cast("Any", rows)
    if kind == "LazyFrame":
        table = table.collect()
    if kind == "datasets":
        table = table.select_columns(_shared(columns, table.column_names)).with_format("arrow")[:]
    if kind == "pandas":
        table = table[_shared(columns, table.columns)]
    if kind == "list":
        shown = table if columns is None else [{c: row[c] for c in columns if c in row} for row in table]
        return pl.DataFrame(shown, infer_schema_length=None)
    frame = pl.from_pandas(table) if kind == "pandas" else table
    frame = frame if isinstance(frame, pl.DataFrame) else cast("pl.DataFrame", pl.from_arrow(frame))
    return frame.select(_shared(columns, frame.columns))


_KINDS = {
    "polars.DataFrame": "DataFrame",
    "polars.LazyFrame": "LazyFrame",
    "datasets.Dataset": "datasets",
    "pandas.DataFrame": "pandas",
    "pyarrow.Table": "pyarrow",
}


def _kind(rows: object) -> str:
    """Which library's table this is, told by name so that none of them is imported for it."""
    for cls in type(rows).__mro__:
        if kind := _KINDS.get(f"{cls.__module__.partition('.')[0]}.{cls.__name__}"):
            return kind
    if isinstance(rows, Sequence) and all(isinstance(row, dict) for row in rows):
        return "list"
    raise TypeError(f"cannot read rows from a {type(rows).__qualname__}; give a frame, a Dataset or a list of dicts")


def is_nothing(rows: object) -> bool:
    """An empty list: rows without columns, of which no filter can ask anything."""
    return isinstance(rows, Sequence) and not rows


def names_of(rows: object) -> list[str]:
    """The columns of whatever holds rows; of a lazy frame, those that it will have."""
    kind, table = _kind(rows), cast("Any", rows)
    if kind == "list":
        return [str(name) for name in dict.fromkeys(name for row in table for name in row)]
    if kind == "LazyFrame":
        return list(table.collect_schema().names())
    return [str(name) for name in (table.column_names if kind in {"datasets", "pyarrow"} else table.columns)]


def _shared(wanted: Sequence[str] | None, there: Sequence[str]) -> list[str]:
    return [c for c in there if wanted is None or c in wanted]


def pick(rows: Any, kept: list[int]) -> Any:
    """The rows at these places, so that what came in keeps its own types."""
    kind = _kind(rows)
    if kind == "datasets":
        return rows.select(kept)
    if kind == "pandas":
        return rows.iloc[kept]
    if kind == "pyarrow":
        return rows.take(kept)
    return [rows[i] for i in kept]


def like(rows: Any, made: pl.DataFrame) -> Any:
    """A new table, as the kind that came in."""
    kind = _kind(rows)
    if kind == "LazyFrame":
        return made.lazy()
    if kind == "datasets":
        return type(rows).from_polars(made)
    if kind == "pandas":
        return made.to_pandas()
    if kind == "pyarrow":
        return made.to_arrow()
    return made.to_dicts() if kind == "list" else made


def with_new(rows: Any, new: pl.DataFrame) -> Any:
    """What came in, with new columns beside its own."""
    kind = _kind(rows)
    if kind == "list":
        return [{**row, **more} for row, more in zip(rows, new.to_dicts(), strict=True)]
    if kind == "pandas":
        return rows.assign(**new.to_dict(as_series=False))
    for column in new:
        if column.name in rows.column_names:
            rows = rows.remove_columns(column.name) if kind == "datasets" else rows.drop_columns(column.name)
        values = column.to_list() if kind == "datasets" else column.to_arrow()
        rows = (rows.add_column if kind == "datasets" else rows.append_column)(column.name, values)
    return rows
