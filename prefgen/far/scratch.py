"""The journal of who makes ranges elsewhere: on a disk of its own, for SQLite is safe on no other. What is new in it
goes to the storage every few seconds, in files that are written once: whoever takes its work over begins with these.
"""

import asyncio
import hashlib
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import tenacity

from prefgen.errors import RunError
from prefgen.folders import journal_of, locked
from prefgen.llm.journal import Journal
from prefgen.llm.segments import Exporter, take_in
from prefgen.llm.store import Sqlite, Store
from prefgen.storage import Storage

EVERY = 5.0
"""Seconds between two exports: what is lost with a node, beside what is in flight there."""
PATIENCE = 30.0
"""Seconds for which a journal is waited for that another has."""


@asynccontextmanager
async def scratch(
    storage: Storage,
    segments: str,
    *,
    whose: str = "",
    behind: Callable[[Store], Store] = lambda own: own,
    every: float = EVERY,
) -> AsyncIterator[Journal]:
    """A journal that begins with what lies in a folder of segments, and whose own are there when it is left, however
    that is. What a process left on this machine that was killed is gone on with by ``whose`` it was. Raises RunError.
    """
    home = _home(storage, segments, whose)
    with _held(home):
        journal = Journal(journal_of(home), store=behind(Sqlite(journal_of(home))))
        exports = _Exports(storage, segments, Exporter(journal_of(home)))
        try:
            await _begun(journal, storage, segments)
            over = asyncio.Event()
            task = asyncio.create_task(exports.keep_on(every, over))
            try:
                yield journal
            finally:
                over.set()
                await task
        finally:
            journal.close()
            await asyncio.to_thread(exports.last)
            if not [*home.glob("*.spill.sqlite")]:  # what the journal could not take stays for who goes on
                shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _held(home: Path) -> Iterator[None]:
    """Holds the place of a journal. Another who has it still is told to stop meanwhile: Ray may take a worker for lost
    that lives. Raises RunError where it does not.
    """
    turns = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(RunError),
        wait=tenacity.wait_fixed(1),
        stop=tenacity.stop_after_delay(PATIENCE),
        reraise=True,
    )
    with ExitStack() as stack:
        turns(lambda: stack.enter_context(locked(home)))
        yield


def _home(storage: Storage, segments: str, whose: str) -> Path:
    """The same for whoever goes on with the same segments on this machine."""
    name = hashlib.sha256(f"{storage.url}\n{segments}\n{whose}".encode()).hexdigest()[:24]
    return Path(tempfile.gettempdir()) / f"prefgen-range-{name}"


async def _begun(journal: Journal, storage: Storage, segments: str) -> None:
    """Takes in what others left."""
    for name in await asyncio.to_thread(storage.names, segments):
        content = await asyncio.to_thread(storage.get, name)
        if content is not None:
            await take_in(journal, name, content)


class _Exports:
    """What goes from a journal to a storage, under names that nobody else has."""

    def __init__(self, storage: Storage, segments: str, exporter: Exporter) -> None:
        self.storage, self.exporter = storage, exporter
        self.own, self.number, self.left = f"{segments}/{uuid.uuid4().hex[:12]}", 0, b""

    async def keep_on(self, every: float, over: asyncio.Event) -> None:
        """Exports until it is over; what the storage does not take now goes there the next time."""
        while not over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), every)
            with suppress(RunError):
                await asyncio.to_thread(self.rest)

    def last(self) -> None:
        """Exports what is left. Raises RunError where the storage does not take it."""
        try:
            self.rest()
        finally:
            self.exporter.close()

    def rest(self) -> None:
        """Exports what is new."""
        while content := self.left or self.exporter.next():
            self.left = content
            self.storage.put(f"{self.own}-{self.number:06d}.seg", content)
            self.left, self.number = b"", self.number + 1
