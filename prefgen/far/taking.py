"""What others made of a run's ranges, taken into it: replies into its journal, each once, and tables as they are."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from prefgen.far.product import Product, unpacked
from prefgen.far.ranges import product_name, segments_of
from prefgen.llm.journal import Journal
from prefgen.llm.segments import others, take_in, taken
from prefgen.planned import Plan
from prefgen.storage import Storage


@dataclass
class Taking:
    """A storage, and the journal of the run that takes from it."""

    plan: Plan
    storage: Storage
    journal: Journal
    others: set[bytes] = field(default_factory=set)
    _there: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._taken = set(taken(self.journal))
        self.others |= others(self.journal)
        self._one = asyncio.Lock()

    async def look(self, root: str, plan: str) -> None:
        """Notes which ranges of a root are made."""
        self._there |= set(await asyncio.to_thread(self.storage.names, f"made/{plan}/{root}"))

    def made(self, name: str, *, failed: bool = False) -> str | None:
        """The product of a range that was there at the last look; also one whose requests ``failed``, if none else."""
        names = [product_name(name), *([product_name(name, failed=True)] if failed else [])]
        return next((one for one in names if one in self._there), None)

    async def all_of(self, segments: Iterable[str]) -> None:
        """Takes in segments, each once. Keys of which the journal had another reply go to ``others``: what was made of
        such a reply is not what a run of this journal makes.
        """
        for name in [one for one in segments if one not in self._taken]:
            content = await asyncio.to_thread(self.storage.get, name)
            async with self._one:  # of two at once, neither would see what the other has of the same
                if content is not None:
                    self.others |= await take_in(self.journal, name, content)
                    self._taken.add(name)

    async def of_range(self, name: str) -> None:
        """Takes in what a range's makers received."""
        await self.all_of(await asyncio.to_thread(self.storage.names, segments_of(name)))

    async def product(self, named: str) -> Product | None:
        """A product, by its own name; None where it is not there any more, and where it was made of a reply that the
        journal has not.
        """
        content = await asyncio.to_thread(self.storage.get, named)
        found = None if content is None else await asyncio.to_thread(unpacked, content, self.plan, named)
        return None if found and found.is_of(self.others) else found
