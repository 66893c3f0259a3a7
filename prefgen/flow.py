"""One prompt's way from a root to the next barriers: each of its steps begins when the one before is done for this
prompt, whatever the others do. As long as their replies are known, some prompts go together: nothing is waited for,
and it costs less.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

import polars as pl

from prefgen.asker import Row
from prefgen.framing import framed
from prefgen.llm.pace import BEGUN
from prefgen.llm.settled import settled
from prefgen.planned import Plan, Planned
from prefgen.rounds import LOST, Count
from prefgen.shards import Made
from prefgen.together import Asked, Part, Segment, Together, UnderWay, Unit, counted, named

Parts = dict[str, list[Part]]
"""What a unit has in each table; nothing in those that it does not reach."""


class Asks(Protocol):
    """Who asks."""

    async def asked(self, step: Planned, asked: Asked, count: Count) -> tuple[list[Row], list[Row]]:
        """The rows that are made of a step's rows, and those that are lost."""

    def seem_known(self, step: Planned, asked: Asked) -> bool:
        """Whether what is asked about the first and the last of these rows is known."""

    def shutting(self) -> AbstractContextManager[None]:
        """Ends the run where something fails within."""

    def go_on(self) -> None:
        """Raises where nothing more is to be done."""


@dataclass(frozen=True)
class Way:
    """What a shard brings along: what counts its rows in an asker's table, and what is told of each prompt that is
    done; ``within`` counts the prompts at each asker; ``first`` is the place of its first prompt.
    """

    count: Callable[[str], Count]
    leave: Callable[[], None]
    within: Counter[str] = field(default_factory=Counter)
    first: int = 0


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
    """The way of all prompts of one root."""

    def __init__(self, plan: Plan, root: str, tables: Sequence[str], asks: Asks) -> None:
        self.plan, self.root, self.tables, self.asks = plan, root, tables, asks
        self.under_way, self.begun = UnderWay(), 0
        cut = segments(plan, root, tables)
        self.together = {of: Together(plan, segment, self.under_way) for of, segment in cut.items()}

    def unit(self, rows: pl.DataFrame) -> Unit:
        """A shard of the root's rows."""
        return Unit(rows.rows(named=True), None if self.together[self.root].alone else rows)

    async def made(self, unit: Unit, way: Way) -> Parts:
        """All that is made of a unit, before what begins after it."""
        way, self.begun = replace(way, first=self.begun), self.begun + len(unit.prompts)
        BEGUN.set(way.first)
        return await self._below(self.root, unit, way)

    async def _below(self, head: str, unit: Unit, way: Way) -> Parts:
        """What is made of a unit's rows in one table, and of what is asked of these."""
        self.asks.go_on()
        askers, prompts = self.together[head].segment.askers, len(unit.prompts)
        for table in askers:
            way.within[table] += prompts
        with self.asks.shutting():
            ready = await self.together[head].made(unit)
        for table in askers:
            way.within[table] -= prompts - prompts_in(ready.asked[table])
        branches = [self._branch(table, asked, way) for table, asked in ready.asked.items() if asked[0]]
        return joined([{table: [part] for table, part in ready.parts.items()}, *await settled(branches)])

    async def _branch(self, table: str, asked: Asked, way: Way) -> Parts:
        """What an asker makes, and all below it: each prompt by itself, unless all seem to be known."""
        if one_prompt(asked) or self.asks.seem_known(self.plan.steps[table], asked):
            return await self._asked(table, asked, way)
        alone = enumerate(one_by_one(asked), way.first)
        return joined(await settled(self._alone(table, one, way, place) for place, one in alone))

    async def _alone(self, table: str, asked: Asked, way: Way, place: int) -> Parts:
        """One prompt's way from here, before those that began after it; then it leaves."""
        BEGUN.set(place)
        try:
            return await self._asked(table, asked, way)
        finally:
            way.leave()

    async def _asked(self, table: str, asked: Asked, way: Way) -> Parts:
        """An asker's part, and all below it."""
        self.asks.go_on()
        step, count = self.plan.steps[table], way.count(table)
        with self.asks.shutting(), named(step), self.under_way:
            made, lost = await self.asks.asked(step, asked, count)
        way.within[table] -= prompts_in(asked)
        below = await self._below(table, Unit(made), way) if made else {table: [Part([], [])]}
        return below | {table: [replace(below[table][0], lost=lost, count=count)]}


def prompts_in(asked: Asked) -> int:
    """How many prompts these rows are of."""
    return len({row["prompt_id"] for row in asked[0]})


def one_prompt(asked: Asked) -> bool:
    """Whether all rows are one prompt's: those of a prompt stand together."""
    return bool(asked[0][0]["prompt_id"] == asked[0][-1]["prompt_id"])


def one_by_one(asked: Asked) -> list[Asked]:
    """The rows to ask about, prompt by prompt."""
    found: dict[str, Asked] = {}
    for row, why in zip(*asked, strict=True):
        rows, reasons = found.setdefault(row["prompt_id"], ([], []))
        rows.append(row)
        reasons.append(why)
    return [*found.values()]


def joined(parts: Sequence[Parts]) -> Parts:
    """The parts of some units, each table's one after another."""
    if len(parts) == 1:
        return parts[0]
    found: Parts = {}
    for of_unit in parts:
        for table, some in of_unit.items():
            found.setdefault(table, []).extend(some)
    return found


def gathered(flow: Flow, rows_in: int, found: Parts, total: Callable[[str, Sequence[Count]], Count]) -> dict[str, Made]:
    """The tables of a shard of so many of the root's rows, of its parts; ``total`` makes one count of an asker's."""
    made: dict[str, Made] = {}
    for table in flow.tables:
        step, parts = flow.plan.steps[table], found.get(table, [])
        rows, lost = framed([one.table for one in parts], step.schema), framed([one.lost for one in parts], LOST)
        if step.asker:
            count = total(table, [one.count for one in parts if one.count])
        else:
            of = made[step.inputs[0]].table.height if step.inputs[0] in made else rows_in
            count = counted(of, rows.height, lost)
        made[table] = Made(rows, lost, count)
    return made
