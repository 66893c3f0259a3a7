"""Makes ranges in this process: the same walk as a run's, over the rows of one range, into files of its own. Whoever
makes them has a journal that lies on a disk of its own, and a storage that others see.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from prefgen.far.product import failed, packed
from prefgen.far.ranges import product_name
from prefgen.llm.client import Client, Shut
from prefgen.llm.watch import watched
from prefgen.planned import Plan
from prefgen.progress import Progress
from prefgen.rounds import Count
from prefgen.stages import Walk, forest
from prefgen.storage import Storage
from prefgen.tablefile import TableFile


@dataclass
class Maker:
    """Makes ranges of a plan; ``client`` asks, and ``under_way`` are those that are being made, by name."""

    plan: Plan
    client: Client
    storage: Storage
    under_way: dict[str, Progress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tables = forest(self.plan)

    async def made(self, root: str, rows: pl.DataFrame, name: str) -> str:
        """Makes a range; gives the name of its product, which is on the storage then. Raises what ends a run."""
        progress = self.under_way[name] = self._progress()
        try:
            with TemporaryDirectory(prefix="prefgen-made-") as place:
                counts = await self._walked(root, rows, Path(place), progress)
                content = await asyncio.to_thread(packed, Path(place), counts, progress.clock.spans_since_1970())
        finally:
            del self.under_way[name]
        again = failed(counts)
        product = product_name(name, failed=again)
        if again:  # in the place of an older one
            await asyncio.to_thread(self.storage.remove, [product])
        await asyncio.to_thread(self.storage.put, product, content)
        return product

    async def _walked(self, root: str, rows: pl.DataFrame, place: Path, progress: Progress) -> Mapping[str, Count]:
        """The counts of the tables that lie in ``place`` then."""
        tables, file = self.tables[root], TableFile(place / f"{root}.parquet")
        file.add(rows)
        file.close()
        walk = Walk(self.plan, self.client, place, None, None, progress)
        try:
            async with watched(self.client):
                await walk.below(root, tables)
        except Shut as e:
            raise self.client.reason or e from None
        if progress.ended:
            raise progress.ended
        return {table: progress.counts[table] for table in tables}

    def _progress(self) -> Progress:
        return Progress({table: Count() for table in self.plan.steps}, plan=self.plan, client=self.client)
