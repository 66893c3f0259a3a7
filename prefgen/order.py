"""Tables on disk: read some rows at a time, and put in another order.

Of a million rows some thousand are held, and of all of them some bytes each.
"""

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, cast

import polars as pl

from prefgen.errors import RunError

BATCH = 4096
"""Rows that are read together."""
BUCKET = 16_384
"""Rows that are put in order together, at least; there are no more than BUCKETS such lots."""
BUCKETS = 256
PARTS = 16
"""Lots in which prompts are counted."""
PAGES = 65_536
"""Bytes of a column that are read at once."""


class Folder:
    """A folder for files that nobody needs any more when nobody has this object, or Python ends. What a process left
    that was killed goes when the next one needs such a folder.
    """

    def __init__(self) -> None:
        place = Path(tempfile.gettempdir())
        _swept(place)
        try:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
            lock = _locked(self.path / f"{LOCK}.new", os.O_CREAT)
            if lock is not None:  # it has its name when it is held, so that nobody takes the folder away before
                (self.path / f"{LOCK}.new").rename(self.path / LOCK)
        except OSError as e:
            raise RunError(f"{place}: {e.strerror or e}; make room, or name another place with TMPDIR") from e
        weakref.finalize(self, _removed, self.path, lock)


PREFIX, LOCK = "prefgen-rows-", ".lock"


@cache
def _swept(place: Path) -> None:
    """Takes away the folders whose process is gone: nobody holds their lock."""
    for path in place.glob(f"{PREFIX}*"):
        with suppress(OSError):
            lock = _locked(path / LOCK, 0)
            if lock is not None:
                _removed(path, lock)


def _locked(path: Path, how: int) -> int | None:
    """The lock of a folder, or None where there is no such thing. Raises OSError where another process has it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    handle = os.open(path, os.O_RDWR | how)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _removed(path: Path, lock: int | None) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if lock is not None:
        os.close(lock)


def frames(path: Path, rows: int = BATCH, *, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """A table's rows in their order, about so many at a time; once none, where it has none. Raises RunError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, buffer_size=PAGES, pre_buffer=False) as file:
            some = file.iter_batches(rows, columns=columns) if file.metadata.num_rows else [file.read(columns)]
            for batch in some:
                yield cast("pl.DataFrame", pl.from_arrow(batch))
    except (pa.ArrowException, OSError, ValueError, pl.exceptions.PolarsError) as e:
        line = str(e).partition("\n")[0][:200]
        raise RunError(f"{path}: cannot be read ({line}); run the recipe again, which asks nothing anew") from e


# --- prompts --------------------------------------------------------------------------------


def starts(ids: pl.Series) -> pl.Series:
    """The places at which another prompt begins."""
    return (ids.ne_missing(ids.shift()) | pl.select(pl.int_range(len(ids)) == 0).to_series()).arg_true()


def together(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of whole prompts, those of one together, in order of appearance."""
    first = pl.col("_row").first().over("prompt_id")
    return rows.with_row_index("_row").sort(first, maintain_order=True).drop("_row")


def number(ids: pl.Expr) -> pl.Expr:
    """64 bits for each id: those that its digits are, where it is a prompt's of ours, so that no two are one."""
    ids = ids.cast(pl.String).fill_null("")
    ours = ids.str.to_integer(base=16, dtype=pl.UInt64, strict=False)
    return pl.when(ids.str.contains("^[0-9a-f]{16}$")).then(ours).otherwise(ids.hash(seed=0))


def _starting(path: Path) -> Iterator[tuple[pl.Series, pl.Series, int]]:
    """Some rows at a time: where another prompt begins than that of the row before, those prompts' numbers, and the
    rows up to here.
    """
    height, last = 0, None
    for frame in frames(path, 4 * BATCH, columns=["prompt_id"]):
        ids = frame["prompt_id"]
        new = starts(ids)
        new = new.slice(1) if height and len(ids) and ids[0] == last else new
        start, height, last = height, height + len(ids), ids[-1] if len(ids) else last
        yield new + start, frame.select(number(pl.col("prompt_id")))["prompt_id"].gather(new), height


def counted(path: Path) -> tuple[int, int]:
    """How often another prompt begins, and how many there are: as many, where rows of one stand together. Numbers are
    counted in parts, for memory's sake.
    """
    parts: list[list[pl.Series]] = [[] for _ in range(PARTS)]
    for _, numbers, _ in _starting(path):
        for part, some in enumerate(parts):
            some.append(numbers.filter(numbers % PARTS == part))
    return sum(len(one) for some in parts for one in some), sum(pl.concat(some).n_unique() for some in parts)


def runs(path: Path) -> pl.DataFrame:
    """Where rows of one prompt stand together: its ``number``, the first row of them, and how many there are."""
    starts, numbers, height = list[pl.Series](), list[pl.Series](), 0
    for new, some, end in _starting(path):
        starts.append(new.cast(pl.UInt32))
        numbers.append(some)
        height = end
    start = pl.concat(starts)
    rows = start.extend_constant(height, 1).diff(null_behavior="drop").cast(pl.UInt32)
    return pl.DataFrame({"number": pl.concat(numbers), "start": start, "rows": rows})


def by_first_appearance(runs: pl.DataFrame) -> pl.DataFrame:
    """The place of each row where prompts stand together: its own, and its prompt's first."""
    runs = runs.with_columns(first=pl.col("start").first().over("number")).sort("first", maintain_order=True)
    runs = runs.with_columns(place=pl.col("rows").cum_sum() - pl.col("rows")).drop("first")
    runs = runs.with_columns(prompt=pl.col("place").min().over("number")).sort("start")
    ends = pl.col("place") + pl.col("rows")
    return runs.select("prompt", place=pl.int_ranges("place", ends, dtype=pl.UInt32)).explode("place")


def ordered(rows: Iterator[pl.DataFrame], places: pl.Series, groups: pl.Series) -> Iterator[pl.DataFrame]:
    """Rows at the places that are given for them, those without one left out; rows of one group come in one frame. They
    are laid in lots on the disk, so that one lot at a time is sorted.
    """
    lots = groups // max(BUCKET, len(groups) // BUCKETS)
    home, row, files = Folder(), 0, dict[int, Any]()
    for frame in rows:
        some = frame.with_columns(_place=places.slice(row, frame.height), _lot=lots.slice(row, frame.height))
        row += frame.height
        _laid(some, home, files)
    for file in files.values():
        file.close()
    for lot in sorted(files):
        yield _lot(home, lot).sort("_place").drop("_place")
    if not files:
        yield frame.clear()


def _laid(rows: pl.DataFrame, home: Folder, files: dict[int, Any]) -> None:
    """Appends rows to the files of their lots."""
    import pyarrow as pa

    by_lot = rows.filter(pl.col("_lot").is_not_null()).partition_by("_lot", as_dict=True, include_key=False)
    for (lot,), part in by_lot.items():
        table = part.to_arrow()
        if lot not in files:
            files[lot] = pa.ipc.new_stream(str(home.path / f"{lot}.arrows"), table.schema)
        files[lot].write_table(table)


def _lot(home: Folder, lot: int) -> pl.DataFrame:
    import pyarrow as pa

    path = home.path / f"{lot}.arrows"
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
        rows = cast("pl.DataFrame", pl.from_arrow(stream.read_all()))
    path.unlink()
    return rows
