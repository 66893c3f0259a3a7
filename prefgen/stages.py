"""Plan → tables: stages, shards, counts.

A stage is what lies between barriers. In it, prompts go side by side through all its steps, and are written in order,
in shards of some prompts; a verb that must see its whole table is a barrier and starts the next stage. What comes out
does not depend on the size of shards, their number, or who finished first.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import ClassVar

import polars as pl

from prefgen import wholes
from prefgen.asker import Row
from prefgen.canaries import check
from prefgen.early import Early, pace, up_to
from prefgen.engines import local
from prefgen.errors import BudgetReached, RunError
from prefgen.flow import Flow, Way, gathered
from prefgen.llm.batch.endpoints import in_batches
from prefgen.llm.client import Client, Shut
from prefgen.llm.exchange import Enough
from prefgen.planned import Plan, Planned
from prefgen.progress import Progress as Progress  # noqa: PLC0414  # what is known by this module's name
from prefgen.rounds import LOST, Count, ask_all, seem_known
from prefgen.shards import SHARD, Cut, Files, Made, Spans, prompts_in, shard_size, under_way
from prefgen.spool import in_shards, prompts_of
from prefgen.together import Asked


async def make_tables(
    plan: Plan,
    client: Client,
    folder: Path,
    *,
    shard: int | None = None,
    side_by_side: int | None = None,
    progress: Progress | None = None,
    walk: "Callable[..., Walk] | None" = None,
) -> Mapping[str, Count]:
    """Makes every table of a plan, each as ``folder/NAME.parquet``, its lost rows as ``NAME.dropped.parquet``.
    Gives what became of every row. ``shard`` is the number of prompts in a shard, and ``side_by_side`` that of shards
    under way at once, as the run needs them by default;
    ``walk`` makes what goes through the plan, a replay's for one.

    Raises what ends a run (ProviderError, BudgetReached, Interrupted, RunError); what was received is kept, and
    the same call goes on from there.
    """
    progress = progress or Progress()
    progress.plan, progress.client = plan, client
    for table in plan.steps:
        progress.counts[table] = Count()
    way = (walk or Walk)(plan, client, folder, shard, side_by_side, progress)
    progress.stages = _stages(plan)
    try:
        for depth in range(progress.stages):
            progress.stage = depth
            for root, tables in trees(plan, depth).items():
                await way.tree(root, tables)
            way.go_on()
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


def trees(plan: Plan, depth: int) -> dict[str, list[str]]:
    """The roots of a stage, each with the tables below it that are made in the same stage."""
    depths = stages(plan)
    roots = [t for t in plan.steps if depths[t] == depth and _is_root(plan.steps[t])]
    return {root: [t for t in _below(plan, root) if depths[t] == depth and t != root] for root in roots}


def forest(plan: Plan) -> dict[str, list[str]]:
    """The same of all stages, one after the other."""
    return {root: tables for depth in range(_stages(plan)) for root, tables in trees(plan, depth).items()}


def _stages(plan: Plan) -> int:
    return max(stages(plan).values(), default=0) + 1


def _is_root(step: Planned) -> bool:
    return step.source is not None or step.whole


def _below(plan: Plan, root: str) -> list[str]:
    """The tables that are made of ``root`` with no barrier between, in the recipe's order."""
    found = {root}
    for table, step in plan.steps.items():
        if not _is_root(step) and step.inputs[0] in found:
            found.add(table)
    return [table for table in plan.steps if table in found]


class Walk:
    """One run's way through its plan."""

    def __init__(
        self, plan: Plan, client: Client, folder: Path, shard: int | None, side_by_side: int | None, progress: Progress
    ) -> None:
        self.plan, self.client, self.folder = plan, client, folder
        self.shard, self.side_by_side, self.progress = shard, side_by_side, progress

    async def tree(self, root: str, tables: Sequence[str]) -> None:
        """Makes a root's table whole, then the tables below it."""
        await self._root(self.plan.steps[root])
        await self.below(root, tables)

    async def below(self, root: str, tables: Sequence[str]) -> None:
        """Makes the tables below a root, whose own is in its file: prompts flow one by one, and are written by
        shards.
        """
        path = self.folder / f"{root}.parquet"
        prompts = prompts_of(path)
        early, finished = self._early(tables), self.progress.finished.setdefault(root, Spans(prompts))
        self.progress.begin([root, *tables], prompts, early, time.monotonic())
        flow, cut = Flow(self.plan, root, tables, self), self._cut(path, prompts, tables, limited=early.is_limited)
        results = local.run_shards(
            cut.shards,
            lambda rows, leave: self._guarded(rows, flow, early, leave),
            places=cut.places,
            size=cut.size,
            may_begin=early.may_begin,
            backlog=cut.backlog,
        )
        with Files(self.folder, tables) as files:
            files.add({table: nothing(self.plan.steps[table]) for table in tables})
            async with aclosing(results):  # whatever ends this, shards under way come to their end and are kept
                async for rows, made_of_shard in results:
                    with self.shutting():
                        finished.add(rows, await self._came(rows, made_of_shard, flow, early, files))
                    if early.enough:
                        self.client.shut(Enough())
                        break
        self.progress.end()
        self.progress.ended = self.progress.ended or early.why
        if early.enough:
            self.client.reopen()

    def _cut(self, path: Path, prompts: int, tables: Sequence[str], *, limited: bool) -> Cut:
        """A root's table in shards, of which so many prompts are under way as these tables' models have to do with."""
        places = self.side_by_side * (self.shard or SHARD) if self.side_by_side else under_way(self.plan, tables)
        return Cut(in_shards(path, self.shard or shard_size(prompts, places, limited=limited)), places, prompts_in)

    def _early(self, tables: Sequence[str]) -> Early:
        table, target = self.plan.target or ("", None)
        of = (table, target) if table in tables else ("", None)
        return Early(self.client.budget, *of, *pace(in_batches=in_batches(self.client)))

    async def _came(
        self, rows: pl.DataFrame, made: "dict[str, Made] | BudgetReached", flow: Flow, early: Early, files: "Files"
    ) -> int:
        """Writes a shard's tables: as far as the target, where it is reached here, and nothing where money ran out.
        Gives the number of prompts that this is.
        """
        if isinstance(made, BudgetReached):
            return 0
        counted = made[early.table].table if early.target is not None else None
        last = early.count(counted)
        if last is not None and last != rows["prompt_id"][-1]:
            rows = up_to(rows, last)
            made = await self._shard(rows, flow, again=True)  # every reply of it is known
        self._add(made, files)
        return prompts_in(rows)

    def _add(self, made: "Mapping[str, Made]", files: "Files") -> None:
        files.add(made)
        for table, one in made.items():
            self.progress.add(table, one.count)
            check(table, self.progress.counts[table].canaries, self.plan.canaries.at_least)

    async def _root(self, step: Planned) -> None:
        """Writes the table of a source, or of a verb that sees its input whole."""
        if step.source:
            step.source.copied(self.folder / f"{step.table}.parquet", self.folder / f"{step.table}.dropped.parquet")
            rows, dropped = step.source.rows, Counter(step.source.dropped)
            self.progress.counts[step.table].add(Count(rows + dropped.total(), rows, rows, dropped=dropped))
            return
        pieces = wholes.made(step, [self.folder / f"{name}.parquet" for name in step.inputs])
        with Files(self.folder, [step.table]) as files, self.progress.clock.at_work(step.table):
            while (made := await asyncio.to_thread(next, pieces, None)) is not None:
                self._add({step.table: made}, files)

    async def _guarded(
        self, rows: pl.DataFrame, flow: Flow, early: Early, leave: Callable[[], None]
    ) -> "tuple[pl.DataFrame, dict[str, Made] | BudgetReached]":
        """A shard and its tables; or why it could not be finished, which is no reason to give up the others."""
        prompts, kept, why = prompts_in(rows), 0, None
        self.progress.begun += prompts
        try:
            made = await self._shard(rows, flow, leave)
            kept = made[early.table].table.height if early.table else 0
        except BudgetReached as e:
            why = e
            return rows, e
        finally:
            early.ended(prompts, kept, why)
        self.progress.prompts_done += prompts
        return rows, made

    spared: ClassVar[tuple[type[Exception], ...]] = (BudgetReached,)
    """Failures that are not the end of the run."""

    @contextmanager
    def shutting(self) -> Iterator[None]:
        """A failure here is the end of the run: nothing more is sent."""
        try:
            yield
        except self.spared:
            raise
        except Exception as e:
            self.client.shut(e)
            raise

    async def asked(self, step: Planned, asked: Asked, count: Count) -> tuple[list[Row], list[Row]]:
        """The rows that are made of a step's rows, and those that are lost."""
        with self.progress.clock.at_work(step.table):
            return await ask_all(step, *asked, self.client, self.plan.recipe.seed, count, self.plan.canaries)

    def seem_known(self, step: Planned, asked: Asked) -> bool:
        """Whether what is asked about the first and the last of these rows is in the journal."""
        return seem_known(step, *asked, self.client, self.plan.recipe.seed)

    def go_on(self) -> None:
        """Raises Shut where nothing more is to be done."""
        if self.client.reason:
            raise Shut(str(self.client.reason))

    async def _shard(
        self, rows: pl.DataFrame, flow: Flow, leave: Callable[[], None] = lambda: None, *, again: bool = False
    ) -> dict[str, Made]:
        """All tables below a root, for one shard of its rows; prompts leave when they are done. What is made ``again``
        is not counted as asked again.
        """
        within = Counter[str]() if again else self.progress.within
        parts = await flow.made(flow.unit(rows), Way(self._counter(again=again), leave, within))
        with self.shutting():
            return gathered(flow, rows.height, parts, self._sum)

    def _counter(self, *, again: bool) -> Callable[[str], Count]:
        """What gives the count of each asker's table: one for all prompts of a shard."""
        counts: dict[str, Count] = {}

        def count(table: str) -> Count:
            if table not in counts:
                counts[table] = Count() if again else self.progress.opened(table, self._count(table))
            return counts[table]

        return count

    def _sum(self, table: str, counts: Sequence[Count]) -> Count:
        """The counts of a shard's prompts as one."""
        return counts[0] if counts else self._count(table)

    def _count(self, table: str) -> Count:
        """What counts rows; what was spent has one tally for all."""
        return Count(tally=self.progress.counts[table].tally)


def nothing(step: Planned) -> Made:
    """What a table begins with; where no shard of it is finished, that is all."""
    return Made(pl.DataFrame(schema=step.schema), pl.DataFrame(schema=LOST), Count())


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
