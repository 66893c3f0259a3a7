"""A run's way through its plan where ranges are made elsewhere: they come in the order in which they stand, so that
every table has the bytes that it has where all is made here.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from prefgen.far.product import Product
from prefgen.flow import Flow
from prefgen.progress import Progress
from prefgen.shards import Cut, Made, prompts_in
from prefgen.spool import in_shards
from prefgen.stages import Walk

BACKLOG = 2
"""Ranges whose tables are held, as a multiple of those that are asked for: a range is a hundred shards and more."""


class Ranges(Protocol):
    """Who has ranges made elsewhere."""

    places: int
    """Ranges that may be asked for at once."""
    progress: Progress | None
    """What is told of those that are being made."""

    def size(self, prompts: int, *, limited: bool) -> int:
        """Prompts in one range; ``limited`` says that a run may end between two."""

    async def begin(self, root: str, rows: Path) -> bool:
        """Told before a root's ranges are asked for, with its table. Gives whether they are made elsewhere."""

    async def made(self, root: str, rows: pl.DataFrame) -> Product | None:
        """What is made of a range; None where it is to be made here, of what is known by now, and what is not is asked.
        Raises what ends a run.
        """


class FarWalk(Walk):
    """One run's way, of which ``ranges`` makes the parts."""

    def __init__(self, *args: Any, ranges: Ranges) -> None:
        super().__init__(*args)
        self.ranges, ranges.progress = ranges, self.progress
        self._far: set[str] = set()

    async def below(self, root: str, tables: Sequence[str]) -> None:
        """The tables below a root; where there are none, nothing is to be made."""
        if tables and await self.ranges.begin(root, self.folder / f"{root}.parquet"):
            self._far.add(root)
        await super().below(root, tables)

    def _cut(self, path: Path, prompts: int, tables: Sequence[str], *, limited: bool) -> Cut:
        if path.stem not in self._far:
            return super()._cut(path, prompts, tables, limited=limited)
        shards = in_shards(path, self.ranges.size(prompts, limited=limited))
        return Cut(shards, self.ranges.places, lambda _: 1, BACKLOG)

    async def _shard(
        self, rows: pl.DataFrame, flow: Flow, leave: Callable[[], None] = lambda: None, *, again: bool = False
    ) -> dict[str, Made]:
        if again or flow.root not in self._far:
            return await super()._shard(rows, flow, leave, again=again)
        self.go_on()
        self.progress.begun -= prompts_in(rows)  # a worker says when it begins
        with self.shutting():
            product = await self.ranges.made(flow.root, rows)
        self.progress.begun += prompts_in(rows)
        if product is None:
            return await super()._shard(rows, flow, leave)
        self._spent(product)
        return {table: self._come(table, one) for table, one in product.made.items()}

    def _come(self, table: str, made: Made) -> Made:
        """What was made elsewhere, which is told from now on; what was spent on it has the run's own tally."""
        count = replace(made.count, tally=self.progress.counts[table].tally)
        return replace(made, count=self.progress.opened(table, count))

    def _spent(self, product: Product) -> None:
        """Counts what was asked elsewhere, and when each table was at work."""
        for table, tally in product.tallies.items():
            self.progress.counts[table].tally.join(tally)
        for table, (start, end) in product.spans.items():
            self.progress.clock.join(table, start, end)
