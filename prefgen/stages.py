"""Plan → tables: stages, shards, counts.

A stage is what lies between barriers. In it, shards of a few whole prompts go side by side through all its steps;
a verb that must see its whole table is a barrier and starts the next stage. What comes out does not depend on the
size of shards, their number, or who finished first.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Self

import polars as pl

from prefgen.engines import local
from prefgen.errors import PrefgenError, RunError
from prefgen.llm.client import Client, Shut
from prefgen.planned import Plan, Planned
from prefgen.rounds import Count, ask_all
from prefgen.rows import DROPPED, split
from prefgen.tablefile import TableFile

SHARD = 8
"""Prompts in one shard at most; fewer where that would leave places idle."""
SIDE_BY_SIDE = 64
"""Shards under way at once: what bounds memory."""


@dataclass
class Progress:
    """How far a run is; changed as it goes, read by whoever shows it."""

    counts: dict[str, Count] = field(default_factory=dict)
    stage: int = 0
    stages: int = 0
    prompts_done: int = 0
    prompts: int = 0
    stage_began: float = 0.0


@dataclass(frozen=True)
class _Made:
    """What one step made of one shard: its table, and the rows that are not in it."""

    table: pl.DataFrame
    lost: pl.DataFrame


async def make_tables(
    plan: Plan,
    client: Client,
    folder: Path,
    *,
    shard: int | None = None,
    side_by_side: int = SIDE_BY_SIDE,
    progress: Progress | None = None,
) -> Mapping[str, Count]:
    """Makes every table of a plan, each as ``folder/NAME.parquet``, its lost rows as ``NAME.dropped.parquet``.
    Gives what became of every row. ``shard`` is the number of prompts in a shard, as the run needs it by default.

    Raises what ends a run (ProviderError, BudgetReached, Interrupted, RunError); what was received is kept, and
    the same call goes on from there.
    """
    progress = progress or Progress()
    for table in plan.steps:
        progress.counts[table] = Count()
    walk = _Walk(plan, client, folder, shard, side_by_side, progress)
    depths = stages(plan)
    progress.stages = max(depths.values(), default=0) + 1
    try:
        for depth in range(progress.stages):
            progress.stage = depth
            for root in [t for t in plan.steps if depths[t] == depth and _is_root(plan.steps[t])]:
                await walk.tree(root, [t for t in _below(plan, root) if depths[t] == depth and t != root])
            walk.go_on()
    except Shut as e:
        raise client.reason or e from None
    _tidied(folder, plan)
    _account(progress.counts)
    return progress.counts


def stages(plan: Plan) -> dict[str, int]:
    """The stage of each table: one more than its inputs' for a verb that sees its whole table."""
    depths: dict[str, int] = {}
    for table, step in plan.steps.items():
        depths[table] = max((depths[name] for name in step.inputs), default=0) + (step.whole and bool(step.inputs))
    return depths


def _is_root(step: Planned) -> bool:
    return step.source is not None or step.whole


def _below(plan: Plan, root: str) -> list[str]:
    """The tables that are made of ``root`` with no barrier between, in the recipe's order."""
    found = {root}
    for table, step in plan.steps.items():
        if not _is_root(step) and step.inputs[0] in found:
            found.add(table)
    return [table for table in plan.steps if table in found]


class _Walk:
    """One run's way through its plan."""

    def __init__(
        self, plan: Plan, client: Client, folder: Path, shard: int | None, side_by_side: int, progress: Progress
    ) -> None:
        self.plan, self.client, self.folder = plan, client, folder
        self.shard, self.side_by_side, self.progress = shard, side_by_side, progress

    async def tree(self, root: str, tables: Sequence[str]) -> None:
        """Makes a root's table whole, then the tables below it shard by shard."""
        made = await self._root(self.plan.steps[root])
        with _Files(self.folder, [root]) as files:
            files.add({root: made})
        prompts = made.table["prompt_id"].n_unique()
        shards = in_shards(made.table, self.shard or max(1, min(SHARD, prompts // self.side_by_side)))
        self.progress.prompts, self.progress.prompts_done, self.progress.stage_began = prompts, 0, time.monotonic()
        with _Files(self.folder, tables) as files:
            results = local.run_shards(
                shards, lambda rows: self._guarded(rows, root, tables), side_by_side=self.side_by_side
            )
            async with aclosing(results):  # whatever ends this, shards under way come to their end and are kept
                async for made_of_shard in results:
                    with self._shutting():
                        files.add(made_of_shard)

    async def _root(self, step: Planned) -> _Made:
        """The table of a source, or of a verb that sees its input whole."""
        count, rows = self.progress.counts[step.table], step.source
        if rows is None:
            frames = [pl.read_parquet(self.folder / f"{name}.parquet") for name in step.inputs]
            return await _table(step, frames, count)
        marked = rows if DROPPED in rows.columns else rows.with_columns(pl.lit(None, pl.String).alias(DROPPED))
        stays = pl.col(DROPPED).is_null()
        return _counted(rows.height, marked.filter(stays).drop(DROPPED), marked.filter(~stays), count)

    async def _guarded(self, rows: pl.DataFrame, root: str, tables: Sequence[str]) -> dict[str, _Made]:
        with self._shutting():
            made = await self._shard(rows, root, tables)
        self.progress.prompts_done += rows["prompt_id"].n_unique()
        return made

    @contextmanager
    def _shutting(self) -> Iterator[None]:
        """A failure here is the end of the run: nothing more is sent."""
        try:
            yield
        except Exception as e:
            self.client.shut(e)
            raise

    def go_on(self) -> None:
        """Raises Shut where nothing more is to be done."""
        if self.client.reason:
            raise Shut(str(self.client.reason))

    async def _shard(self, rows: pl.DataFrame, root: str, tables: Sequence[str]) -> dict[str, _Made]:
        """All tables below a root, for one shard of its rows."""
        made, frames = {}, {root: rows}
        for table in tables:
            self.go_on()
            step, count = self.plan.steps[table], self.progress.counts[table]
            if step.asker:
                with _named(step):
                    asked = await ask_all(step, frames[step.inputs[0]], self.client, self.plan.recipe.seed, count)
                made[table] = _Made(*asked)
            else:
                made[table] = await _table(step, [frames[step.inputs[0]]], count)
            frames[table] = made[table].table
        return made


@contextmanager
def _named(step: Planned) -> Iterator[None]:
    """Whatever a verb raises (one of yours, or a fault of ours), told with the table's name."""
    try:
        yield
    except PrefgenError:
        raise
    except Exception as e:
        line = (str(e).splitlines() or [""])[0]
        what = f"{step.table}: {step.word} failed: {type(e).__name__}: {line}"
        raise RunError(f"{what}; what was received is kept (PREFGEN_DEBUG=1 shows where it happened)") from e


async def _table(step: Planned, frames: Sequence[pl.DataFrame], count: Count) -> _Made:
    """A verb's table, made in another thread: the loop stays free for replies, and for Ctrl-C."""
    with _named(step):
        made, gone = await asyncio.to_thread(split, step.verb, frames, step.settings)
    if made.schema != step.schema:
        raise RunError(f"{step.table}: {step.word} made other columns than it made of an empty table: {made.schema}")
    if not made["id"].is_unique().all():
        twice = made["id"].filter(made["id"].is_duplicated())[0]
        raise RunError(f"{step.table}: {step.word} made several rows with the id {twice}; a row's id is its own")
    return _counted(sum(rows.height for rows in frames), made, gone, count)


def _counted(rows_in: int, made: pl.DataFrame, gone: pl.DataFrame, count: Count) -> _Made:
    count.rows_in += rows_in
    count.rows_used += rows_in - gone.height
    count.rows_out += made.height
    count.dropped.update(gone[DROPPED].to_list())
    detail = pl.col("detail") if gone.schema.get("detail") == pl.String else pl.lit(None, pl.String)
    return _Made(made, gone.select("prompt_id", "id", DROPPED, detail.alias("detail")))


def in_shards(rows: pl.DataFrame, prompts: int) -> Iterator[pl.DataFrame]:
    """Slices of ``prompts`` whole prompts each; rows of one prompt stand together, prompts in order of
    appearance. A table of no rows is one shard of no rows.
    """
    if rows.is_empty():
        yield rows
        return
    first = pl.col("_row").first().over("prompt_id")
    ordered = rows.with_row_index("_row").with_columns(first).sort("_row", maintain_order=True)
    number = ordered["_row"].rle_id() // prompts
    ordered = ordered.drop("_row")
    starts = [*number.to_frame("n").with_row_index("i").group_by("n", maintain_order=True).first()["i"], rows.height]
    for start, end in pairwise(starts):
        yield ordered.slice(start, end - start)


class _Files:
    """The files of some tables and of their lost rows, written in order and only whole."""

    def __init__(self, folder: Path, tables: Sequence[str]) -> None:
        self.tables = {table: TableFile(folder / f"{table}.parquet") for table in tables}
        self.lost = {table: TableFile(folder / f"{table}.dropped.parquet") for table in tables}

    def add(self, made: Mapping[str, _Made]) -> None:
        for table, one in made.items():
            self.tables[table].add(one.table)
            self.lost[table].add(one.lost)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        files = [*self.tables.values(), *self.lost.values()]
        try:
            while files and not kind:
                files[0].close()
                files.pop(0)
        finally:
            for file in files:
                file.abandon()


def _tidied(folder: Path, plan: Plan) -> None:
    """Takes away tables that an older form of the recipe made."""
    for path in folder.glob("*.parquet"):
        if path.name.split(".")[0] not in plan.steps:
            path.unlink()


def _account(counts: Mapping[str, Count]) -> None:
    """No row vanishes without a counted reason."""
    for table, count in counts.items():
        if not count.balanced():
            raise RunError(f"{table}: not all rows are accounted for: {count}")
