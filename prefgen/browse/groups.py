"""A run's table by the numbers of its rows: it lies in small row groups, and only those that are wanted are read."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from prefgen.errors import RunError
from prefgen.tablefile import parquet

Numbers = NDArray[np.int64]
"""Numbers of rows, counted from 0."""
NARROW = 32
"""Row groups that are read at once where no text is in them."""


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

    def batches(self, columns: Sequence[str], together: int = 1) -> Iterator[pl.DataFrame]:
        """All rows in their order, so many row groups at a time; once none, where there is none."""
        last = len(self.starts) - 1
        for start in range(0, max(last, 1), together):
            yield self._read(range(start, min(start + together, last)), columns)

    def narrow(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The same of columns without texts."""
        return self.batches(columns, NARROW)

    def take(self, numbers: Sequence[int] | Numbers, columns: Sequence[str]) -> pl.DataFrame:
        """The rows of these numbers, in their order."""
        wanted = np.asarray(numbers, dtype=np.int64)
        group = np.searchsorted(self.starts, wanted, side="right") - 1
        order = np.argsort(group, kind="stable")
        parts = [self._read(range(0), columns)]
        for one in np.unique(group):
            rows = self._read([int(one)], columns)
            parts.append(rows[wanted[group == one] - self.starts[one]])
        return pl.concat(parts)[np.argsort(order)]

    def _read(self, groups: Sequence[int], columns: Sequence[str]) -> pl.DataFrame:
        with self._lock:
            if not groups:
                empty = self._file.schema_arrow.empty_table().select(list(columns))
                return cast("pl.DataFrame", pl.from_arrow(empty))
            found = self._tried(lambda: self._file.read_row_groups([*groups], columns=list(columns), use_threads=False))
        return cast("pl.DataFrame", pl.from_arrow(found.select(list(columns))))

    def _tried(self, read: Any) -> Any:
        import pyarrow as pa

        try:
            return read()
        except (pa.ArrowException, OSError, ValueError) as e:
            line = str(e).partition("\n")[0][:200]
            raise RunError(
                f"{self.path}: cannot be read ({line}); run the recipe again, which asks nothing anew"
            ) from e
