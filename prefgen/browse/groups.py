"""A run's table by the numbers of its rows: it lies in small row groups, and only those that are wanted are read."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from prefgen.errors import RunError
from prefgen.tablefile import parquet

Numbers = NDArray[np.int64]
"""Numbers of rows, counted from 0."""
NARROW = 32
"""Row groups that are read at once where no text is in them."""
ENOUGH = 16_000_000
"""Bytes that are decoded at once, or one row."""

Found = TypeVar("Found")


class Groups:
    """A table on disk. It stays open, so that a run that writes another one in its place changes nothing here. Raises
    RunError for one that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file: Any = self._tried(lambda: parquet().ParquetFile(path, pre_buffer=False))
        about = self._file.metadata
        sizes = [about.row_group(place).num_rows for place in range(about.num_row_groups)]
        self.starts: Numbers = np.cumsum([0, *sizes], dtype=np.int64)
        self.columns: tuple[str, ...] = tuple(self._file.schema_arrow.names)

    @property
    def height(self) -> int:
        """How many rows there are."""
        return int(self.starts[-1])

    @property
    def schema(self) -> pl.Schema:
        """The columns and their types."""
        return self.nothing().schema

    def nothing(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """No rows."""
        table = self._file.schema_arrow.empty_table()
        return cast("pl.DataFrame", pl.from_arrow(table.select(list(columns)) if columns else table))

    def narrow(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """All rows in their order, of columns without long texts, many at a time."""
        last = len(self.starts) - 1
        for start in range(0, last, NARROW):
            yield self._read(range(start, min(start + NARROW, last)), columns)

    def pieces(self, columns: Sequence[str], wanted: Numbers) -> Iterator[tuple[Numbers, pl.DataFrame]]:
        """The rows of these numbers, which ascend, some at a time, each lot with its numbers."""
        for group in np.unique(np.searchsorted(self.starts, wanted, side="right") - 1):
            start, end = self.starts[group : group + 2]
            yield from self._pieces(int(group), columns, wanted[(wanted >= start) & (wanted < end)])

    def take(self, numbers: Sequence[int] | Numbers, columns: Sequence[str]) -> list[dict[str, Any]]:
        """The rows of these numbers, in their order."""
        wanted = np.asarray(numbers, dtype=np.int64)
        found: dict[int, dict[str, Any]] = {}
        for own, rows in self.pieces(columns, np.unique(wanted)):
            found |= zip(own.tolist(), rows.to_dicts(), strict=True)
        return [found[number] for number in wanted.tolist()]

    def _pieces(self, group: int, columns: Sequence[str], wanted: Numbers) -> list[tuple[Numbers, pl.DataFrame]]:
        """Those of one row group, of which no more is decoded at once than a piece."""
        first, found = int(self.starts[group]), []
        with self._lock:
            how = {"row_groups": [group], "columns": list(columns), "use_threads": False}
            for batch in self._tried(lambda: self._file.iter_batches(self._piece(group), **how)):
                own = wanted[(wanted >= first) & (wanted < first + batch.num_rows)]
                if len(own):
                    rows = cast("pl.DataFrame", pl.from_arrow(batch))
                    found.append((own, rows[own - first].select(columns)))
                first += batch.num_rows
                if first > wanted[-1]:
                    break
        return found

    def _piece(self, group: int) -> int:
        """How many rows of a group are decoded at once."""
        about = self._file.metadata.row_group(group)
        return int(max(1, min(about.num_rows, about.num_rows * ENOUGH // max(1, about.total_byte_size))))

    def _read(self, groups: Sequence[int], columns: Sequence[str]) -> pl.DataFrame:
        with self._lock:
            found = self._tried(lambda: self._file.read_row_groups([*groups], columns=list(columns), use_threads=False))
        return cast("pl.DataFrame", pl.from_arrow(found)).select(columns)

    def _tried(self, read: Callable[[], Found]) -> Found:
        import pyarrow as pa

        try:
            return read()
        except (pa.ArrowException, OSError, ValueError) as e:
            line = str(e).partition("\n")[0][:200]
            cure = "run the recipe again, which asks nothing anew"
            raise RunError(f"{self.path}: cannot be read ({line}); {cure}") from e
