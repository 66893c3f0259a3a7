"""Ranges made by Ray's workers: each is a task of Ray's, which runs it again on another worker where one is lost. Then
it is found how far the lost one came: on the storage, and on the same machine in its journal.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl

from prefgen import placed
from prefgen.engines import replicas
from prefgen.engines.ray import AGAIN, AHEAD, Ask, Cluster, Now, Ray, asking
from prefgen.errors import Interrupted, RunError
from prefgen.far.desk import Desk
from prefgen.far.product import Product
from prefgen.far.pulse import shown
from prefgen.far.ranges import name_of, plan_digest, range_size
from prefgen.far.shipment import shipment
from prefgen.far.taking import Taking
from prefgen.far.worker import ENDS, PULSE, Came, Work, make_range, sign
from prefgen.llm import segments
from prefgen.llm.behind import known_keys
from prefgen.llm.client import Client, Shut
from prefgen.llm.journal import Attempt
from prefgen.llm.leased import most_workers
from prefgen.llm.outcome import Tally
from prefgen.llm.store import Sqlite
from prefgen.llm.terms import State
from prefgen.planned import Plan
from prefgen.progress import Progress
from prefgen.storage import Storage


class Replies:
    """A run's journal, read for all workers: a shared object on the machine where it lies."""

    def __init__(self, path: Path) -> None:
        self.store = Sqlite(path)

    def find_all(self, keys: Sequence[bytes]) -> Mapping[bytes, tuple[bytes, int]]:
        """The bodies of those replies that are there, with their checksums."""
        return dict(self.store.find_all(keys))


@dataclass
class OnRay:
    """Has ranges made by workers (``prefgen.far.walk.Ranges``)."""

    cluster: Cluster
    taking: Taking
    client: Client
    plan: Plan
    limits: Mapping[str, Any]
    shared: Sequence[Any]
    progress: Progress | None = None

    def __post_init__(self) -> None:
        self.digest, self.places = plan_digest(self.plan), AHEAD * self.cluster.workers
        self.ask: Ask = asking(self.shared[1])
        self.sent = uuid4().hex
        self._others = self.client.budget.spent, self.client.budget.calls

    def size(self, prompts: int, *, limited: bool) -> int:
        """By the prompts alone."""
        return range_size(prompts, limited=limited)

    async def begin(self, root: str, rows: Path) -> bool:  # noqa: ARG002
        """Looks what an earlier run made; workers that were stopped go on."""
        await self._told(stopped=False)
        await asyncio.to_thread(self.taking.storage.put, sign(self.sent), b"here")
        await self.taking.look(root, self.digest)
        return True

    async def made(self, root: str, rows: pl.DataFrame) -> Product | None:
        """A product that is there, or what a worker makes."""
        name = await asyncio.to_thread(name_of, self.digest, root, rows)
        if (there := self.taking.made(name)) and (product := await self.taking.product(there)):
            return as_known(product)
        work = Work(self.sent, self.taking.storage.url, root, name, self.limits)
        what = f"{root}: the range of {rows['prompt_id'][0] if rows.height else 'no prompt'}"
        came = await self.cluster.run(make_range, work, rows, *self.shared, what=what)
        await self.taking.of_range(name)
        self._heard(came)
        product = await self.taking.product(came.product)
        with suppress(Exception):  # ``hear`` says what it means
            await self._told()  # no more of this range's worker, whose rows the run counts from here on
        return product

    async def hear(self) -> None:
        """Hears what workers tell, and stops them when nothing more is to be sent; until it is cancelled, or the object
        that they share is lost: without its limits nothing more is sent.
        """
        try:
            while True:
                state = await self._told()
                self.show({name: one.told for name, one in state.workers.items()})
                await asyncio.sleep(PULSE)
        except Exception as e:  # noqa: BLE001  # whatever Ray raises
            self.client.shut(RunError(f"the cluster is lost ({type(e).__name__}); {AGAIN}"))

    async def _told(self, *, stopped: bool | None = None) -> State:
        """Tells whether workers are to stop, by itself where nothing more is to be sent, and what was asked here, as by
        gates; hears how workers stand, whose money is this run's as well.
        """
        budget = self.client.budget
        own = max(0.0, budget.spent - self._others[0]), budget.calls - self._others[1]
        stopped = self.client.reason is not None if stopped is None else stopped
        state: State = await self.ask("stop", stopped, *own)
        others = state.spent - own[0], state.calls - own[1]
        budget.spent, budget.calls = (
            budget.spent + others[0] - self._others[0],
            budget.calls + others[1] - self._others[1],
        )
        self._others = others
        return state

    async def book(self) -> None:
        """Keeps what lost workers may have spent beyond what they told, for runs that come after this one."""
        try:
            state = await self._told(stopped=True)
        except Exception:  # noqa: BLE001  # a cluster that is lost tells nothing
            return
        if state.lost:
            words = f"lent to workers that were lost: {state.lost_calls:,} requests"
            await self.taking.journal.note(Attempt(b"", "lost", words, billed=True, dollars=state.lost))

    def show(self, workers: Mapping[str, Mapping[str, Any]]) -> None:
        """Lets the run tell what its workers told."""
        if self.progress:
            shown(self.progress, workers)

    def _heard(self, came: Came) -> None:
        """Raises what ended a worker; of one that was stopped, that nothing more is sent."""
        if came.end == Interrupted.__name__ and self.client.reason:
            raise Shut(came.words)
        if came.end:
            raise ENDS[came.end](came.words)


def as_known(product: Product) -> Product:
    """A product of an earlier run: nothing was spent on it in this one, and all of its replies are known."""
    known = {table: Tally(cached=one.replies + one.cached) for table, one in product.tallies.items()}
    return replace(product, tallies=known, spans={})


@asynccontextmanager
async def on_ray(
    of: Ray, plan: Plan, gates: Mapping[str, Plan], client: Client, home: Path, say: Callable[[str], None]
) -> AsyncIterator[tuple[OnRay, placed.Addresses]]:
    """Workers, and the addresses of models that are placed, for as long as a run's tables are made. What the storage
    holds of a run that was killed is taken in first; at the end all that is there is in the run's own folder, and is
    taken away. Raises RunError.
    """
    storage = Storage(f"{of.storage or home / 'ranges'}/{segments.name_of(client.journal)}")
    taking = Taking(plan, storage, client.journal)
    say(f"ray: {'looks for a cluster' if of.where else 'begins a cluster on this machine'}")
    with Cluster(of) as cluster:
        _seen_by_all(of, storage, cluster)
        await taking.all_of(await asyncio.to_thread(storage.names, "segments"))
        client.budget.spent = await asyncio.to_thread(client.journal.spent)
        with placed.started([plan, *gates.values()], say) as addresses:
            client.ask = replicas.ask if addresses else None
            workers = OnRay(cluster, taking, client, plan, *_shared(cluster, plan, addresses, client))
            say(f"ray: workers: {cluster.workers:,}, machines: {cluster.nodes:,}")
            heard = asyncio.create_task(workers.hear())
            try:
                yield workers, addresses
            finally:
                heard.cancel()
                with suppress(asyncio.CancelledError):
                    await heard
                workers.show({})
                await workers.book()
        await taking.all_of(await asyncio.to_thread(storage.names, "segments"))  # of those taken for lost, the last
    await asyncio.to_thread(_emptied, storage, home)


def _emptied(storage: Storage, home: Path) -> None:
    """Takes away what a run has taken in, and the folders that it lay in."""
    storage.remove(storage.names())
    if not storage.shared:
        shutil.rmtree(storage.url, ignore_errors=True)
    with suppress(OSError):  # slices put theirs there, and stay
        (home / "ranges").rmdir()


def _seen_by_all(of: Ray, storage: Storage, cluster: Cluster) -> None:
    """Raises RunError where there are other machines, and nobody named a storage for them. Whether they see one that is
    named, each of them looks before it asks anything.
    """
    if cluster.nodes > 1 and of.storage is None:
        cure = "name one that all see with --storage, such as s3://bucket/folder or a folder on NFS"
        raise RunError(f"{storage.shown}: is a path of this machine, and the cluster has {cluster.nodes}; {cure}")


def _shared(
    cluster: Cluster, plan: Plan, addresses: placed.Addresses, client: Client
) -> tuple[Mapping[str, Any], Sequence[Any]]:
    """A run's limits, and what all of its workers share."""
    models = [model for pool in plan.models.values() for model in pool]
    cluster.limit(most_workers(models, cluster.workers))
    limits = {"workers": cluster.workers, "max_calls": client.budget.max_calls, "max_cost": client.budget.max_cost}
    desk = cluster.shared(Desk, {**limits, "paid": client.budget.spent})
    known = known_keys(client.journal.path)
    replies = Now(cluster.shared(Replies, client.journal.path, here=True), "find_all") if len(known) else None
    return limits, (cluster.put(shipment(plan, addresses)), desk, replies, cluster.put(known))
