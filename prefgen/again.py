"""A run's way once more, with what its journal holds: nothing is sent, and a prompt with a draw that is not known is
left out whole.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from prefgen.flow import Flow, Parts
from prefgen.llm.offline import NotKnown, Offline, Used
from prefgen.planned import Plan
from prefgen.rounds import Count
from prefgen.shards import Files, Made
from prefgen.stages import Progress, Walk, make_tables
from prefgen.together import Unit

TOGETHER = 64
"""Prompts in one shard. Nothing is waited for, so one shard goes after another."""

Prompts = Mapping[str, AbstractSet[str]]
"""Ids of prompts, by the root of the tables that they are not in."""


@dataclass
class Found:
    """What came of it: ``used`` are the replies that each table used, ``left_out`` the prompts with unknown draws."""

    progress: Progress = field(default_factory=Progress)
    used: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    left_out: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


async def made_again(plan: Plan, client: Offline, folder: Path, *, without: Prompts) -> Found:
    """Makes a plan's tables in ``folder`` of what is known, without some prompts."""
    found = Found()
    walk = partial(_Again, found=found, without=without)
    await make_tables(plan, client, folder, shard=TOGETHER, side_by_side=1, progress=found.progress, walk=walk)
    return found


class _Again(Walk):
    def __init__(self, *args: Any, found: Found, without: Prompts) -> None:
        super().__init__(*args)
        self.found, self.without = found, without

    async def _parts(self, flow: Flow, unit: Unit, count: Callable[[str], Count]) -> Parts | None:
        """The parts of a prompt that is known whole."""
        prompt = unit.rows[0]["prompt_id"]
        if prompt in self.without.get(flow.root, frozenset()):
            return None
        try:
            return await super()._parts(flow, unit, count)
        except NotKnown:
            self.found.left_out[flow.root].add(prompt)
            return None

    def _count(self, table: str) -> Count:
        return Count(tally=Used(table=table))

    def _sum(self, table: str, counts: Sequence[Count]) -> Count:
        total = super()._sum(table, counts)
        if isinstance(total.tally, Used):
            total.tally.keys = set().union(*(one.tally.keys for one in counts if isinstance(one.tally, Used)))
        return total

    def _add(self, made: Mapping[str, Made], files: Files) -> None:
        super()._add(made, files)
        for table, one in made.items():
            if isinstance(one.count.tally, Used):
                self.found.used[table] |= one.count.tally.keys
