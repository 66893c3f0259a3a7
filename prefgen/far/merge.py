"""``prefgen merge``: what slices made, joined in order: the tables and the dataset that one run would have written.

What stands behind a verb that sees whole tables needs all slices first. Where it asks a model, it is for slices again:
the table that they begin with is laid on their storage.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from prefgen.errors import RunError
from prefgen.far.product import Product
from prefgen.far.ranges import name_of, plan_digest, range_size, slice_of
from prefgen.far.slices import publish
from prefgen.far.taking import Taking
from prefgen.llm.client import Client
from prefgen.planned import Plan
from prefgen.progress import Progress
from prefgen.spool import in_shards, prompts_of
from prefgen.stages import forest
from prefgen.storage import Storage


@dataclass(frozen=True)
class Merge:
    """``storage`` is where slices put what they made; ``rest`` says to make here what none of them did."""

    storage: str | Path | None = None
    rest: bool = False


@dataclass
class Merging:
    """Takes ranges from where slices put them (``prefgen.far.walk.Ranges``)."""

    plan: Plan
    taking: Taking
    rest: bool
    places: int = 4
    progress: Progress | None = None

    def __post_init__(self) -> None:
        self.digest = plan_digest(self.plan)

    def size(self, prompts: int, *, limited: bool) -> int:  # noqa: ARG002  # a budget is each slice's own
        """As the slices have it."""
        return range_size(prompts, limited=self.plan.target is not None)

    async def begin(self, root: str, rows: Path) -> bool:
        """Looks whether slices made all of a root's ranges. Raises RunError where they have to."""
        await self.taking.look(root, self.digest)
        lacking, ranges = await asyncio.to_thread(self._lacking, root, rows)
        some = len(lacking) < ranges
        if not lacking or self.rest or not (some or self._asks(root)):
            return some  # what no slice made is made here
        of_source = self.plan.steps[root].source is not None
        new = not of_source and await asyncio.to_thread(
            publish, self.taking.storage, self.digest, root, self._cut(rows)
        )
        if of_source or (some and not new):
            raise RunError(f"{root}: {self._missing(lacking, ranges)}; run what is missing again, or merge with --rest")
        raise RunError(f"{root} is whole now: run every shard again, which makes what comes after it, and then merge")

    async def made(self, root: str, rows: pl.DataFrame) -> Product | None:
        """A range's product; None where no slice made it, and where it was made of a reply that the journal has not."""
        name = await asyncio.to_thread(name_of, self.digest, root, rows)
        named = self.taking.made(name, failed=True)
        return await self.taking.product(named) if named else None

    def _cut(self, rows: Path) -> Iterator[pl.DataFrame]:
        return in_shards(rows, self.size(prompts_of(rows), limited=False))

    def _lacking(self, root: str, rows: Path) -> tuple[list[int], int]:
        """The places of the ranges that no slice made, and the number of all."""
        names = [name_of(self.digest, root, some) for some in self._cut(rows)]
        return [place for place, name in enumerate(names) if not self.taking.made(name, failed=True)], len(names)

    def _asks(self, root: str) -> bool:
        """Whether a model is asked of what is below a root."""
        return any(self.plan.steps[table].asker for table in forest(self.plan)[root])

    def _missing(self, lacking: Sequence[int], ranges: int) -> str:
        """Which shards have not come to their end, as far as their names tell."""
        folders = {name.split("/")[1] for name in self.taking.storage.names("segments")}
        of = {int(folder.rpartition("-")[2]) for folder in folders if folder.startswith("shard-")}
        slices = [(number, n) for n in sorted(of) for number in range(n) if {*lacking} & {*slice_of(ranges, number, n)}]
        which = ", ".join(f"{number}/{n}" for number, n in slices)
        where = f" (of the shards {which})" if which else ""
        return f"{len(lacking):,} of {ranges:,} ranges are missing in {self.taking.storage.shown}{where}"


@asynccontextmanager
async def merging(of: Merge, plan: Plan, client: Client, home: Path) -> AsyncIterator[Merging]:
    """What slices made, with their replies in the run's own journal."""
    taking = Taking(plan, Storage(of.storage or home / "ranges"), client.journal)
    await taking.all_of(await asyncio.to_thread(taking.storage.names, "segments"))
    client.budget.spent = await asyncio.to_thread(client.journal.spent)
    yield Merging(plan, taking, of.rest)
