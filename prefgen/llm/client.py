"""Requests in, completions out: each from the journal where it is known, else from the provider, once.

The way of a request: look it up · join one like it that is under way · wait for a place · send · keep · read.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from prefgen.errors import BudgetReached, Interrupted, PrefgenError, ProviderError, RowFailed, TryAgain
from prefgen.llm.bill import Bill, bills, most
from prefgen.llm.budget import Budget
from prefgen.llm.bymodel import ByModel
from prefgen.llm.health import Health
from prefgen.llm.journal import Attempt, Entry, Journal
from prefgen.llm.known import Known
from prefgen.llm.outcome import Outcome, Read, Tally, heard, outcome, said
from prefgen.llm.pace import Pace, Turn
from prefgen.llm.prices import most_sent
from prefgen.llm.providers import make_provider
from prefgen.llm.request import Model, Provider, Raw, Request, Sent, keys, seed_of
from prefgen.llm.retry import Sleep, retrying
from prefgen.llm.settled import settled

__all__ = ["Client", "Shut", "settled"]

ROTATION = 5.0
"""Seconds after which a key that served before and is refused now is tried once more: it may be being changed."""
CHARACTERS = 4
"""Bytes in one token, about."""


class Shut(PrefgenError):
    """What those get whose requests are not sent any more. A new one for each: one error raised by thousands of tasks
    would gather all their tracebacks. The reason itself is ``Client.reason``.
    """


@dataclass
class Client:
    """The one object with a network cable. ``fakes`` are functions that stand in for models called ``fake/NAME``;
    ``chance`` draws how long a fault is waited out, and nothing else.
    """

    journal: Journal
    fakes: Mapping[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    sleep: Sleep | None = None
    chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self.pace = Pace()
        self._providers: dict[str, Provider] = {}
        self._flights: dict[bytes, asyncio.Future[Outcome]] = {}
        self._health: dict[tuple[Any, ...], Health] = {}
        self._of = ByModel(self._known)
        self._last: tuple[Request, Sequence[int], list[bytes]] | None = None
        self.reason: Exception | None = None
        self._shutting = asyncio.Event()
        self.moved = self.longest = 0.0

    # --- the door ---

    def shut(self, reason: Exception) -> None:
        """Sends nothing more. What is in flight still comes in and is kept; all others get ``Shut``."""
        if self.reason is None:
            self.reason = reason
            self._shutting.set()

    def reopen(self) -> None:
        """Sends again, after a ``shut`` that was meant for one stage."""
        self.reason = None
        self._shutting.clear()

    def waits(self) -> list[str]:
        """What is waited for, in words: answers, and turns to ask."""
        waiting = self.pace.waits(asyncio.get_running_loop().time())
        return [*([f"{self.pace.in_flight:,} answers"] if self.pace.in_flight else []), *waiting]

    async def close(self) -> None:
        """Lets go of connections; the journal stays open for its owner."""
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

    # --- the way of a request ---

    def kept(self, request: Request, draws: Sequence[int], tally: Tally) -> list[Outcome] | None:
        """The outcomes of these draws, in their order, where all are in the journal; else None. Waits for nothing, and
        counts them as cached.
        """
        keys, known = self._keys(request, draws), self._of(request.model)
        raws = self.journal.all_of(keys)
        if raws is None:
            return None
        tally.cached += len(keys)
        known.health.successes += len(keys)
        return [outcome(k, said(known.provider, raw)) for k, raw in zip(keys, raws, strict=True)]

    async def draw(self, request: Request, draws: Sequence[int], tally: Tally) -> list[Outcome]:
        """The outcomes of these draws of one request, in their order."""
        keys = self._keys(request, draws)
        there = {k for k in keys if self.journal.has(k)}
        new = [k for k in dict.fromkeys(keys) if k not in there and k not in self._flights]
        tally.cached += len(keys) - len(new)
        self._of(request.model).health.successes += len(there)
        for k in new:
            self._flights[k] = asyncio.get_running_loop().create_future()
        waiting = [self._flights.get(k) for k in keys]
        if new:
            await self._fetch(request, new, tally)
        return [await flight if flight else self._kept(request, k) for k, flight in zip(keys, waiting, strict=True)]

    async def _fetch(self, request: Request, keys: Sequence[bytes], tally: Tally) -> None:
        """Brings new draws in: together where the endpoint takes ``n``, else one by one side by side."""
        known = self._of(request.model)
        groups = [keys] if known.together and not known.health.alone else [[k] for k in keys]
        rest = await settled([self._land(request, group, tally) for group in groups])
        if any(rest):
            await settled([self._land(request, [k], tally) for group in rest for k in group])

    async def _land(self, request: Request, keys: Sequence[bytes], tally: Tally) -> Sequence[bytes]:
        """One exchange: keeps its replies and tells those who wait. Gives back the keys that got no whole reply."""
        try:
            replies = await self._exchange(request, keys, tally)
            if len(replies) < len(keys):
                self._of(request.model).health.alone = True
            outcomes = await self._keep(request, keys, replies, tally)
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

    async def _keep(
        self, request: Request, keys: Sequence[bytes], replies: Sequence[Read], tally: Tally
    ) -> list[Outcome]:
        """The outcomes of whole replies, once they are on stable storage; broken ones are kept for the record."""
        whole: list[tuple[bytes, Read]] = []
        for k, one in zip(keys, replies, strict=False):
            if isinstance(fault := one.heard, TryAgain):
                cost = one.bill.dollars or 0.0
                await self.journal.note(Attempt(k, fault.reason, str(fault), fault.billed, cost))
            else:
                whole.append((k, one))
        for _, one in whole:
            tally.add(one.bill)
        await self.journal.put([_entry(request, k, one) for k, one in whole])
        return [outcome(k, one.heard) for k, one in whole]

    async def _exchange(self, request: Request, keys: Sequence[bytes], tally: Tally) -> list[Read]:
        """Sends until there is a reply, or no more hope of one."""
        health = self._of(request.model).health
        try:
            try:
                replies = await self._once(request, keys, tally, again=False)
            except TryAgain as fault:
                first = fault
            else:
                health.served()
                return replies
            replies = await self._again(request, keys, tally, first)
        except (TryAgain, RowFailed) as fault:
            lost = health.lost(fault)
            await self.journal.lose(keys, fault, lost)
            raise lost from fault
        health.served()
        return replies

    async def _again(self, request: Request, keys: Sequence[bytes], tally: Tally, first: TryAgain) -> list[Read]:
        """Goes on after a first fault, which counts as the first of the tries."""
        begun: TryAgain | None = first

        async def note(fault: TryAgain) -> None:
            cost = self._worst(request, len(keys)) if fault.billed else 0.0
            await self.journal.note(Attempt(keys[0], fault.reason, str(fault), fault.billed, cost))

        async def once() -> list[Read]:
            nonlocal begun
            if begun is not None:
                fault, begun = begun, None
                raise fault
            tally.retries += 1
            return await self._once(request, keys, tally, again=True)

        found: list[Read] = await retrying(note, self.sleep or self._pause, self.chance)(once)
        return found

    async def _once(self, request: Request, keys: Sequence[bytes], tally: Tally, *, again: bool) -> list[Read]:
        """One exchange on the wire, within the pace and the budget."""
        known, line = self._of(request.model), self._of(request.model).line
        sent = line.guess(request.model, most_sent(request) / CHARACTERS, len(keys)) if line.counts_tokens else 0.0
        try:
            async with Turn(line, sent, again=again) as turn:
                raws, billed = await self._paid(request, keys, tally, turn)
        finally:
            self.moved = asyncio.get_running_loop().time()
        return heard(known.provider, raws, billed, tally)

    async def _paid(
        self, request: Request, keys: Sequence[bytes], tally: Tally, turn: Turn
    ) -> tuple[Sequence[Raw], Sequence[Bill]]:
        """Sets the worst price aside, sends, and books what came of it."""
        known, cost, wired = self._of(request.model), 0.0, False
        worst = self._worst(request, len(keys)) if self.budget.max_cost is not None else 0.0
        self.journal.check_room()
        await self.budget.reserve(worst)
        try:
            if self.reason:
                raise Shut(str(self.reason))
            at = replace(request, model=known.endpoints[turn.endpoint]) if len(known.endpoints) > 1 else request
            tally.calls += 1
            self.longest, wired = max(self.longest, 1.5 * request.model.timeout), True
            sent = await self._sent(known.provider, at, keys, rotates=known.health.successes > 0)
            billed = bills(known.provider, request, sent.raws, len(keys))
            cost = sum(one.dollars or 0.0 for one in billed)
        except TryAgain as fault:
            cost = self._worst(request, len(keys)) if fault.billed else 0.0
            raise
        except asyncio.CancelledError:
            if wired:
                cost = self._worst(request, len(keys))
                self.journal.jot(Attempt(keys[0], "given_up", "given up while in flight", billed=True, dollars=cost))
            raise
        finally:
            self.budget.settle(worst, cost)
        turn.limits, turn.written = sent.limits, max((one.usage.completion for one in billed), default=0)
        turn.used = sum(one.usage.prompt + one.usage.completion for one in billed)
        return sent.raws, billed

    @staticmethod
    async def _sent(provider: Provider, request: Request, keys: Sequence[bytes], *, rotates: bool) -> Sent:
        seeds = [seed_of(k) for k in keys]
        try:
            if provider.punctual:
                return await provider.send(request, seeds)
            async with asyncio.timeout(request.model.timeout):
                return await provider.send(request, seeds)
        except ProviderError as e:
            if e.rotates and rotates:
                raise TryAgain("key_refused", str(e), attempts=2, wait=ROTATION) from e
            raise
        except TimeoutError as e:
            words = f"{request.model.use}: no whole reply within {request.model.timeout:g} s"
            raise TryAgain("timeout", words, attempts=2, billed=True) from e

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

    def _known(self, model: Model) -> Known:
        provider = self.provider(model)
        health = self._health.setdefault((model.use, model.base_url, tuple(model.base_urls)), Health())
        together = "n" in provider.can(model)
        return Known(model.provider, provider, self.pace.line(model), health, model.endpoints(), together=together)

    def _keys(self, request: Request, draws: Sequence[int]) -> list[bytes]:
        """The draws' keys; those of the last request are remembered, since what is not kept is drawn next."""
        last = self._last
        if last is None or last[0] is not request or last[1] != draws:
            self._last = last = (request, draws, keys(self._seen(request), draws, request.seed))
        return last[2]

    def _key(self, request: Request, draw: int) -> bytes:
        return keys(self._seen(request), [draw], request.seed)[0]

    def _seen(self, request: Request) -> dict[str, Any]:
        known = self._of(request.model)
        return {"provider": known.name, **known.provider.sees(request)}

    def _kept(self, request: Request, key: bytes) -> Outcome:
        raw = self.journal.get(key)
        if raw is None:
            raise KeyError(key.hex())
        return outcome(key, said(self.provider(request.model), raw))


def _entry(request: Request, key: bytes, one: Read) -> Entry:
    usage = one.bill.usage
    return Entry(key, one.raw, usage.prompt, usage.completion, one.bill.dollars, request.model.use)
