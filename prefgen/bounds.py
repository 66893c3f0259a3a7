"""How much a file that is read may hold: more than any prompt, and less than what fills a memory.

A source may be a stranger's, and a few bytes on disk can be told to unpack to thousands of millions. So a row is
measured before it is read whole, and a file before it is unpacked.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from prefgen.errors import PrefgenError

ROW = 8_000_000
"""Bytes of one row (JSON Lines, CSV) or one cell (Parquet)."""
FILE = 1_000_000_000
"""Bytes that may be read, or unpacked to, at once whatever the file's size."""
RATIO = 200
"""How many times its own size a larger file may unpack to; text packs 3 to 20 times."""

_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"x\x01": "zlib", b"x\x9c": "zlib", b"x\xda": "zlib"}
_VIEW = 16
"""Bytes of memory that each text of a column takes beside its letters."""


class TooMuch(PrefgenError, ValueError):
    """A file, a row or a cell that is larger than is read: ``where: what; what would do``."""


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """A file's lines with their numbers, none read whole that is over ROW. Raises TooMuch."""
    with path.open("rb") as file:
        yield from _lines(file, path)


def _lines(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(ROW + 1):
        number += 1
        if len(line) > ROW:
            raise _too_long(f"{path}:{number}", "line")
        yield number, line


def whole(path: Path) -> bytes:
    """A file's bytes, where they are few enough and not packed. Raises TooMuch."""
    check_whole(path)
    return path.read_bytes()


def check_whole(path: Path) -> None:
    """Looks at a file that is one piece: whether its bytes are few enough, and not packed. Raises TooMuch."""
    size = path.stat().st_size
    if size > FILE:
        raise TooMuch(f"{path}: is {size / 1e9:,.1f} GB in one piece; save its rows as JSON Lines, one a line")
    _plain(path)


def check_csv(path: Path, rows: int | None = None) -> None:
    """Looks at the first rows of a CSV or TSV file for one that is over ROW; a quoted cell may go over lines. Raises
    TooMuch.
    """
    _plain(path)
    size = first = seen = 0
    opened = False
    for number, line in lines(path):
        if not opened:
            size, first, seen = 0, number, seen + 1
        if rows is not None and seen > rows + 1:
            return
        size, opened = size + len(line), opened != bool(line.count(b'"') % 2)
        if size > ROW:
            raise _too_long(f"{path}:{first}", "row")


def check_parquet(path: Path) -> None:
    """Looks at what a Parquet file says that it unpacks to. Raises TooMuch."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.read_metadata(path)
    except (pa.ArrowException, OSError, ValueError):  # whoever reads it says what is wrong
        return
    said = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    check_unpacked(path, max(said, about.num_rows * _VIEW))


def check_cells(frame: pl.DataFrame, place: str, first: int = 1) -> int:
    """Looks at each cell of a table whose first row has this number; gives the bytes of all. Raises TooMuch."""
    total = 0
    for column in frame:
        sizes = _sizes(column)
        total += int(sizes.sum() or 0)
        if (sizes.max() or 0) > ROW:  # type: ignore[operator]
            raise _too_long(f"{place}: row {int(sizes.arg_max() or 0) + first}, {column.name}", "cell")
    return total


def check_rows(rows: Sequence[Any], place: str, first: int = 1) -> None:
    """Looks at the texts of each row of a list, whose first has this number. Raises TooMuch."""
    for number, row in enumerate(rows, first):
        if _letters(row) > ROW:
            raise _too_long(f"{place}: row {number}", "row")


def _letters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_letters, values))


def check_unpacked(path: Path, to: int) -> None:
    """Raises TooMuch where a file unpacks to so many bytes that somebody made it to do so."""
    size = path.stat().st_size
    if to > FILE and to > RATIO * size:
        what = f"{size:,} bytes that unpack to {to / 1e9:,.1f} GB, {to // max(size, 1):,} times as much"
        raise TooMuch(f"{path}: {what}; if that is meant, save it with less compression, or as several files")


def _too_long(place: str, what: str) -> TooMuch:
    return TooMuch(f"{place}: a {what} of over {ROW:,} bytes; no model reads so much: cut it, or leave it out")


def _plain(path: Path) -> None:
    """Raises TooMuch for a packed file under a plain name, which readers would unpack without end."""
    with path.open("rb") as file:
        start = file.read(6)
    for mark, kind in _PACKED.items():
        if start.startswith(mark):
            raise TooMuch(f"{path}: is packed ({kind}); unpack it first")


def _sizes(column: pl.Series) -> pl.Series:
    """The bytes of each value: of texts, and of all texts in lists and objects."""
    kind = column.dtype
    if kind == pl.String:
        return column.str.len_bytes().fill_null(0).cast(pl.UInt64)
    if kind == pl.Binary:
        return column.bin.size().fill_null(0).cast(pl.UInt64)
    if isinstance(kind, pl.Struct) and kind.fields:
        fields = pl.DataFrame([_sizes(column.struct.field(f.name)).alias(str(i)) for i, f in enumerate(kind.fields)])
        return fields.sum_horizontal()
    if isinstance(kind, pl.List | pl.Array):
        every = pl.DataFrame({"of": column}).with_row_index("row")
        each = every.explode("of")  # an empty list has no row here
        sizes = each.select("row", size=_sizes(each["of"])).group_by("row").agg(pl.col("size").sum())
        joined = every.select("row").join(sizes, on="row", how="left", maintain_order="left")
        return joined["size"].fill_null(0).cast(pl.UInt64)
    return pl.Series([0], dtype=pl.UInt64).new_from_index(0, len(column))
