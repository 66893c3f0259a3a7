"""Plan → tables: stages, shards, counts.

A stage is what lies between barriers. In it, prompts go side by side through all its steps, and are written in order,
in shards of some prompts; a verb that must see its whole table is a barrier and starts the next stage. What comes out
does not depend on the size of shards, their number, or who finished first.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from prefgen.asker import Row
from prefgen.canaries import check
from prefgen.early import Early, pace, up_to
from prefgen.engines import local
from prefgen.errors import BudgetReached, PrefgenError, RunError
from prefgen.flow import Flow, Parts
from prefgen.llm.batch.endpoints import in_batches
from prefgen.llm.client import Client, Shut, settled
from prefgen.llm.outcome import Tally
from prefgen.planned import Plan, Planned
from prefgen.rounds import LOST, Count, ask_all
from prefgen.rows import DROPPED
from prefgen.shards import Files, Made, Spans, in_shards
from prefgen.together import Asked, Unit, counted, framed, lost_of, table_of

SHARD = 8
"""Prompts in one shard at most, where a run may end between two of them."""
WRITTEN = 64
"""Prompts in one shard at most, where it may not."""
SIDE_BY_SIDE = 64
"""Times ``SHARD``: the prompts under way at once. This is what bounds memory."""


class _Enough(PrefgenError):
    """What those get whose rows are not wanted any more."""


@dataclass
class Progress:
    """How far a run is; changed as it goes, read by whoever shows it. ``ended`` says why not all prompts were begun,
    ``finished`` which of each root are in the tables, ``gates`` how far each gate came, ``waits`` what takes a day.
    """

    counts: dict[str, Count] = field(default_factory=dict)
    stage: int = 0
    stages: int = 0
    prompts_done: int = 0
    prompts: int = 0
    stage_began: float = 0.0
    ended: PrefgenError | None = None
    finished: dict[str, Spans] = field(default_factory=dict)
    gates: "dict[str, Progress]" = field(default_factory=dict)
    waits: Callable[[], Sequence[str]] = tuple

    def asked_at_gates(self) -> dict[str, Tally]:
        """What was spent on each gate."""
        return {table: one.counts["judgments"].tally for table, one in self.gates.items() if one.counts}


async def make_tables(
    plan: Plan,
    client: Client,
    folder: Path,
    *,
    shard: int | None = None,
    side_by_side: int = SIDE_BY_SIDE,
    progress: Progress | None = None,
    walk: "Callable[..., Walk] | None" = None,
) -> Mapping[str, Count]:
    """Makes every table of a plan, each as ``folder/NAME.parquet``, its lost rows as ``NAME.dropped.parquet``.
    Gives what became of every row. ``shard`` is the number of prompts in a shard, as the run needs it by default;
    ``walk`` makes what goes through the plan, a replay's for one.

    Raises what ends a run (ProviderError, BudgetReached, Interrupted, RunError); what was received is kept, and
    the same call goes on from there.
    """
    progress = progress or Progress()
    for table in plan.steps:
        progress.counts[table] = Count()
    way = (walk or Walk)(plan, client, folder, shard, side_by_side, progress)
    depths = stages(plan)
    progress.stages = max(depths.values(), default=0) + 1
    try:
        for depth in range(progress.stages):
            progress.stage = depth
            for root in [t for t in plan.steps if depths[t] == depth and _is_root(plan.steps[t])]:
                await way.tree(root, [t for t in _below(plan, root) if depths[t] == depth and t != root])
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
        self, plan: Plan, client: Client, folder: Path, shard: int | None, side_by_side: int, progress: Progress
    ) -> None:
        self.plan, self.client, self.folder = plan, client, folder
        self.shard, self.side_by_side, self.progress = shard, side_by_side, progress

    async def tree(self, root: str, tables: Sequence[str]) -> None:
        """Makes a root's table whole, then the tables below it: prompts flow one by one, and are written by shards."""
        made = await self._root(self.plan.steps[root])
        with Files(self.folder, [root]) as files:
            self._add({root: made}, files)
        prompts = made.table["prompt_id"].n_unique()
        self.progress.prompts, self.progress.prompts_done, self.progress.stage_began = prompts, 0, time.monotonic()
        early, finished = self._early(tables), self.progress.finished.setdefault(root, Spans(prompts))
        flow = Flow(self.plan, root, tables, self._asked, self.go_on)
        results = local.run_shards(
            in_shards(made.table, self._shard_size(prompts, early)),
            lambda rows, leave: self._guarded(rows, flow, early, leave),
            places=self.side_by_side * (self.shard or SHARD),
            size=lambda rows: rows["prompt_id"].n_unique(),
            may_begin=early.may_begin,
        )
        with Files(self.folder, tables) as files:
            files.add({table: nothing(self.plan.steps[table]) for table in tables})
            async with aclosing(results):  # whatever ends this, shards under way come to their end and are kept
                async for rows, made_of_shard in results:
                    with self._shutting():
                        finished.add(rows, await self._came(rows, made_of_shard, flow, early, files))
                    if early.enough:
                        self.client.shut(_Enough())
                        break
        self.progress.ended = self.progress.ended or early.why
        if early.enough:
            self.client.reopen()

    def _shard_size(self, prompts: int, early: Early) -> int:
        """Prompts in a shard: few where money or a target may end the run between two of them."""
        most = SHARD if early.is_limited else WRITTEN
        return self.shard or max(1, min(most, prompts // self.side_by_side))

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
        return rows["prompt_id"].n_unique()

    def _add(self, made: "Mapping[str, Made]", files: "Files") -> None:
        files.add(made)
        for table, one in made.items():
            self.progress.counts[table].add(one.count)
            check(table, self.progress.counts[table].canaries, self.plan.canaries.at_least)

    async def _root(self, step: Planned) -> Made:
        """The table of a source, or of a verb that sees its input whole."""
        rows = step.source
        if rows is None:
            frames = [pl.read_parquet(self.folder / f"{name}.parquet") for name in step.inputs]
            table, lost = await asyncio.to_thread(table_of, step, frames)
            return Made(table, lost, counted(sum(one.height for one in frames), table.height, lost))
        marked = rows if DROPPED in rows.columns else rows.with_columns(pl.lit(None, pl.String).alias(DROPPED))
        stays = pl.col(DROPPED).is_null()
        table, lost = marked.filter(stays).drop(DROPPED), lost_of(marked.filter(~stays))
        return Made(table, lost, counted(rows.height, table.height, lost))

    async def _guarded(
        self, rows: pl.DataFrame, flow: Flow, early: Early, leave: Callable[[], None]
    ) -> "tuple[pl.DataFrame, dict[str, Made] | BudgetReached]":
        """A shard and its tables; or why it could not be finished, which is no reason to give up the others."""
        prompts, kept, why = rows["prompt_id"].n_unique(), 0, None
        try:
            made = await self._shard(rows, flow, leave)
            kept = made[early.table].table.height if early.table else 0
        except BudgetReached as e:
            why = e
            return rows, e
        finally:
            early.ended(prompts, kept, why)
        return rows, made

    @contextmanager
    def _shutting(self) -> Iterator[None]:
        """A failure here is the end of the run: nothing more is sent."""
        try:
            yield
        except BudgetReached:
            raise
        except Exception as e:
            self.client.shut(e)
            raise

    async def _asked(self, step: Planned, asked: Asked, count: Count) -> tuple[list[Row], list[Row]]:
        return await ask_all(step, *asked, self.client, self.plan.recipe.seed, count, self.plan.canaries)

    def go_on(self) -> None:
        """Raises Shut where nothing more is to be done."""
        if self.client.reason:
            raise Shut(str(self.client.reason))

    async def _shard(
        self, rows: pl.DataFrame, flow: Flow, leave: Callable[[], None] = lambda: None, *, again: bool = False
    ) -> dict[str, Made]:
        """All tables below a root, for one shard of its rows; each prompt leaves when it is done. What is made
        ``again`` is not counted as asked again.
        """
        units = flow.units(rows)
        found = await settled(self._prompt(flow, unit, leave, again=again) for unit in units)
        with self._shutting():
            return self._gathered(flow, rows.height, [parts for parts in found if parts is not None])

    async def _prompt(self, flow: Flow, unit: Unit, leave: Callable[[], None], *, again: bool) -> Parts | None:
        with self._shutting():
            parts = await self._parts(flow, unit, (lambda _: Count()) if again else self._count)
        self.progress.prompts_done += not again
        leave()
        return parts

    async def _parts(self, flow: Flow, unit: Unit, count: Callable[[str], Count]) -> Parts | None:
        """What is made of one prompt; None where it is left out."""
        return await flow.prompt(unit, count)

    def _gathered(self, flow: Flow, rows_in: int, found: Sequence[Parts]) -> dict[str, Made]:
        """The tables of a shard, of its prompts' parts."""
        made: dict[str, Made] = {}
        for table in flow.tables:
            step, parts = self.plan.steps[table], [parts[table] for parts in found if table in parts]
            rows, lost = framed([one.table for one in parts], step.schema), framed([one.lost for one in parts], LOST)
            of = made[step.inputs[0]].table.height if step.inputs[0] in made else rows_in
            count = self._sum(table, [one.count for one in parts if one.count]) if step.asker else None
            made[table] = Made(rows, lost, count or counted(of, rows.height, lost))
        return made

    def _sum(self, table: str, counts: Sequence[Count]) -> Count:
        """The counts of a shard's prompts as one."""
        total = self._count(table)
        for count in counts:
            total.add(count)
        return total

    def _count(self, table: str) -> Count:
        """What counts a prompt's rows; what was spent has one tally for all."""
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
