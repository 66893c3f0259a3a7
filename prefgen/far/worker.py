"""What a worker does: one range, in a process of Ray's. It has a journal of its own, whose new rows go to the storage
as it works; behind that journal stands the run's own, which it only reads. It tells how far it is, and hears from there
whether to stop.
"""

import asyncio
import atexit
import glob
import os
import shutil
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import TYPE_CHECKING, Any

import polars as pl

from prefgen.engines import replicas as there
from prefgen.engines.ray import Ask, asking
from prefgen.errors import BudgetReached, GateClosed, Interrupted, PrefgenError, ProviderError, RunError
from prefgen.far.maker import Maker
from prefgen.far.pulse import told
from prefgen.far.ranges import segments_of
from prefgen.far.scratch import scratch
from prefgen.far.shipment import Shipment, planned
from prefgen.llm import replica
from prefgen.llm.behind import Behind, Fetch
from prefgen.llm.leased import Leases
from prefgen.llm.store import Store
from prefgen.planned import Plan
from prefgen.storage import Storage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NFS_PATIENCE = 10.0
"""Seconds after which a file that one node wrote is seen by another, or never."""
PULSE = 0.5
"""Seconds between two words of a worker."""
ENDS: Mapping[str, type[PrefgenError]] = {
    one.__name__: one for one in (BudgetReached, GateClosed, Interrupted, ProviderError, RunError)
}
"""What may end a range, by name: an error is sent as its name and words, for not all can be made of these alone."""


@dataclass(frozen=True)
class Work:
    """A range to make: its ``root``, the ``name`` of what is made of it, and the ``storage`` to put it on; ``sent`` is
    a name that the shipment has and no other, ``limits`` are the run's (``workers``, ``max_calls``, ``max_cost``).
    """

    sent: str
    storage: str
    root: str
    name: str
    limits: Mapping[str, Any]


@dataclass(frozen=True)
class Came:
    """What came of it: the name of its product, or the name and the words of what ended it."""

    product: str = ""
    end: str = ""
    words: str = ""


def make_range(
    work: Work, rows: pl.DataFrame, sent: Shipment, desk: Any, replies: Fetch | None, known: "NDArray[np.uint64]"
) -> Came:
    """One range, as a task of Ray. ``desk`` is the shared object that lends limits and budget (``prefgen.far.desk``);
    ``replies`` gives those of the run's journal, in which those ``known`` are.
    """
    try:
        plan, way = _plan_of(work, sent), asking(desk)
        ask = there.ask if sent.addresses else None
        return Came(asyncio.run(_made(work, rows, plan, way, _Run(replies, known, ask))))
    except PrefgenError as e:
        kind = next((name for name, one in ENDS.items() if isinstance(e, one)), RunError.__name__)
        return Came(end=kind, words=str(e))


_PLANS: dict[str, Plan] = {}


def _plan_of(work: Work, sent: Shipment) -> Plan:
    """The plan of a shipment, made once in this process. Raises RunError where this machine does not see the run's
    storage.
    """
    if work.sent not in _PLANS:
        if not sees(work.storage, sign(work.sent)):
            storage = Storage(work.storage)
            cure = "name one that all machines see with --storage, by the same path"
            raise RunError(f"{storage.shown}: {socket.gethostname()} does not see what the run put there; {cure}")
        _swept()
        place = Path(mkdtemp(prefix=f"{_own()}{os.getpid()}."))
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        _PLANS[work.sent] = planned(sent, place)
    return _PLANS[work.sent]


def _own() -> str:
    """What folders of workers are called on this machine, before a worker's process: containers may share a folder."""
    return f"prefgen-worker-{socket.gethostname()}."


def _swept() -> None:
    """Takes away the folders of workers that are no more: Ray ends them too quickly to do it themselves."""
    for path in Path(gettempdir()).glob(f"{glob.escape(_own())}*.*"):
        number = path.name.removeprefix(_own()).partition(".")[0]
        if number.isdecimal() and not Path(f"/proc/{number}").exists() and Path("/proc/self").exists():
            shutil.rmtree(path, ignore_errors=True)


def sees(url: str, name: str) -> bool:
    """Whether a file of a storage is seen on this machine; on NFS that may take a moment."""
    storage, until = Storage(url), time.monotonic() + NFS_PATIENCE
    while not (found := storage.has(name)) and time.monotonic() < until:
        time.sleep(0.5)
    return found


def sign(sent: str) -> str:
    """A file by which a worker sees that it sees the run's storage: else what it makes would be found by nobody."""
    return f"runs/{sent}"


@dataclass(frozen=True)
class _Run:
    """What is the run's own: what gives the ``replies`` of its journal, in which those are that are ``known``; and how
    models that were placed for it are asked.
    """

    replies: Fetch | None
    known: "NDArray[np.uint64]"
    models: replica.Ask | None

    def behind(self, own: Store) -> Store:
        """A store before the run's."""
        return Behind(own, self.known, self.replies) if self.replies else own


async def _made(work: Work, rows: pl.DataFrame, plan: Plan, ask: Ask, of: _Run) -> str:
    storage = Storage(work.storage)
    me, number = await ask("begin", work.name)  # first: who has the range still, and its journal, is told to stop
    try:
        async with scratch(storage, segments_of(work.name), behind=of.behind) as journal:
            leases = Leases(me, _calls(ask), number=number, **work.limits)
            maker = Maker(plan, leases.client(journal, plan.fakes, ask=of.models), storage)
            pulse = asyncio.create_task(_pulses(leases, maker))
            try:
                return await maker.made(work.root, rows, work.name)
            finally:
                pulse.cancel()
                await maker.client.close()
                await leases.close()
    finally:
        await ask("ended", work.name, me)


def _calls(ask: Ask) -> Callable[[str, tuple[Any, ...]], Awaitable[Any]]:
    """The way to the limits that all share."""
    return lambda method, args: ask("call", method, args)


async def _pulses(leases: Leases, maker: Maker) -> None:
    """Tells how far this worker is, and stops it when that is wanted, or nobody hears it any more."""
    try:
        while True:
            if await leases.pulse(told(maker.client, maker.under_way.values())):
                maker.client.shut(Interrupted("stopped"))
            await asyncio.sleep(PULSE)
    except RunError as e:
        maker.client.shut(e)
