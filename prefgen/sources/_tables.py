"""Rows of tables: CSV and TSV, a block of lines at a time, and Parquet, a batch at a time."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from prefgen import bounds
from prefgen.sources._raw import BYTES, LoadError, Opened, Wanted, first_line

# --- CSV ------------------------------------------------------------------------------------

_NUMBERS: Sequence[tuple[str, Any]] = (
    (r"^(?:0|-?[1-9]\d{0,17})$", pl.Int64()),
    (r"^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$", pl.Float64()),
)
"""How whole numbers and others are written, and their types."""


def separated(path: Path, wanted: Wanted) -> Opened:
    """CSV, or TSV by its ending. Everything is text in such a file, so a prompt stays text, and a
    kept column is a number only where each value is written as one (007 is not).
    """
    bounds.check_csv(path, wanted.limit)
    with path.open("rb") as file:
        if file.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            raise LoadError(f"{path}: not UTF-8, but UTF-16 as it begins; save the file as UTF-8")
    columns: list[str] = []
    height, numbers = 0, _Numbers({})
    for frame in _blocks(path, wanted):
        columns, height = columns or frame.columns, height + frame.height
        numbers.see(frame, [name for name in wanted.of(frame.columns) if name not in wanted.texts])
    return Opened(str(path), columns, height, partial(_typed, path, wanted, numbers.types()))


def _typed(path: Path, wanted: Wanted, types: dict[str, Any]) -> Iterator[pl.DataFrame]:
    for frame in _blocks(path, wanted):
        yield frame.with_columns(pl.col(name).cast(dtype) for name, dtype in types.items())


@dataclass
class _Numbers:
    """Which columns hold nothing but numbers: of each, the ways in which all of its values are written."""

    ways: dict[str, list[int]]

    def see(self, frame: pl.DataFrame, names: Sequence[str]) -> None:
        """Looks at some more rows."""
        for column in (frame[name] for name in names if frame[name].count()):
            ways = self.ways.get(column.name, range(len(_NUMBERS)))
            self.ways[column.name] = [way for way in ways if column.str.contains(_NUMBERS[way][0]).all()]

    def types(self) -> dict[str, Any]:
        """The types of those columns."""
        return {name: _NUMBERS[ways[0]][1] for name, ways in self.ways.items() if ways}


def _blocks(path: Path, wanted: Wanted) -> Iterator[pl.DataFrame]:
    """The first rows of a file, some at a time; once none, where it has a first line alone."""
    separator, left, head = "\t" if path.suffix.lower() == ".tsv" else ",", wanted.limit, b""
    for lines in _rows(path, wanted.chunk):
        head = head or lines.pop(0)
        frame = _read(path, head + b"".join(lines[:left]), separator)
        left = None if left is None else left - frame.height
        yield frame
        if left == 0:
            return


def _read(path: Path, data: bytes, separator: str) -> pl.DataFrame:
    try:
        return pl.read_csv(data, separator=separator, infer_schema=False)
    except pl.exceptions.NoDataError:
        return pl.DataFrame()
    except pl.exceptions.PolarsError as e:
        known = f"{path}: not {path.suffix[1:].upper()}: {first_line(e)}"
        raise LoadError(_fault(path, separator) or known) from e


def _rows(path: Path, chunk: int) -> Iterator[list[bytes]]:
    """The rows of a file in lists of about so many, none in two; a quoted cell may go over lines. An empty line is a
    row of nothing, and no list begins with one.
    """
    rows, size, opened, row = list[bytes](), 0, False, b""
    for _, line in bounds.lines(path):
        opened, row = opened != bool(line.count(b'"') % 2), row + line
        if opened:
            continue
        if row.strip() and (len(rows) > chunk or size > BYTES):
            yield rows
            rows, size = [], 0
        if row.strip() or rows:
            rows.append(row)
        size, row = size + len(row), b""
    if rows or row:
        yield [*rows, row]


def _fault(path: Path, separator: str) -> str:
    """The line of a CSV file that is not UTF-8, or has more fields than the first; nothing where there is none."""
    for number, line in bounds.lines(path):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as e:
            return f"{path}:{number}: not UTF-8 (byte {e.start + 1}); save the file as UTF-8"
    with path.open(encoding="utf-8", newline="") as file, suppress(csv.Error):
        rows = csv.reader(file, delimiter=separator)
        fields = len(next(rows, []))
        for row in rows:
            if len(row) > fields:
                what = f"{len(row)} fields, and the first line names {fields}"
                return f"{path}:{rows.line_num}: {what}; put texts with a {separator!r} in them between quotes"
    return ""


# --- Parquet --------------------------------------------------------------------------------


def parquet(path: Path, wanted: Wanted) -> Opened:
    """Parquet, by pyarrow: a damaged file raises there, where polars can end this process."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    bounds.check_parquet(path)
    try:
        with pq.ParquetFile(path) as file:
            columns, height = file.schema_arrow.names, file.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as e:
        raise LoadError(f"{path}: not Parquet: {first_line(e)}") from e
    if len(set(columns)) < len(columns):
        raise LoadError(f"{path}: two of its columns have one name")
    height = height if wanted.limit is None else min(height, wanted.limit)
    return Opened(str(path), columns, height, partial(_batches, path, wanted, wanted.of(columns)))


def _batches(path: Path, wanted: Wanted, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The first rows of a file, some at a time, and no more than a file should unpack to."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = min(wanted.chunk, wanted.limit or wanted.chunk)
    try:
        with pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            schema = pa.schema([file.schema_arrow.field(name) for name in columns])
            batches = file.iter_batches(columns=schema.names, batch_size=rows)
            yield from _checked(path, (pa.Table.from_batches([batch], schema) for batch in batches), wanted.limit)
    except bounds.TooMuch:
        raise
    except (pa.ArrowException, OSError, ValueError, pl.exceptions.PolarsError) as e:
        raise LoadError(f"{path}: not Parquet: {first_line(e)}") from e


def _checked(path: Path, tables: Iterator[Any], limit: int | None) -> Iterator[pl.DataFrame]:
    start = size = 0
    for table in tables:
        bounds.check_unpacked(path, size + table.nbytes)
        table.validate(full=True)  # text that is none would be taken for text
        frame = pl.DataFrame(table if limit is None else table[: limit - start])
        size += max(table.nbytes, bounds.check_cells(frame, str(path), start + 1))
        bounds.check_unpacked(path, size)
        yield frame
        start += table.num_rows
        if limit is not None and start >= limit:
            return


_BUFFER = 1_000_000
"""Bytes of each column that are read at once."""
