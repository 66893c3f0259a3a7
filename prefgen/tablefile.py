"""A table on disk: Parquet in row groups of a fixed size, so that the same rows give the same bytes
however they came in; there whole, or not at all.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from prefgen.errors import RunError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

GROUP = 1000
"""Rows in one row group; small ones keep viewers and random reads quick where rows hold long texts."""


class TableFile:
    """Takes frames of one schema, in order. ``close`` puts the file in place, ``abandon`` leaves what was there.
    ``chunked`` cuts pages where the content says (Xet's stores find again what did not change).
    """

    def __init__(self, path: Path, schema: "pa.Schema | None" = None, *, chunked: bool = False) -> None:
        self.path, self.schema, self.chunked = path, schema, chunked
        self.partial = path.with_name(f".{path.name}.partial")
        self.writer: pq.ParquetWriter | None = None
        self.held: list[pl.DataFrame] = []
        self.rows = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Takes rows; writes them when a row group is full."""
        if self.held and rows.is_empty():
            return
        self.held.append(rows)
        self.rows += rows.height
        if self.rows >= GROUP:
            whole = pl.concat(self.held)
            full = whole.height - whole.height % GROUP
            for start in range(0, full, GROUP):
                self._write(whole.slice(start, GROUP))
            self.held, self.rows = [whole.slice(full)], whole.height - full

    def close(self) -> None:
        """Writes the rest, makes it durable, and puts the file in place. Nothing added: no file."""
        try:
            if not self.held:
                self.path.unlink(missing_ok=True)
                return
            rest = pl.concat(self.held)
            if rest.height or self.writer is None:
                self._write(rest)
            if self.writer:
                self.writer.close()
            with self.partial.open("rb+") as file:
                os.fsync(file.fileno())
            self.partial.replace(self.path)
        except OSError as e:
            raise no_room(self.path, e) from e

    def abandon(self) -> None:
        """Takes back what was written."""
        with suppress(OSError):  # a full disk has no room for the file's end either
            if self.writer:
                self.writer.close()
        self.partial.unlink(missing_ok=True)

    def _write(self, rows: pl.DataFrame) -> None:
        import pyarrow.parquet as pq

        table = rows.rechunk().to_arrow()
        table = table.cast(self.schema) if self.schema else table
        try:
            if self.writer is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                how: dict[str, Any] = {"use_content_defined_chunking": True} if self.chunked else {}
                how |= {"compression": "zstd", "write_page_index": True}
                self.writer = pq.ParquetWriter(self.partial, table.schema, **how)
            self.writer.write_table(table, row_group_size=GROUP)
        except OSError as e:
            raise no_room(self.path, e) from e


@contextmanager
def tablefiles(*paths: Path) -> Iterator[list[TableFile]]:
    """Some tables that are written together: all are put in place at the end, and none where it does not come to it."""
    files = [TableFile(path) for path in paths]
    left = [*files]
    try:
        yield files
        while left:
            left[0].close()
            left.pop(0)
    finally:
        for file in left:
            file.abandon()


def copied(source: Path, target: Path) -> None:
    """Puts a table that is on disk where another is to be, whole or not at all. Raises RunError for a full disk."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as e:
        partial.unlink(missing_ok=True)
        raise no_room(target, e) from e


BATCH = 10_000
"""Rows of a table that are read at once, and as many more as make the last prompt whole."""


def batches(path: Path, rows: int = BATCH) -> Iterator[pl.DataFrame]:
    """A table in frames of about so many rows, no prompt in two: a table whose prompts are mixed comes whole."""
    table, row, start = pl.scan_parquet(path), pl.col("row"), 0
    prompts = table.select("prompt_id").with_row_index("row")
    ends = prompts.select(row.max().over("prompt_id").cum_max() == row).collect().to_series().arg_true() + 1
    if ends.is_empty():
        yield table.collect()
    while start < (ends[-1] if len(ends) else 0):
        end = ends[min(int(ends.search_sorted(start + rows)), len(ends) - 1)]
        yield table.slice(start, end - start).collect()
        start = end


def no_room(path: Path, error: OSError) -> RunError:
    """A full or forbidden disk, in words that say what would do."""
    words = error.strerror or str(error)
    return RunError(f"{path}: {words}; make room and run the same command again: every reply received is kept")
