"""One batch's way: intent · input · made · looked after · saved · read · done.

Each step is on stable storage before the next begins, so that whoever comes after a crash knows which it was:

- before ``asked``, no batch can have been made; the input, if any, is taken away;
- between ``asked`` and ``made``, the provider's list tells; where nothing of ours is on it, twice, a while apart, none
  was made;
- from ``made`` on, its id is known, and asking after it again costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from prefgen.errors import PrefgenError, ProviderError, TryAgain
from prefgen.llm.batch import ledger, results, wire
from prefgen.llm.batch.ledger import Record
from prefgen.llm.batch.protocol import Endpoint, Settings, Status
from prefgen.llm.batch.results import Read
from prefgen.llm.client import Client
from prefgen.llm.journal import Attempt, noted
from prefgen.llm.retry import retrying
from prefgen.llm.store import ATTEMPT, Insert

T = TypeVar("T")

DOWNLOADS = 3
"""Times that results are fetched which have fewer replies than their batch says."""
CROWDED = "batch_crowded"


class Under(PrefgenError):
    """A batch has not ended, and nobody wants to wait for it."""


@dataclass
class Carrier:
    """Carries one batch. ``waits`` says whether it stays until the batch has ended; ``tried`` that one may have been
    made already.
    """

    client: Client
    record: Record
    endpoint: Endpoint
    settings: Settings = field(default_factory=Settings)
    waits: bool = True
    tried: bool = False

    # --- there ---

    async def send(self, bodies: Sequence[bytes]) -> None:
        """From intent to made. Raises ProviderError where it is refused, or where nobody knows whether it was made."""
        self.client.longest = max(self.client.longest, 1.5 * wire.WHOLE)
        try:
            self.record.before = await self._patient(self.endpoint.newest)
            await self._note("intent")
            file = await self._patient(lambda: self.endpoint.upload(self.record.tag, bodies))
            await self._note("asked", file=file)
            made = await self._patient(lambda: self._made(bodies))
        except ProviderError:
            if not self.tried:
                await self._drop()
            raise
        except TryAgain as fault:
            cure = "the same command looks whether it was made, and goes on"
            raise ProviderError(f"{self._words()} could not be sent: {fault}; {cure}") from fault
        await self._note("made", batch=made.id)

    async def _made(self, bodies: Sequence[bytes]) -> Status:
        """The batch, made once: after a try of which nobody knows what came, it is looked for first."""
        if self.tried and (found := await self._found()):
            return found
        try:
            return await self.endpoint.create(self.record.tag, self.record.file, bodies)
        except TryAgain as fault:
            self.tried = self.tried or fault.reason != "rate_limited"
            raise

    async def _found(self) -> Status | None:
        """The batch, if it was made; a provider may list it some seconds late."""
        for wait in (0.0, self.settings.grace):
            await self._pause(wait)
            mine, record = ledger.known_ids(self.client.journal), self.record
            for one in await self.endpoint.find(record.tag, record.file, record.before, len(record.lines)):
                if one.id not in mine and (self.endpoint.sure or await self._is_ours(one)):
                    return one
        return None

    async def _is_ours(self, status: Status) -> bool:
        """Whether a batch without a mark is this one: its results tell, once it has ended."""
        ended = await self._ended(status.id)
        await self._save(ended)
        path = ledger.saved_at(self.client.journal, self.record)
        if ours := await asyncio.to_thread(results.is_ours, path, self.record, self.endpoint):
            return ours
        path.unlink(missing_ok=True)
        return False

    # --- and back ---

    async def follow(self) -> Read:
        """From wherever it is to its end. Raises Under where it has not ended, and is not waited for; ProviderError
        where it was refused, or its results are not whole.
        """
        if self.record.state in {"intent", "asked"} and not await self._adopted():
            await self._drop()
            return Read()
        if self.record.state == "saved" and self._is_saved():
            status = Status(self.record.batch, ended=True, paid=self.record.paid)
        else:
            status = await self._ended(self.record.batch)
        if status.end == "failed":
            return await self._refused(status)
        read = await self._read(status)
        for line in self.record.lines:
            if line.keys[0] not in read.seen:
                read.faults[line.keys[0]] = _missing(status, self.record)
        return read

    async def _adopted(self) -> bool:
        """Whether a batch of an earlier run, whose id was not kept, was made. What it would be made of is taken away
        before the last look, so that none can come later.
        """
        if self.record.state == "intent":
            return False
        found = await self._patient(self._found)
        if not found and self.endpoint.sure:
            await self._discard()
            found = await self._patient(self._found)
        if found:
            await self._note("made", batch=found.id)
        return found is not None

    async def _ended(self, batch: str) -> Status:
        """How it stands in the end: asked ever less often. A provider that is not reached is asked again, for hours."""
        loop, wait = asyncio.get_running_loop(), self.settings.first
        reached = loop.time()
        while True:
            try:
                status = await self._once(lambda: self.endpoint.status(batch))
            except TryAgain as fault:
                if loop.time() - reached > self.settings.lost or not self.waits:
                    raise ProviderError(str(fault)) from fault
                wait = max(wait, fault.wait or 0.0)
            else:
                reached, self.record.looked = loop.time(), status.done
                if status.ended:
                    return status
                if not self.waits:
                    raise Under(self._words())
            await self._pause(wait)
            wait = min(wait * self.settings.growth, self.settings.rare)

    async def _refused(self, status: Status) -> Read:
        """A batch that was not begun: nothing of it was paid."""
        await self._drop()
        if not status.crowded:
            cure = "nothing of it was paid; change what it names, or ask online, without --batch"
            raise ProviderError(f"{self._words()} was refused: {status.trouble}; {cure}")
        words = f"{self._words()} was refused: {status.trouble}"
        return Read({line.keys[0]: TryAgain(CROWDED, words, attempts=0) for line in self.record.lines})

    async def _read(self, status: Status) -> Read:
        """Its results, in the journal. They are fetched again where replies lack that it says it has."""
        path, provider = ledger.saved_at(self.client.journal, self.record), self.client.provider(self.record.model)
        for _ in range(DOWNLOADS):
            if self.record.state != "saved" or not self._is_saved():
                await self._save(status)
                paid = {} if status.paid is None else {"paid": str(status.paid)}
                await self._note("saved", **paid)
            read = await results.ingest(path, self.record, self.endpoint, provider, self.client.journal)
            if read.paid >= (status.paid or 0):
                await self._over(read)
                return read
            path.unlink(missing_ok=True)
            status = await self._ended(self.record.batch)
        lack = f"{status.paid:,} replies are paid for and {read.paid:,} came; what came is kept"
        cure = f"let go of it: `prefgen batches {self.client.journal.path.parent} --forget`"
        raise ProviderError(f"{self._words()}: {lack}. Try again later, or {cure}")

    async def _save(self, status: Status) -> None:
        async def fetched() -> None:
            parts = (self.endpoint.results(status, part) for part in status.parts)  # each when its turn comes
            await results.save(ledger.saved_at(self.client.journal, self.record), parts, self.client.journal.check_room)

        await self._patient(fetched)

    def _is_saved(self) -> bool:
        return ledger.saved_at(self.client.journal, self.record).exists()

    async def _over(self, read: Read) -> None:
        """Notes its end, and what broken replies cost, in one commit."""
        lost = " ".join(key.hex() for line in self.record.lines for key in line.keys if key not in read.came)
        keep, notes = self.client.journal.keep, [ledger.row(self.record, "done", lost=lost)]
        if read.broken:
            notes.append(Insert(ATTEMPT, [one for attempt in read.broken for one in noted(attempt).rows]))
        await asyncio.gather(*map(keep, notes))
        ledger.known(self.record, "done", {})
        ledger.saved_at(self.client.journal, self.record).unlink(missing_ok=True)

    # --- small things ---

    async def _drop(self) -> None:
        await self._discard()
        await self._note("dropped")

    async def _discard(self) -> None:
        with suppress(PrefgenError):  # it costs nothing, and goes away by itself in a month
            await self.endpoint.discard(self.record.tag, self.record.file)

    async def _note(self, state: ledger.State, **more: str) -> None:
        await ledger.note(self.client.journal, self.record, state, **more)

    async def _patient(self, work: Callable[[], Awaitable[T]]) -> T:
        """Does it again after faults that pass, as often as each is worth."""

        async def note(fault: TryAgain) -> None:
            await self.client.journal.note(Attempt(self.record.lines[0].keys[0], fault.reason, str(fault)))

        async def once() -> T:
            return await self._once(work)

        found: T = await retrying(note, self._pause, self.client.chance)(once)
        return found

    async def _once(self, work: Callable[[], Awaitable[T]]) -> T:
        self.client.go_on()
        try:
            return await work()
        finally:
            self.client.moved = asyncio.get_running_loop().time()

    async def _pause(self, seconds: float) -> None:
        await self.client.pausing(seconds)
        self.client.go_on()

    def _words(self) -> str:
        return f"a batch of {ledger.some(len(self.record.lines))} to {self.record.model.use}"


def _missing(status: Status, record: Record) -> TryAgain:
    """Why a request has no result."""
    reason = status.end if status.end in {"expired", "cancelled"} else "missing"
    return TryAgain(f"batch_{reason}", f"{record.model.use}: its batch ended without it ({reason})", attempts=2)
