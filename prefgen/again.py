"""A run's way once more, with what its journal holds: nothing is sent, and a prompt with a draw that is not known is
left out whole.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.llm.offline import NotKnown, Offline, Used
from prefgen.planned import Plan
from prefgen.rounds import Count
from prefgen.shards import Files, Made, in_shards
from prefgen.stages import Progress, Walk, make_tables, nothing

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

    async def _shard(self, rows: pl.DataFrame, root: str, tables: Sequence[str]) -> dict[str, Made]:
        gone = self.without.get(root, frozenset())
        stay = rows.filter(pl.Series([one not in gone for one in rows["prompt_id"]], dtype=pl.Boolean))
        if stay.is_empty() and not rows.is_empty():
            return self._nothing(tables)
        return await self._known(stay, root, tables)

    async def _known(self, rows: pl.DataFrame, root: str, tables: Sequence[str]) -> dict[str, Made]:
        """The tables of a shard; where a draw is not known, of its halves, down to the prompts that lack one."""
        try:
            return await super()._shard(rows, root, tables)
        except NotKnown:
            prompts = rows["prompt_id"].n_unique()
        if prompts < 2:
            self.found.left_out[root] |= set(rows["prompt_id"])
            return self._nothing(tables)
        first, second = [await self._known(half, root, tables) for half in in_shards(rows, (prompts + 1) // 2)]
        return {table: _joined(table, first[table], second[table]) for table in tables}

    def _nothing(self, tables: Sequence[str]) -> dict[str, Made]:
        return {table: nothing(self.plan.steps[table]) for table in tables}

    def _count(self, table: str) -> Count:
        return Count(tally=Used(table=table))

    def _add(self, made: Mapping[str, Made], files: Files) -> None:
        super()._add(made, files)
        for table, one in made.items():
            self.found.used[table] |= _keys(one)


def _keys(made: Made) -> set[bytes]:
    return made.count.tally.keys if isinstance(made.count.tally, Used) else set()


def _joined(table: str, first: Made, second: Made) -> Made:
    """What was made of two parts of a shard, as of the whole."""
    count = Count(tally=Used(table=table, keys=_keys(first) | _keys(second)))
    count.add(first.count)
    count.add(second.count)
    return Made(pl.concat([first.table, second.table]), pl.concat([first.lost, second.lost]), count)
