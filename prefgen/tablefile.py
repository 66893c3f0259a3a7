"""A table on disk: Parquet in row groups of a fixed size, so that the same rows give the same bytes
however they came in; there whole, or not at all.
"""

import os
import shutil
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from prefgen.folders import no_room, swept

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

GROUP = 1000
"""Rows in one row group; small ones keep viewers and random reads quick where rows hold long texts."""


class TableFile:
    """Takes frames of one schema, in order. ``close`` puts the file in place, ``abandon`` leaves what was there.
    ``chunked`` is for datasets: it cuts pages where the content says (Xet's stores find again what did not change), and
    writes down what viewers look for.
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
        swept(self.partial)

    def _how(self, schema: "pa.Schema") -> dict[str, Any]:
        """What a dataset's readers look for is of no use in a run's own tables, and is held until the file's end. So it
        is with dictionaries of texts, of which few are alike. Of texts nobody looks for the least and the greatest.
        """
        import pyarrow as pa

        if not self.chunked:
            return {"write_statistics": False, "use_dictionary": False}
        short = [
            field.name for field in schema if field.name.split("_")[-1] == "id" or pa.types.is_primitive(field.type)
        ]
        return {"use_content_defined_chunking": True, "write_page_index": True, "write_statistics": short}

    def _write(self, rows: pl.DataFrame) -> None:
        pq = parquet()
        table = rows.rechunk().to_arrow()
        table = _cast(table, self.schema) if self.schema else table
        try:
            if self.writer is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.writer = pq.ParquetWriter(
                    self.partial, table.schema, compression="zstd", **self._how(table.schema)
                )
            self.writer.write_table(table, row_group_size=GROUP)
        except OSError as e:
            raise no_room(self.path, e) from e


@cache
def parquet() -> Any:
    """Arrow's reader and writer, with the one of its pools that gives memory back best."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ and "jemalloc" in pa.supported_memory_backends():
        pa.jemalloc_set_decay_ms(0)
        pa.set_memory_pool(pa.jemalloc_memory_pool())
    return pq


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
        swept(partial)
        raise no_room(target, e) from e


def _cast(table: "pa.Table", schema: "pa.Schema") -> "pa.Table":
    """A table with other types: that of Arrow's functions which is wanted, for all of them take as long to import as
    Arrow itself.
    """
    import pyarrow as pa

    try:
        from pyarrow._compute import CastOptions, call_function
    except ImportError:  # another version of Arrow keeps it elsewhere
        return table.cast(schema)
    columns = [
        column if column.type == field.type else call_function("cast", [column], CastOptions.safe(field.type))
        for column, field in zip(table.columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


BATCH, BYTES = 10_000, 2_000_000
"""Rows of a table that are read at once, or fewer where they are so many bytes; and as many more as make the last
prompt whole.
"""


def batches(path: Path, rows: int = BATCH, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """A table in frames of about so many rows, no prompt in two: a table whose prompts are mixed comes whole. Of
    ``columns`` one is ``prompt_id``.
    """
    with parquet().ParquetFile(path, pre_buffer=False) as file:
        if file.metadata.num_rows <= min(rows, GROUP) or not _together(file):
            yield pl.DataFrame(file.read(columns))
            return
        rest = pl.DataFrame()
        for batch in file.iter_batches(min(rows, GROUP), columns=columns, use_threads=False):
            rest = pl.concat([rest, pl.DataFrame(batch)]) if rest.height else pl.DataFrame(batch)
            while end := _end(rest, rows):
                yield rest[:end]
                rest = rest[end:]
        yield rest


def _end(rows: pl.DataFrame, enough: int) -> int:
    """Where to cut rows of which there are enough: at the first prompt's end behind so many, or before so many bytes;
    0 where more must come first.
    """
    if rows.height <= enough and rows.estimated_size() < BYTES:
        return 0
    ids = rows["prompt_id"]
    ends = (ids[1:] != ids[:-1]).arg_true() + 1  # of all prompts but the last, of which there may be more
    behind = int(ends.search_sorted(enough)) if len(ends) else 0
    return int(ends[min(behind, len(ends) - 1)]) if len(ends) else 0


AT_ONCE = 2**19
"""Prompts whose ids are compared at once."""


def _together(file: "pq.ParquetFile") -> bool:
    """Whether the rows of each prompt stand together. Of each id that begins, eight bytes are held: if two had the same
    ones, prompts would be taken for mixed, which costs memory and nothing else. Of many rows, one part of the numbers
    is looked at after another.
    """
    parts = -(-file.metadata.num_rows // AT_ONCE)
    return not any(_begins_again(file, part, parts) for part in range(parts))


def _begins_again(file: "pq.ParquetFile", part: int, parts: int) -> bool:
    """Whether an id, of this part of them, begins twice."""
    import numpy as np

    begun, last = array("Q"), None
    for batch in file.iter_batches(GROUP, columns=["prompt_id"], use_threads=False):
        ids = pl.DataFrame(batch)["prompt_id"]
        numbers = ids.filter(ids.ne_missing(ids.shift(1, fill_value=last))).hash()
        begun.frombytes((numbers if parts == 1 else numbers.filter(numbers % parts == part)).to_numpy().tobytes())
        last = ids[-1]
    found = np.frombuffer(begun, np.uint64)
    found.sort()
    pairs = ((found[i : i + GROUP], found[i + 1 : i + GROUP + 1]) for i in range(0, len(found) - 1, GROUP))
    return any((one[: len(other)] == other).any() for one, other in pairs)
