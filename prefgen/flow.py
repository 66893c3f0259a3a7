"""One prompt's way from a root to the next barriers: each of its steps begins when the one before is done for this
prompt, whatever the others do.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from prefgen.asker import Row
from prefgen.llm.client import settled
from prefgen.planned import Plan, Planned
from prefgen.rounds import Count
from prefgen.together import Asked, Part, Segment, Together, UnderWay, Unit, by_prompt, named

Parts = dict[str, Part]
"""What one prompt has in each table; nothing in those that it does not reach."""


Ask = Callable[[Planned, Asked, Count], Awaitable[tuple[list[Row], list[Row]]]]
"""Asks of a step's rows: gives those that are made, and those that are lost."""


def segments(plan: Plan, root: str, tables: Sequence[str]) -> Mapping[str, Segment]:
    """The tables below a root, cut where a model is asked: each segment by the table at which it begins."""
    head = {root: root}
    for table in tables:
        step = plan.steps[table]
        head[table] = table if step.asker else head[step.inputs[0]]
    heads = [root, *(table for table in tables if plan.steps[table].asker)]
    verbs = {of: [t for t in tables if head[t] == of != t] for of in heads}
    askers = {of: [t for t in heads[1:] if head[plan.steps[t].inputs[0]] == of] for of in heads}
    return {of: Segment(of, verbs[of], askers[of], is_root=of == root) for of in heads}


class Flow:
    """The way of all prompts of one root; ``ask`` asks, and ``go_on`` raises where nothing more is to be done."""

    def __init__(self, plan: Plan, root: str, tables: Sequence[str], ask: Ask, go_on: Callable[[], None]) -> None:
        self.plan, self.root, self.tables, self.ask, self.go_on = plan, root, tables, ask, go_on
        self.under_way = UnderWay()
        cut = segments(plan, root, tables)
        self.together = {of: Together(plan, segment, self.under_way) for of, segment in cut.items()}

    def units(self, rows: pl.DataFrame) -> list[Unit]:
        """The prompts of a shard of the root's rows."""
        every, names = rows.rows(named=True), rows["prompt_id"].unique(maintain_order=True).to_list()
        frames = [None] * len(names) if self.together[self.root].alone else by_prompt(rows, names)
        of = {name: list[Row]() for name in names}
        for row in every:
            of[row["prompt_id"]].append(row)
        return [Unit(of[name], frame) for name, frame in zip(names, frames, strict=True)]

    async def prompt(self, unit: Unit, count: Callable[[str], Count]) -> Parts:
        """All that is made of one prompt. ``count`` makes what counts its rows in an asker's table."""
        return await self._below(self.root, unit, count)

    async def _below(self, head: str, unit: Unit, count: Callable[[str], Count]) -> Parts:
        """What is made of a prompt's rows in one table, and of what is asked of these."""
        self.go_on()
        ready = await self.together[head].made(unit)
        branches = [self._asked(table, asked, count) for table, asked in ready.asked.items() if asked[0]]
        for parts in [await branches[0]] if len(branches) == 1 else await settled(branches):
            ready.parts.update(parts)
        return ready.parts

    async def _asked(self, table: str, asked: Asked, count: Callable[[str], Count]) -> Parts:
        """An asker's part, and all below it."""
        self.go_on()
        step, counted = self.plan.steps[table], count(table)
        with named(step), self.under_way:
            made, lost = await self.ask(step, asked, counted)
        below = await self._below(table, Unit(made), count) if made else {table: Part([], [])}
        return below | {table: replace(below[table], lost=lost, count=counted)}
