"""A run's way once more, with what its journal holds: nothing is sent, and a prompt with a draw that is not known is
left out whole.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.asker import Row
from prefgen.errors import PrefgenError
from prefgen.flow import Flow, one_by_one
from prefgen.llm.offline import NotKnown, Offline, Used
from prefgen.planned import Plan, Planned
from prefgen.progress import Progress
from prefgen.rounds import Count
from prefgen.shards import Files, Made
from prefgen.stages import Walk, make_tables, nothing
from prefgen.together import Asked

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


class _Lacking(PrefgenError):
    """Prompts whose rows want draws that are not known."""

    def __init__(self, prompts: AbstractSet[str]) -> None:
        self.prompts = prompts
        super().__init__(f"{len(prompts)} prompts want draws that are not known")


class _Again(Walk):
    spared = (NotKnown, _Lacking)

    def __init__(self, *args: Any, found: Found, without: Prompts) -> None:
        super().__init__(*args)
        self.found, self.without = found, without

    async def _shard(
        self,
        rows: pl.DataFrame,
        flow: Flow,
        leave: Callable[[], None] = lambda: None,
        *,
        again: bool = False,  # noqa: ARG002  # here every reply counts as used, whenever
    ) -> dict[str, Made]:
        """The tables of a shard's known prompts: each time that some turn out not to be, of the others."""
        left = _less(rows, self.without.get(flow.root, frozenset()))
        while rows.is_empty() or not left.is_empty():
            try:
                return await super()._shard(left, flow, leave)
            except _Lacking as e:
                # A verb of somebody's may call prompts otherwise: which of these are meant is not known then.
                lacking = e.prompts & set(left["prompt_id"]) or set(left["prompt_id"])
                self.found.left_out[flow.root] |= lacking
                left = _less(left, lacking)
        return {table: nothing(self.plan.steps[table]) for table in flow.tables}

    def seem_known(self, step: Planned, asked: Asked) -> bool:  # noqa: ARG002
        """Nothing is waited for, so all go together."""
        return True

    async def asked(self, step: Planned, asked: Asked, count: Count) -> tuple[list[Row], list[Row]]:
        """As the run asked. Raises _Lacking."""
        with suppress(NotKnown):
            return await super().asked(step, asked, count)
        lacking = set()
        for of_prompt in one_by_one(asked):
            try:
                await super().asked(step, of_prompt, self._count(step.table))
            except NotKnown:
                lacking.add(of_prompt[0][0]["prompt_id"])
        raise _Lacking(lacking)

    def _count(self, table: str) -> Count:
        return Count(tally=Used(table=table))

    def _add(self, made: Mapping[str, Made], files: Files) -> None:
        super()._add(made, files)
        for table, one in made.items():
            if isinstance(one.count.tally, Used):
                self.found.used[table] |= one.count.tally.keys


def _less(rows: pl.DataFrame, prompts: AbstractSet[str]) -> pl.DataFrame:
    return rows.filter(pl.Series([one not in prompts for one in rows["prompt_id"]], dtype=pl.Boolean))
