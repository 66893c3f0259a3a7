"""Requests in, completions out: each from the journal where it is known, else from the provider, once.

The way of a request: look it up · join one like it that is under way · wait for a place · send · keep · read.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from prefgen.errors import BudgetReached, Interrupted, PrefgenError, ProviderError, RowFailed, TryAgain
from prefgen.llm.bill import bills, most
from prefgen.llm.budget import Budget
from prefgen.llm.health import Health
from prefgen.llm.journal import Attempt, Entry, Journal
from prefgen.llm.outcome import Outcome, Read, Tally, heard, outcome, said
from prefgen.llm.pace import Pace
from prefgen.llm.prices import most_sent
from prefgen.llm.providers import make_provider
from prefgen.llm.request import Model, Provider, Request, Sent, key, seed_of
from prefgen.llm.retry import Sleep, retrying

if TYPE_CHECKING:
    from prefgen.llm.batch.gather import Batches

ROTATION = 5.0
"""Seconds after which a key that served before and is refused now is tried once more: it may be being changed."""
CHARACTERS = 4
"""Bytes in one token, about."""


class Shut(PrefgenError):
    """What those get whose requests are not sent any more. A new one for each: one error raised by thousands of tasks
    would gather all their tracebacks. The reason itself is ``Client.reason``.
    """


T = TypeVar("T")


@dataclass
class _Paid:
    """What came of what was set aside; ``wired`` once it is on its way, when nobody can take it back."""

    cost: float = 0.0
    wired: bool = False


@dataclass
class Client:
    """The one object with a network cable. ``fakes`` are functions that stand in for models called ``fake/NAME``;
    ``chance`` draws how long a fault is waited out, and nothing else; ``batches`` are where requests go that need not
    be answered at once.
    """

    journal: Journal
    fakes: Mapping[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    sleep: Sleep | None = None
    chance: random.Random = field(default_factory=random.Random)
    batches: "Batches | None" = None

    def __post_init__(self) -> None:
        self.pace = Pace()
        self._providers: dict[str, Provider] = {}
        self._flights: dict[bytes, asyncio.Future[Outcome]] = {}
        self._health: dict[tuple[Any, ...], Health] = {}
        self.reason: Exception | None = None
        self._shutting = asyncio.Event()
        self.moved = self.longest = 0.0

    # --- the door ---

    def shut(self, reason: Exception) -> None:
        """Sends nothing more. What is in flight still comes in and is kept; all others get ``Shut``."""
        if self.reason is None:
            self.reason = reason
            self._shutting.set()
            if self.batches:
                self.batches.let_go()

    def reopen(self) -> None:
        """Sends again, after a ``shut`` that was meant for one stage."""
        self.reason = None
        self._shutting.clear()

    def go_on(self) -> None:
        """Raises Shut where nothing more is to be sent."""
        if self.reason:
            raise Shut(str(self.reason))

    async def pausing(self, seconds: float) -> None:
        """A wait that ends early when the client is shut."""
        await (self.sleep or self._pause)(seconds)

    def waits(self) -> list[str]:
        """What is waited for, in words: answers, and turns to ask."""
        waiting = self.pace.waits(asyncio.get_running_loop().time())
        waiting += self.batches.words() if self.batches else []
        return [*([f"{self.pace.in_flight:,} answers"] if self.pace.in_flight else []), *waiting]

    async def close(self) -> None:
        """Lets go of connections; the journal stays open for its owner."""
        if self.batches:
            await self.batches.close()
        for provider in self._providers.values():
            await provider.close()

    def provider(self, model: Model) -> Provider:
        """What speaks to this model's endpoint."""
        name = model.provider
        if name not in self._providers:
            self._providers[name] = make_provider(name, self.fakes)
        return self._providers[name]

    def known(self, request: Request, draw: int) -> bool:
        """Whether this draw is in the journal already."""
        return self.journal.has(self._key(request, draw))

    def kept(self, request: Request, draws: Sequence[int], tally: Tally) -> list[Outcome] | None:
        """The outcomes of these draws, in their order, where all are in the journal; else None. Waits for nothing, and
        counts them as cached.
        """
        keys = [self._key(request, draw) for draw in draws]
        raws = [raw for k in keys if (raw := self.journal.get(k)) is not None]
        if len(raws) < len(keys):
            return None
        tally.cached += len(keys)
        self._of(request.model).successes += len(keys)
        provider = self.provider(request.model)
        return [outcome(k, said(provider, raw)) for k, raw in zip(keys, raws, strict=True)]

    # --- the way of a request ---

    async def draw(self, request: Request, draws: Sequence[int], tally: Tally) -> list[Outcome]:
        """The outcomes of these draws of one request, in their order."""
        keys = [self._key(request, draw) for draw in draws]
        known = [self.journal.has(k) for k in keys]
        new = [i for i, k in enumerate(keys) if k not in self._flights and not known[i]]
        tally.cached += len(keys) - len(new)
        self._of(request.model).successes += sum(known)
        for i in new:
            self._flights[keys[i]] = asyncio.get_running_loop().create_future()
        waiting = [self._flights.get(k) for k in keys]
        await self._fetch(request, [keys[i] for i in new], tally)
        return [await flight if flight else self._kept(request, k) for k, flight in zip(keys, waiting, strict=True)]

    async def _fetch(self, request: Request, keys: Sequence[bytes], tally: Tally) -> None:
        """Brings new draws in: together where the endpoint takes ``n``, else one by one side by side."""
        together = "n" in self.provider(request.model).can(request.model) and not self._of(request.model).alone
        groups = [keys] if together and keys else [[k] for k in keys]
        rest = await settled(self._land(request, group, tally) for group in groups)
        await settled(self._land(request, [k], tally) for group in rest for k in group)

    async def _land(self, request: Request, keys: Sequence[bytes], tally: Tally) -> Sequence[bytes]:
        """One exchange: keeps its replies and tells those who wait. Gives back the keys that got no whole reply."""
        try:
            replies = await self._exchange(request, keys, tally)
            self._of(request.model).alone |= len(replies) < len(keys)
            outcomes = await self._keep(request, dict(zip(keys, replies, strict=False)), tally)
        except RowFailed as failure:
            outcomes = [Outcome(k, failure=failure) for k in keys]
        except BudgetReached as error:  # others may still be paid for
            self._fail(keys, error)
            raise
        except BaseException as error:
            self.shut(error if isinstance(error, Exception) else Interrupted())
            self._fail(keys, Shut(str(self.reason)))
            raise
        for one in outcomes:
            self._flights.pop(one.key).set_result(one)
        landed = {one.key for one in outcomes}
        return [k for k in keys if k not in landed]

    def _fail(self, keys: Sequence[bytes], error: Exception) -> None:
        """Tells those who wait; where nobody does, that is no fault."""
        for k in keys:
            flight = self._flights.pop(k)
            flight.set_exception(error)
            flight.exception()

    async def _keep(self, request: Request, replies: Mapping[bytes, Read], tally: Tally) -> list[Outcome]:
        """The outcomes of whole replies, once they are on stable storage; broken ones are kept for the record."""
        whole = {k: one for k, one in replies.items() if not isinstance(one.heard, TryAgain)}
        for k, one in replies.items():
            if isinstance(fault := one.heard, TryAgain):
                cost = one.bill.dollars or 0.0
                await self.journal.note(Attempt(k, fault.reason, str(fault), fault.billed, cost))
        for one in whole.values():
            tally.add(one.bill)
        await self.journal.put([_entry(request, k, one) for k, one in whole.items()])
        return [outcome(k, one.heard) for k, one in whole.items()]

    async def _exchange(self, request: Request, keys: Sequence[bytes], tally: Tally) -> list[Read]:
        """Sends until there is a reply, or no more hope of one."""
        health, faults = self._of(request.model), 0

        async def note(fault: TryAgain) -> None:
            nonlocal faults
            faults += 1
            cost = self._worst(request, len(keys)) if fault.billed else 0.0
            await self.journal.note(Attempt(keys[0], fault.reason, str(fault), fault.billed, cost))

        async def once() -> list[Read]:
            tally.retries += faults > 0
            return await self._once(request, keys, tally, again=faults > 0)

        try:
            replies: list[Read]
            if self.batches and self.batches.takes(request, keys):
                replies = await self.batches.ask(request, keys, tally)
            else:
                replies = await retrying(note, self.sleep or self._pause, self.chance)(once)
        except (TryAgain, RowFailed) as fault:
            lost = health.lost(fault)
            await self.journal.lose(keys, fault, lost)
            raise lost from fault
        health.served()
        return replies

    async def _once(self, request: Request, keys: Sequence[bytes], tally: Tally, *, again: bool) -> list[Read]:
        """One exchange on the wire, within the pace and the budget."""
        async with (
            self._moving(),
            self.pace.turn(request.model, most_sent(request) / CHARACTERS, len(keys), again=again) as turn,
        ):
            at, provider = replace(request, model=turn.model), self.provider(request.model)
            async with self._paid(request, keys) as paid:
                tally.calls += 1
                self.longest, paid.wired = max(self.longest, 1.5 * request.model.timeout), True
                sent = await self._sent(provider, at, keys, rotates=self._of(request.model).successes > 0)
                billed = bills(provider, request, sent.raws, len(keys))
                paid.cost = sum(one.dollars or 0.0 for one in billed)
            turn.limits, turn.written = sent.limits, max((one.usage.completion for one in billed), default=0)
            turn.used = sum(one.usage.prompt + one.usage.completion for one in billed)
        return heard(provider, sent.raws, billed, tally)

    @asynccontextmanager
    async def _moving(self) -> AsyncIterator[None]:
        """Notes when an exchange ends, for the watchdog."""
        try:
            yield
        finally:
            self.moved = asyncio.get_running_loop().time()

    @staticmethod
    async def _sent(provider: Provider, request: Request, keys: Sequence[bytes], *, rotates: bool) -> Sent:
        try:
            async with asyncio.timeout(request.model.timeout):
                return await provider.send(request, [seed_of(k) for k in keys])
        except ProviderError as e:
            if e.rotates and rotates:
                raise TryAgain("key_refused", str(e), attempts=2, wait=ROTATION) from e
            raise
        except TimeoutError as e:
            words = f"{request.model.use}: no whole reply within {request.model.timeout:g} s"
            raise TryAgain("timeout", words, attempts=2, billed=True) from e

    @asynccontextmanager
    async def _paid(self, request: Request, keys: Sequence[bytes]) -> AsyncIterator["_Paid"]:
        """Sets the worst price aside, and books what came of it."""
        worst, paid = self._worst(request, len(keys)), _Paid()
        self.journal.check_room()
        await self.budget.reserve(worst)
        try:
            if self.reason:
                raise Shut(str(self.reason))
            yield paid
        except TryAgain as fault:
            paid.cost = worst if fault.billed else 0.0
            raise
        except asyncio.CancelledError:
            if paid.wired:
                paid.cost = worst
                self.journal.jot(Attempt(keys[0], "given_up", "given up while in flight", billed=True, dollars=worst))
            raise
        finally:
            self.budget.settle(worst, paid.cost)

    def _worst(self, request: Request, draws: int) -> float:
        """The most that a request can cost. Raises BudgetReached where that cannot be said, and money has a limit."""
        worst = most(self.provider(request.model), request, draws)
        if worst is None and self.budget.max_cost is not None:
            raise BudgetReached(
                f"{request.model.use}: what a reply costs at most is not known; say its price and max_tokens"
            )
        return worst or 0.0

    async def _pause(self, seconds: float) -> None:
        """A wait that ends early when the client is shut."""
        try:
            async with asyncio.timeout(seconds):
                await self._shutting.wait()
        except TimeoutError:
            return

    # --- small things ---

    def _of(self, model: Model) -> Health:
        return self._health.setdefault((model.use, model.base_url, tuple(model.base_urls)), Health())

    def _key(self, request: Request, draw: int) -> bytes:
        sees = self.provider(request.model).sees(request)
        return key({"provider": request.model.provider, **sees}, draw, request.seed)

    def _kept(self, request: Request, key: bytes) -> Outcome:
        raw = self.journal.get(key)
        if raw is None:
            raise KeyError(key.hex())
        return outcome(key, said(self.provider(request.model), raw))


def _entry(request: Request, key: bytes, one: Read) -> Entry:
    usage = one.bill.usage
    return Entry(key, one.raw, usage.prompt, usage.completion, one.bill.dollars, request.model.use)


async def settled(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, in order. Where one fails the others are first let come to their end, since they are paid for."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
