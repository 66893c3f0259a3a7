"""Tables on disk, read some rows at a time: what a source gave, and the shards of any table.

Of a million prompts some thousand are held, and of all of them some bytes each.
"""

import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from prefgen.errors import RunError
from prefgen.rows import DROPPED
from prefgen.tablefile import copied, tablefiles

if TYPE_CHECKING:
    from prefgen.sources._taking import Chunks

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
    """A folder for files that nobody needs any more when nobody has this object, or Python ends, however it does."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="prefgen-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


# --- what a source gives --------------------------------------------------------------------


@dataclass(frozen=True)
class Spool:
    """A source's rows as a run's folder has them: in ``path`` those that stay, in ``gone`` the others, with what a lost
    row has. ``home`` keeps the folder of both as long as this is held.
    """

    path: Path
    gone: Path
    schema: pl.Schema
    rows: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    home: Folder | None = field(default=None, repr=False, compare=False)

    def first(self, prompts: int) -> pl.DataFrame:
        """The rows of the first so many prompts."""
        return next(in_shards(self.path, prompts))

    def only(self, kept: Callable[[pl.DataFrame], pl.DataFrame]) -> "Spool":
        """What is kept of the rows that stay, and none that goes."""
        return written(map(kept, frames(self.path)))

    def copied(self, path: Path, gone: Path) -> None:
        """Puts both files where a run has them. Raises RunError for a full disk."""
        copied(self.path, path)
        copied(self.gone, gone)


def spooled(verb: Callable[..., Any], source: object, settings: Mapping[str, Any]) -> Spool:
    """A source's rows, in a folder that is there as long as they are held. A source of somebody's gives one frame.
    Raises what the source does, and RunError for a full disk.
    """
    if not hasattr(verb, "chunks"):
        return written(iter([verb(source, **settings)]))
    chunks = verb.chunks(source, **settings)
    return written(chunks.frames()) if chunks.seed is None else _shuffled(chunks)


def written(marked: Iterator[pl.DataFrame]) -> Spool:
    """Rows in their order, each with its reason to go or null in ``dropped``; without that column all stay."""
    home, rows, schema, dropped = Folder(), 0, pl.Schema(), Counter[str]()
    path, gone = home.path / "rows.parquet", home.path / "gone.parquet"
    with tablefiles(path, gone) as (stay, go):
        for frame in marked:
            kept, left = parted(frame)
            stay.add(kept)
            go.add(lost(left))
            rows, schema = rows + kept.height, kept.schema
            dropped.update(left[DROPPED].to_list())
    return Spool(path, gone, schema, rows, dropped, home)


def _shuffled(chunks: "Chunks") -> Spool:
    """The rows as a seed orders them: written as they come, and then in their order."""
    keys: list[pl.DataFrame] = []

    def noted(marked: pl.DataFrame) -> pl.DataFrame:
        keys.append(parted(marked)[0].select(key=chunks.order(), prompt=_number(pl.col("prompt_id"))))
        return marked

    spool = written(map(noted, chunks.frames()))
    places = chunks.places(pl.concat(keys))
    path = spool.path.with_name("shuffled.parquet")
    with tablefiles(path) as (file,):
        for frame in _ordered(frames(spool.path), places, places):
            file.add(frame)
    spool.path.unlink()
    return replace(spool, path=path, rows=places.count())


def spool_of(path: Path, gone: Path) -> Spool:
    """What was written before, looked at to its end. Raises RunError where it cannot be read."""
    rows, schema, dropped = 0, pl.Schema(), Counter[str]()
    for frame in frames(path):
        rows, schema = rows + frame.height, frame.schema
    for frame in frames(gone, columns=[DROPPED]):
        dropped.update(frame[DROPPED].to_list())
    return Spool(path, gone, schema, rows, dropped)


def parted(marked: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that stay, without their null reasons, and those that go."""
    if DROPPED not in marked.columns:
        marked = marked.with_columns(pl.lit(None, pl.String).alias(DROPPED))
    stays = pl.col(DROPPED).is_null()
    return marked.filter(stays).drop(DROPPED), marked.filter(~stays)


def lost(gone: pl.DataFrame) -> pl.DataFrame:
    """Rows that go, with what is told of them."""
    detail = pl.col("detail") if gone.schema.get("detail") == pl.String else pl.lit(None, pl.String)
    return gone.select("prompt_id", "id", DROPPED, detail.alias("detail"))


# --- tables ---------------------------------------------------------------------------------


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


def in_shards(path: Path, prompts: int) -> Iterator[pl.DataFrame]:
    """A table in slices of ``prompts`` whole prompts each; rows of one prompt stand together, prompts in order of first
    appearance. A table of no rows is one shard of no rows. Raises RunError where it cannot be read.
    """
    runs, different = _counted(path)
    if runs == different:
        return _cut(frames(path), prompts)
    places = _by_first_appearance(_runs(path))
    return _cut(map(_together, _ordered(frames(path), places["place"], places["prompt"])), prompts)


def prompts_of(path: Path) -> int:
    """How many prompts a table has. Raises RunError where it cannot be read."""
    return _counted(path)[1]


def _cut(rows: Iterator[pl.DataFrame], prompts: int) -> Iterator[pl.DataFrame]:
    """Slices of rows that stand together by prompt. The last prompt that was read may go on."""
    held: pl.DataFrame | None = None
    for some in rows:
        held = some if held is None else pl.concat([held, some], rechunk=True)
        cuts = _starts(held["prompt_id"])[::prompts].to_list()
        for start, end in pairwise(cuts):
            yield held.slice(start, end - start)
        held = held.slice(cuts[-1] if cuts else 0)
    if held is not None:
        yield held


def _starts(ids: pl.Series) -> pl.Series:
    """The places at which another prompt begins."""
    return (ids.ne_missing(ids.shift()) | pl.select(pl.int_range(len(ids)) == 0).to_series()).arg_true()


def _together(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of whole prompts, those of one together, in order of appearance."""
    first = pl.col("_row").first().over("prompt_id")
    return rows.with_row_index("_row").sort(first, maintain_order=True).drop("_row")


# --- order ----------------------------------------------------------------------------------


def _number(ids: pl.Expr) -> pl.Expr:
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
        new = _starts(ids)
        new = new.slice(1) if height and len(ids) and ids[0] == last else new
        start, height, last = height, height + len(ids), ids[-1] if len(ids) else last
        yield new + start, frame.select(_number(pl.col("prompt_id")))["prompt_id"].gather(new), height


def _counted(path: Path) -> tuple[int, int]:
    """How often another prompt begins, and how many there are: as many, where rows of one stand together. Numbers are
    counted in parts, for memory's sake.
    """
    parts: list[list[pl.Series]] = [[] for _ in range(PARTS)]
    for _, numbers, _ in _starting(path):
        for part, some in enumerate(parts):
            some.append(numbers.filter(numbers % PARTS == part))
    return sum(len(one) for some in parts for one in some), sum(pl.concat(some).n_unique() for some in parts)


def _runs(path: Path) -> pl.DataFrame:
    """Where rows of one prompt stand together: its ``number``, the first row of them, and how many there are."""
    starts, numbers, height = list[pl.Series](), list[pl.Series](), 0
    for new, some, end in _starting(path):
        starts.append(new.cast(pl.UInt32))
        numbers.append(some)
        height = end
    start = pl.concat(starts)
    rows = start.extend_constant(height, 1).diff(null_behavior="drop").cast(pl.UInt32)
    return pl.DataFrame({"number": pl.concat(numbers), "start": start, "rows": rows})


def _by_first_appearance(runs: pl.DataFrame) -> pl.DataFrame:
    """The place of each row where prompts stand together: its own, and its prompt's first."""
    runs = runs.with_columns(first=pl.col("start").first().over("number")).sort("first", maintain_order=True)
    runs = runs.with_columns(place=pl.col("rows").cum_sum() - pl.col("rows")).drop("first")
    runs = runs.with_columns(prompt=pl.col("place").min().over("number")).sort("start")
    ends = pl.col("place") + pl.col("rows")
    return runs.select("prompt", place=pl.int_ranges("place", ends, dtype=pl.UInt32)).explode("place")


def _ordered(rows: Iterator[pl.DataFrame], places: pl.Series, groups: pl.Series) -> Iterator[pl.DataFrame]:
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
