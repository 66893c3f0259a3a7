"""Rows of few columns by parts of their prompts: one part of each of several tables is held at once, and joined."""

import shutil
import weakref
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import polars as pl

from prefgen.shardfiles import rows_of
from prefgen.tablefile import TableFile, parquet

AT_ONCE = 2**17
"""Rows of a table that are held at once, about."""


class Parts:
    """Rows with a column ``prompt`` (a number), of which so many parts are made: rows of one prompt are in one part, in
    the order in which they came. More than one part lies on the disk until its owner goes.
    """

    def __init__(self, number: int = 1) -> None:
        self.number, self.rows = number, 0
        self.held: list[pl.DataFrame] = []
        self.files: list[TableFile] = []
        if number > 1:
            folder = mkdtemp(prefix="prefgen-compare-")
            weakref.finalize(self, partial(shutil.rmtree, folder, ignore_errors=True))
            self.files = [TableFile(Path(folder) / f"{part}.parquet") for part in range(number)]

    def add(self, rows: pl.DataFrame) -> None:
        """Takes rows. Raises RunError for a full disk."""
        self.rows += rows.height
        if not self.files:
            self.held.append(rows)
            return
        lots = rows.with_columns(part=pl.col("prompt") % self.number).partition_by(
            "part", as_dict=True, include_key=False
        )
        for (part,), some in lots.items():
            self.files[part].add(some)

    def close(self) -> None:
        """All rows are there. Raises RunError for a full disk."""
        for file in self.files:
            file.close()

    def part(self, number: int) -> pl.DataFrame:
        """One of the parts."""
        if not self.files:
            self.held = [pl.concat(self.held)] if self.held else []
            return self.held[0] if self.held else pl.DataFrame()
        path = self.files[number].path
        return pl.DataFrame(parquet().read_table(path)) if path.exists() else pl.DataFrame()


def parts_for(tables: Iterable[Sequence[Path]], at_once: int = AT_ONCE) -> int:
    """How many parts leave of each of these tables about so many rows in one."""
    heights = (sum(parquet().read_metadata(path).num_rows for path in paths) for paths in tables)
    return max(1, -(-max(heights, default=0) // at_once))


def rows_at(paths: Sequence[Path], places: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, object]]:
    """Some rows of a table by their places in it: of the columns that there are. No row group is read but theirs."""
    found: dict[int, dict[str, object]] = {}
    start, wanted = 0, sorted(set(places))
    for path in paths:
        with parquet().ParquetFile(path) as file:
            names = [name for name in columns if name in file.schema_arrow.names]
            for group in range(file.num_row_groups):
                height = file.metadata.row_group(group).num_rows
                if here := [place for place in wanted if start <= place < start + height]:
                    rows = pl.DataFrame(file.read_row_group(group, columns=names))
                    found |= {place: rows.row(place - start, named=True) for place in here}
                start += height
    return found


__all__ = ["Parts", "parts_for", "rows_at", "rows_of"]
