"""What a source gave, on disk as long as it is needed, and the shards of any table: a million prompts are not held."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from prefgen.errors import RunError
from prefgen.order import Folder, by_first_appearance, counted, frames, number, ordered, runs, starts, together
from prefgen.rows import DROPPED
from prefgen.tablefile import copied, tablefiles

if TYPE_CHECKING:
    from prefgen.sources._taking import Chunks

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
    """Rows in their order, each with its reason to go or null in ``dropped``; without that column all stay. Raises
    RunError where they have no ids, and for a full disk.
    """
    home, rows, schema, dropped = Folder(), 0, pl.Schema(), Counter[str]()
    path, gone = home.path / "rows.parquet", home.path / "gone.parquet"
    with tablefiles(path, gone) as (stay, go):
        for frame in marked:
            if lacking := [name for name in ("prompt_id", "id") if name not in frame.columns]:
                raise RunError(f"its rows have no {' and no '.join(lacking)}; a source gives each row both")
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
        own = [] if chunks.take is None else [number(pl.col("prompt_id")).alias("prompt")]
        keys.append(parted(marked)[0].select(chunks.order().alias("key"), *own))
        return marked

    spool = written(map(noted, chunks.frames()))
    places = chunks.places(pl.concat(keys))
    keys.clear()
    path = spool.path.with_name("shuffled.parquet")
    with tablefiles(path) as (file,):
        for frame in ordered(frames(spool.path), places, places):
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


def in_shards(path: Path, prompts: int) -> Iterator[pl.DataFrame]:
    """A table in slices of ``prompts`` whole prompts each; rows of one prompt stand together, prompts in order of first
    appearance. A table of no rows is one shard of no rows. Raises RunError where it cannot be read.
    """
    begun, different = counted(path)
    if begun == different:
        return _cut(frames(path), prompts)
    places = by_first_appearance(runs(path))
    return _cut(map(together, ordered(frames(path), places["place"], places["prompt"])), prompts)


def prompts_of(path: Path) -> int:
    """How many prompts a table has. Raises RunError where it cannot be read."""
    return counted(path)[1]


def _cut(rows: Iterator[pl.DataFrame], prompts: int) -> Iterator[pl.DataFrame]:
    """Slices of rows that stand together by prompt. The last prompt that was read may go on."""
    held: pl.DataFrame | None = None
    for some in rows:
        held = some if held is None else pl.concat([held, some], rechunk=True)
        cuts = starts(held["prompt_id"])[::prompts].to_list()
        for start, end in pairwise(cuts):
            yield held.slice(start, end - start)
        held = held.slice(cuts[-1] if cuts else 0)
    if held is not None:
        yield held
