"""Cells in the place of what a verb only carries along: a table narrow enough to be held, whatever texts it has.

A verb that makes rows of several rows (a mean, the better of two) looks at some columns and copies the others. In each
of these stands, where there is a value, the number of its cell in the table's file, as a struct that nothing else looks
like; what the verb has made is filled in from the file, some rows at a time.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

import polars as pl

from prefgen.tablefile import parquet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

FIELD = "__cell"
CELL = pl.Struct({FIELD: pl.UInt64})
"""A cell's number: row times columns, plus column."""


def narrowed(path: Path, looked_at: Collection[str]) -> pl.DataFrame:
    """A table with the columns that are looked at, and cells in the others."""
    table = pl.scan_parquet(path)
    names = table.collect_schema().names()
    row = pl.int_range(pl.len(), dtype=pl.UInt64) * len(names)
    cells = [
        pl.when(pl.col(name).is_not_null()).then(pl.struct((row + place).alias(FIELD))).alias(name)
        for place, name in enumerate(names)
        if name not in looked_at
    ]
    return table.with_columns(cells).collect(engine="streaming")


def filled(made: pl.DataFrame, path: Path, schema: pl.Schema, at_once: int) -> Iterator[pl.DataFrame]:
    """What was made of a narrowed table, with the values of its cells, so many rows at a time; once none, where there
    are none. ``schema`` is that of the table that comes out.
    """
    cells = [name for name, kind in made.schema.items() if kind == CELL]
    with Values(path) as values:
        for start in range(0, max(made.height, 1), at_once):
            some = made.slice(start, at_once)
            yield some.with_columns(values.of(some[name], schema.get(name)) for name in cells)


class Values:
    """The values in a table's file, by their cells."""

    def __init__(self, path: Path) -> None:
        self._file = parquet().ParquetFile(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def of(self, cells: pl.Series, kind: "pl.DataType | None") -> pl.Series:
        """A column's values; nulls of this kind where there are no cells at all."""
        names, number = self._file.schema_arrow.names, cells.struct.field(FIELD)
        of = number % len(names)
        columns = of.drop_nulls().unique().sort().to_list()
        if not columns:
            return pl.Series(cells.name, [None], kind).new_from_index(0, len(cells))
        parts = [self._column(names[one], number.filter(of == one) // len(names)) for one in columns]
        order = pl.concat([(of == one).arg_true() for one in columns])
        place = pl.Series([None], dtype=pl.UInt32).new_from_index(0, len(cells))
        place = place.scatter(order, pl.int_range(len(order), dtype=pl.UInt32, eager=True))
        return pl.concat(parts).gather(place).alias(cells.name)

    def _column(self, name: str, rows: pl.Series) -> pl.Series:
        """The values of one column in some rows, of which only the row groups are read that they are in."""
        import numpy as np

        about, row = self._file.metadata, rows.to_numpy().astype(np.int64)
        ends = np.cumsum([about.row_group(group).num_rows for group in range(about.num_row_groups)], dtype=np.int64)
        group = np.searchsorted(ends, row, "right")
        read, place = np.unique(group, return_inverse=True)
        found = pl.DataFrame(self._file.read_row_groups(read.tolist(), [name])).to_series()
        begins = np.concatenate([np.zeros(1, np.int64), ends])[:-1]
        sizes = np.diff(ends, prepend=0)[read]
        return found.gather(row - begins[group] + (np.cumsum(sizes) - sizes)[place])
