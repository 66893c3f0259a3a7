"""``--shard i/n``: one slice of a run, on a machine of its own, without Ray. What it makes lies on a storage that
``prefgen merge`` reads: a folder on NFS, a bucket, or folders that are copied together. A slice goes as far as the
first verbs that see whole tables; where ``merge`` has made those, it goes on from there.
"""

import asyncio
import hashlib
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from prefgen import placed
from prefgen.allow import NOTHING, Allow
from prefgen.door import finished, seldom_collecting, stoppable
from prefgen.engines import local
from prefgen.errors import Interrupted, Problem, RecipeError, RunError
from prefgen.far.maker import Maker
from prefgen.far.ranges import name_of, numbered, plan_digest, product_name, range_size, slice_of
from prefgen.far.scratch import scratch
from prefgen.far.shipment import for_a_part
from prefgen.llm.budget import Budget
from prefgen.llm.client import Client
from prefgen.planned import Plan
from prefgen.recipe import Recipe
from prefgen.spool import in_shards, prompts_of
from prefgen.storage import Storage

SIDE_BY_SIDE = 2
"""Ranges under way at once: while the last prompts of one are waited for, the next one begins."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Slice:
    """The ``number``-th, from 0, of so many slices."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def segments(self) -> str:
        """Where its replies lie."""
        return f"segments/shard-{self.number}-of-{self.of}"


def parsed(said: str) -> Slice:
    """``0/3``. Raises RecipeError for what is no slice."""
    number, _, of = said.partition("/")
    if number.isdecimal() and of.isdecimal() and int(number) < int(of):
        return Slice(int(number), int(of))
    cure = "say which of how many, from 0: --shard 0/3, --shard 1/3 and --shard 2/3"
    raise RecipeError([Problem("--shard", "", f"{said!r:.40} is no slice", cure)])


@dataclass
class Sliced:
    """What a slice has come to: ranges ``made`` now, those that were there, and those with requests that ``failed``;
    ``calls`` of this run, those of gates included; ``waits`` is the table that ``merge`` has to make first, of all
    slices.
    """

    made: int = 0
    there: int = 0
    failed: int = 0
    calls: int = 0
    waits: str = ""


def summary(part: Slice, done: Sliced, merge: str = "prefgen merge") -> list[str]:
    """What a slice has come to, in words; ``merge`` is the command that joins all."""
    lines = [f"shard {part}: {done.made:,} ranges made, {done.there:,} were there; {done.calls:,} calls"]
    if done.failed:
        lines.append(f"in {done.failed:,} of them requests failed; run the same command again to ask anew")
    if done.waits:
        lines.append(f"{done.waits} is made of all shards: when they are done, `{merge}`, and then this again")
    else:
        lines.append(f"when all shards are done, `{merge}` makes the dataset")
    return lines


def part_of(recipe: Recipe, part: Slice) -> Recipe:
    """The recipe with this slice's share of every stated limit: the shares together are the limit, as far as whole
    requests in flight can be shared. Each slice has one at least.
    """
    models = {name: {**model, **_shares(model, part)} for name, model in recipe.models.items()}
    cost = None if recipe.max_cost is None else recipe.max_cost / part.of
    return replace(recipe, models=models, max_cost=cost)


def _shares(model: Mapping[str, Any], part: Slice) -> dict[str, Any]:
    """What is no limit stays as it is, for the plan to say so."""
    rates = {name: model[name] / part.of for name in ("rpm", "tpm") if _is_limit(model.get(name))}
    places = model.get("concurrency")
    own = {"concurrency": max(1, share(places, part))} if isinstance(places, int) and _is_limit(places) else {}
    return rates | own


def _is_limit(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def share(whole: int, part: Slice) -> int:
    """A slice's share of a whole number: all shares together are that number."""
    return len(slice_of(whole, part.number, part.of))


def run_slice(
    recipe: Recipe,
    part: Slice,
    storage: str | Path,
    *,
    fakes: Mapping[str, Any] | None = None,
    take: int | None = None,
    max_calls: int | None = None,
    say: Say = lambda _: None,
    allow: Allow = NOTHING,
) -> Sliced:
    """Makes a slice of a recipe's prompts; what is made lies on the storage. Running again goes on.

    Raises as ``prefgen.run`` does; what was received is kept.
    """
    from prefgen import dataset, gate
    from prefgen import plan as planning

    recipe = part_of(recipe, part)
    plan = planning.make(recipe, writers=dataset.CONFIGS, fakes=fakes, take=take, allow=allow)
    placed.refuse(plan)
    for notice in [*plan.notices, *([ALL] if plan.target else [])]:
        say(f"note: {notice}")
    work = _Slicing(for_a_part(plan), part, Storage(storage), plan_digest(plan), plan.target is not None, say)
    stop, budget = threading.Event(), Budget(max_calls and share(max_calls, part), recipe.max_cost)
    with seldom_collecting():
        finished(work.whole(gate.plans(plan), budget, stop), stop)
    return work.done


ALL = "a shard makes all of its prompts; `prefgen merge` keeps as many as the target says"


@dataclass
class _Slicing:
    """A slice at work."""

    plan: Plan
    part: Slice
    storage: Storage
    digest: str
    limited: bool
    say: Say
    done: Sliced = field(default_factory=Sliced)

    async def whole(self, gates: Mapping[str, Plan], budget: Budget, stop: threading.Event) -> None:
        """All that can be made of it. What gates cost, which all slices share, is each one's to bear in equal parts."""
        await asyncio.to_thread(self.storage.put, f"shards/{self.part.number}-of-{self.part.of}", b"here")
        if gates:
            own = Budget(budget.max_calls, budget.max_cost)
            async with self._client("segments/gates", own, stop) as client:
                await self._gated(gates, client)
            budget.calls, budget.spent = own.calls, own.spent / self.part.of
        async with self._client(self.part.segments, budget, stop) as client:
            maker = Maker(self.plan, client, self.storage)
            for root, tables in maker.tables.items():
                if tables and not self.done.waits:
                    await self._root(root, maker)
            self.done.calls = client.budget.calls

    async def _gated(self, gates: Mapping[str, Plan], client: Client) -> None:
        """Lets gated judges pass, with the replies that another slice had of them, if it was here."""
        from tempfile import TemporaryDirectory

        from prefgen import gate
        from prefgen.progress import Progress

        with TemporaryDirectory(prefix="prefgen-gates-") as place:
            await gate.opened(self.plan, gates, client, Path(place), Progress(), self.say, {})

    async def _root(self, root: str, maker: Maker) -> None:
        """Makes this slice's ranges of one root, as far as its table is there."""
        there = set(await asyncio.to_thread(self.storage.names, f"made/{self.digest}/{root}"))
        own = await asyncio.to_thread(self._own, root)
        if own is None:
            self.done.waits = root
            return
        results = local.run_shards(own, lambda rows, _: self._range(root, rows, maker, there), places=SIDE_BY_SIDE)
        async for made in results:
            if made:
                self.say(f"shard {self.part}: {root}: {self.done.made:,} ranges made, {self.done.there:,} were there")

    def _own(self, root: str) -> Iterator[pl.DataFrame] | None:
        """The ranges of a root that are this slice's; None where its table is not made yet."""
        source = self.plan.steps[root].source
        if source is None:
            return published(self.storage, self.digest, root, self.part)
        prompts = prompts_of(source.path)
        size = range_size(prompts, limited=self.limited)
        ranges = max(1, -(-prompts // size))
        return numbered(in_shards(source.path, size), slice_of(ranges, self.part.number, self.part.of))

    async def _range(self, root: str, rows: pl.DataFrame, maker: Maker, there: set[str]) -> bool:
        """Makes a range, unless it is there."""
        name = await asyncio.to_thread(name_of, self.digest, root, rows)
        if product_name(name) in there:
            self.done.there += 1
            return False
        product = await maker.made(root, rows, name)
        self.done.made, self.done.failed = self.done.made + 1, self.done.failed + (product != product_name(name))
        return True

    @asynccontextmanager
    async def _client(self, segments: str, budget: Budget, stop: threading.Event) -> AsyncIterator[Client]:
        """What asks, as long as it is wanted; what it receives lies on the storage then."""
        async with scratch(self.storage, segments, whose=str(self.part)) as journal:
            budget.spent += journal.spent()
            client = Client(journal, self.plan.fakes, budget)

            def halt() -> None:
                self.say(f"stopping: waiting for {client.pace.in_flight:,} requests in flight")
                client.shut(Interrupted(f"shard {self.part}: stopped; what was received is kept"))

            try:
                async with stoppable(halt, stop):
                    yield client
            finally:
                await client.close()


# --- between slices and merge ---------------------------------------------------------------


def published(storage: Storage, digest: str, root: str, part: Slice) -> Iterator[pl.DataFrame] | None:
    """A slice's ranges of a table that ``merge`` made; None where it has not."""
    content = storage.get(_all(digest, root))
    if content is None:
        return None
    names = content.decode().split()
    own = slice_of(len(names), part.number, part.of)
    return (_read(storage, names[place]) for place in own)


def publish(storage: Storage, digest: str, root: str, ranges: Iterator[pl.DataFrame]) -> bool:
    """Puts a table where slices find it, range by range; gives whether it was not there as it is. What was there before
    may be of replies that failed then: its list is taken away, and what it names stays, for a slice may be reading it.
    """
    names = []
    for rows in ranges:
        held = io.BytesIO()
        rows.write_parquet(held)
        content = held.getvalue()
        names.append(f"roots/{digest}/{root}/{hashlib.sha256(content).hexdigest()[:24]}.parquet")
        storage.put(names[-1], content)
    whole = "\n".join(names).encode()
    before = storage.get(_all(digest, root))
    if before not in {None, whole}:
        storage.remove([_all(digest, root)])
    storage.put(_all(digest, root), whole)
    return before != whole


def _all(digest: str, root: str) -> str:
    """What says that a table is there to its end, and names its ranges in their order."""
    return f"roots/{digest}/{root}/all"


def _read(storage: Storage, name: str) -> pl.DataFrame:
    content = storage.get(name)
    if content is None:
        raise RunError(f"{storage.shown}/{name}: is gone; run `prefgen merge` again")
    return pl.read_parquet(io.BytesIO(content))
