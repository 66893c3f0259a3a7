"""Requests that wait together become a batch; and batches that an earlier run left under way are taken up.

A request waits here until nothing new has come for a while, or its batch is full. Those who ask wait for the journal:
whichever batch brings a reply, this run's or an earlier one's, it is found under its key.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import takewhile

from prefgen.errors import BudgetReached, ProviderError, RowFailed, TryAgain
from prefgen.llm.batch import ledger
from prefgen.llm.batch.carry import CROWDED, Carrier
from prefgen.llm.batch.endpoints import endpoint_of, suits, told
from prefgen.llm.batch.held import Held, trusting, words
from prefgen.llm.batch.ledger import Record
from prefgen.llm.batch.place import Job, Place, Sent
from prefgen.llm.batch.protocol import HALF, Endpoint, Line, Settings, custom_id
from prefgen.llm.bill import Bill, most
from prefgen.llm.client import Client, Shut
from prefgen.llm.journal import Attempt
from prefgen.llm.outcome import Read, Tally, said
from prefgen.llm.request import Model, Request, seed_of

TRIES = 3
"""Batches that a request may be in that brings it no reply, but for those that were refused as a whole."""
EXPIRED = 2
"""Batches that may run out of time with a request in them."""
CLOSING = 60.0
"""Seconds that a batch which is just being sent has to be made, when a run ends."""

Say = Callable[[str], None]


class Batches:
    """The batches of one run. ``how`` says whether it makes new ones, and may say how patiently; one that makes none
    only takes up old ones, and refuses to pay for what is in one.
    """

    def __init__(self, client: Client, how: bool | Settings = True) -> None:  # noqa: FBT001, FBT002
        self.client, self.sending = client, bool(how)
        self.settings = how if isinstance(how, Settings) else Settings()
        self.held = Held(client, self.settings)
        self._places: dict[tuple[str | None, ...], Place] = {}
        self._open: list[Endpoint] = []
        self._say: Say = lambda _: None

    # --- what is there already ---

    async def open(self, models: Iterable[Model], say: Say) -> None:
        """Takes up what earlier runs left; a run that sends none itself takes what has ended, and waits for none."""
        models, self._say = list(models), say
        for line in told(models) if self.sending else []:
            say(f"note: {line}")
        ledger.tidy(self.client.journal, left := ledger.unfinished(self.client.journal))
        for record in left:
            record.model = trusting(record.model, models)
            try:
                self.held.hold(record, self._endpoint(record.model))
            except ProviderError as error:
                self.held.hold(record, error)
        await self.held.look(waits=self.sending)
        for record in self.held.records.values():
            say(f"under way since an earlier run: {words(record)}")

    def _endpoint(self, model: Model) -> Endpoint:
        self._open.append(endpoint_of(model))
        return self._open[-1]

    # --- asking ---

    def takes(self, request: Request, keys: Sequence[bytes]) -> bool:
        """Whether these draws are a batch's business."""
        return self.held.has(keys) or (self.sending and suits(request))

    async def ask(self, request: Request, keys: Sequence[bytes], tally: Tally) -> list[Read]:
        """The replies to these draws, or to the first of them. Raises TryAgain or RowFailed where there are none, and
        what ends a run.
        """
        ends: Counter[str] = Counter()
        while left := [key for key in keys if not self.client.journal.has(key)]:
            if self.held.has(left):
                if not self.sending:
                    raise self.held.refusal(left)
                await self.held.wait(left)
                continue
            fault = await self._fault(request, left, tally)
            if fault and not await self._again(request, left, fault, ends):
                if not self.client.journal.has(keys[0]):
                    raise fault
                break
            tally.retries += fault is not None
        tally.batched += len(keys) - len(left)
        return [self._read(request, key) for key in takewhile(self.client.journal.has, keys)]

    async def _fault(self, request: Request, keys: Sequence[bytes], tally: Tally) -> TryAgain | RowFailed | None:
        """Why a batch brought nothing to these."""
        try:
            await self._paid(request, keys, tally)
        except (TryAgain, RowFailed) as fault:
            return fault
        if self.client.journal.has(keys[0]):
            return None  # some of them, at least
        return TryAgain("batch_missing", f"{request.model.use}: its batch ended without a reply", attempts=2)

    async def _again(
        self, request: Request, keys: Sequence[bytes], fault: TryAgain | RowFailed, ends: Counter[str]
    ) -> bool:
        """Whether to try once more. Raises ProviderError where that is for the user to say."""
        if isinstance(fault, RowFailed):
            return False
        await self.client.journal.note(Attempt(keys[0], fault.reason, str(fault)))
        ends[fault.reason] += 1
        if fault.reason == "batch_cancelled":
            cure = "what it brought is kept, and the same command asks the rest"
            raise ProviderError(f"{request.model.use}: its batch was cancelled; {cure}")
        if ends["batch_expired"] >= EXPIRED:
            cure = "what they brought is kept; ask the rest online, without --batch, or try again later"
            raise ProviderError(f"{request.model.use}: {EXPIRED} batches were not finished within a day each; {cure}")
        return ends.total() - ends[CROWDED] < TRIES

    async def _paid(self, request: Request, keys: Sequence[bytes], tally: Tally) -> None:
        """Waits for a batch with these draws in it, its worst price set aside."""
        limit, cost = self._worst(request, len(keys)), 0.0
        self.client.go_on()
        await self.client.budget.reserve(worst := limit or 0.0)
        try:
            self.client.go_on()
            job = self._joined(request, keys, limit, tally)
            try:
                await job.landed
            except (Shut, asyncio.CancelledError):  # what is on its way is the next run's to count
                cost = worst if job.sent else 0.0
                raise
            cost = sum(found[2] or 0.0 for key in keys if (found := self.client.journal.cost(key)))
        except TryAgain as fault:
            cost = worst if fault.billed else 0.0
            raise
        finally:
            self.client.budget.settle(worst, cost)

    def _worst(self, request: Request, draws: int) -> float | None:
        """The most that these draws can cost; None where nothing says it. Raises BudgetReached where money has a limit
        then.
        """
        found = most(self.client.provider(request.model), request, draws)
        if found is None and self.client.budget.max_cost is not None:
            raise BudgetReached(
                f"{request.model.use}: what a reply costs at most is not known; say its price and max_tokens"
            )
        return None if found is None else HALF * found

    def _read(self, request: Request, key: bytes) -> Read:
        raw, cost = self.client.journal.get(key), self.client.journal.cost(key)
        if raw is None or cost is None:
            raise KeyError(key.hex())
        usage = (provider := self.client.provider(request.model)).usage(raw)
        untold = not usage.told and cost[2] is not None
        return Read(raw, said(provider, raw), Bill(usage, cost[2], untold))

    # --- gathering ---

    def _joined(self, request: Request, keys: Sequence[bytes], worst: float | None, tally: Tally) -> Job:
        """Stands in line for the next batch."""
        place, loop = self._place(request.model), asyncio.get_running_loop()
        body = place.endpoint.line(custom_id(place.tag, keys[0]), request, [seed_of(key) for key in keys])
        if place.jobs and self._is_full(place, len(body), len(keys)):
            self._go(place)
            body = place.endpoint.line(custom_id(place.tag, keys[0]), request, [seed_of(key) for key in keys])
        job = Job(Line(tuple(keys), worst, body), loop.create_future())
        place.moved, place.size, place.draws = loop.time(), place.size + len(body), place.draws + len(keys)
        place.jobs.append(job)
        if place.timer is None:
            place.began = place.moved
            place.timer = loop.call_later(self.settings.quiet, self._look, place)
        tally.calls += 1
        return job

    def _is_full(self, place: Place, size: int, draws: int) -> bool:
        most = self.settings
        crowded = place.size + size > most.size or place.draws + draws > most.draws
        return crowded or len(place.jobs) >= place.requests

    def _place(self, model: Model) -> Place:
        name = (model.use, model.base_url, model.api_key_env, str(model.price))
        if name not in self._places:
            self._places[name] = Place(model, self._endpoint(model), self.settings.requests)
        return self._places[name]

    def _look(self, place: Place) -> None:
        """Sends what has gathered, once nothing more is to come soon."""
        loop = asyncio.get_running_loop()
        now, more = loop.time(), self.client.pace.in_flight or self.client.pace.waits(loop.time())
        rest = self.settings.quiet - (now - place.moved)
        if rest <= 0 and more and now - place.began < self.settings.patience:
            rest = self.settings.quiet
        if rest > 0:
            place.timer = loop.call_later(rest, self._look, place)
        else:
            self._go(place)

    def _go(self, place: Place) -> None:
        tag, jobs = place.taken()
        if jobs:
            for job in jobs:
                job.sent = True
            lines = [replace(job.line, body=b"") for job in jobs]
            whole = sha256(b"\n".join(job.line.body for job in jobs)).hexdigest()
            record = Record(tag, place.model, lines, sha256=whole)
            task = asyncio.create_task(self._carried(place, record, jobs))
            place.under[task] = Sent(record, jobs)
            task.add_done_callback(lambda done: place.under.pop(done, None))

    async def _carried(self, place: Place, record: Record, jobs: Sequence[Job]) -> None:
        """One batch from here to its end. Where it ends badly, so does the run."""
        carrier = Carrier(self.client, record, place.endpoint, self.settings)
        try:
            await carrier.send([job.line.body for job in jobs])
            for job in jobs:
                job.line = replace(job.line, body=b"")  # it may be a day
            read = await carrier.follow()
            if any(isinstance(fault, TryAgain) and fault.reason == CROWDED for fault in read.faults.values()):
                await self._uncrowd(place, len(jobs))
        except Shut:  # it goes on there; should this run go on too, nobody asks for it again
            self._fail(jobs)
            self.held.hold(record, place.endpoint, counted=True)
        except Exception as error:  # noqa: BLE001  # whatever it is, those who wait are told
            self.client.shut(error)
        except BaseException:
            self._fail(jobs)
            raise
        else:
            for job in jobs:
                fault = read.faults.get(job.line.keys[0])
                if isinstance(fault, ProviderError):
                    self.client.shut(fault)
                job.tell(Shut(str(fault)) if isinstance(fault, ProviderError) else fault)

    async def _uncrowd(self, place: Place, requests: int) -> None:
        """Waits until there may be room in the account's queue: for another batch's end, else for less at a time."""
        if (me := asyncio.current_task()) in place.under:
            place.under[me].crowded = True  # nobody else that waits here waits for it, or none would ever end
        if others := [task for task, sent in place.under.items() if not sent.crowded]:
            await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
            return
        place.requests = max(1, requests // 2)
        await self.client.pausing(self.settings.rare)

    # --- the end ---

    def let_go(self) -> None:
        """The client is shut: those who wait are told. What is on its way goes on, and the next run finds it."""
        for place in self._places.values():
            for jobs in (place.taken()[1], *(sent.jobs for sent in place.under.values())):
                self._fail(jobs)
        self.held.stir()

    def _fail(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            job.tell(Shut(str(self.client.reason or "stopped")))

    def words(self) -> list[str]:
        """What is waited for."""
        waiting = sum(len(place.jobs) for place in self._places.values())
        gathering = [f"{ledger.some(waiting)} gathering for a batch"] if waiting else []
        return [*map(words, self._records()), *gathering]

    def _records(self) -> list[Record]:
        own = [sent.record for place in self._places.values() for sent in place.under.values()]
        return [*self.held.records.values(), *own]

    async def close(self) -> None:
        """Lets a batch be made that is just being sent, and goes away from the others, which go on."""
        under = {task: sent.record for place in self._places.values() for task, sent in place.under.items()}
        left = self._records()
        for task in (task for task, record in under.items() if record.batch):
            task.cancel()
        if sending := [task for task, record in under.items() if not record.batch]:
            await asyncio.wait(sending, timeout=CLOSING)
        for task in under:
            task.cancel()
        await asyncio.gather(self.held.close(), *under, return_exceptions=True)
        for endpoint in self._open:
            await endpoint.close()
        for record in left if self.sending else []:
            if record.batch and record.state not in ledger.OVER:
                self._say(f"{words(record)}; it goes on there, and the same command collects it")
