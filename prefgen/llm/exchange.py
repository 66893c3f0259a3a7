"""Exchanges with models: each in its turn and within the budget, sent again after a fault that passes."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prefgen.errors import BudgetReached, Interrupted, PrefgenError, ProviderError, RowFailed, TryAgain
from prefgen.llm.bill import Bill, bills, most
from prefgen.llm.budget import Budget
from prefgen.llm.bymodel import ByModel
from prefgen.llm.health import Health
from prefgen.llm.journal import Attempt, Journal
from prefgen.llm.known import Known
from prefgen.llm.outcome import Read, Tally, heard
from prefgen.llm.pace import Pace, Turn
from prefgen.llm.prices import most_sent
from prefgen.llm.providers import make_provider
from prefgen.llm.replica import Ask
from prefgen.llm.request import Model, Provider, Raw, Request, Sent, seed_of
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


class Enough(PrefgenError):
    """Why a client is shut for the rest of one stage: no more rows are wanted."""


@dataclass
class Exchanges:
    """What sends, and what it sends by. ``fakes`` are functions that stand in for models called ``fake/NAME``;
    ``chance`` draws how long a fault is waited out, and nothing else; ``batches`` are where requests go that need not
    be answered at once; ``pace`` is where they wait for their turn; ``ask`` is how replicas of models are asked
    (``prefgen.llm.replica``).
    """

    journal: Journal
    fakes: Mapping[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    sleep: Sleep | None = None
    chance: random.Random = field(default_factory=random.Random)
    batches: "Batches | None" = None
    pace: Pace = field(default_factory=Pace)
    ask: Ask | None = None

    def __post_init__(self) -> None:
        self._providers: dict[str, Provider] = {}
        self._health: dict[tuple[Any, ...], Health] = {}
        self._of = ByModel(self._known)
        self.reason: Exception | None = None
        self._shutting = asyncio.Event()
        self.moved = self.longest = 0.0

    # --- the door ---

    def shut(self, reason: Exception) -> None:
        """Sends nothing more. What is in flight still comes in and is kept; all others get ``Shut``. The first reason
        counts, but a user's stop is more than that enough is there.
        """
        if isinstance(self.reason, Enough) and isinstance(reason, Interrupted):
            self.reason = reason
        if self.reason is None:
            self.reason = reason
            self._shutting.set()
            self.pace.let_go()
            self.budget.let_go()
            if self.batches:
                self.batches.let_go()

    def reopen(self) -> None:
        """Sends again, after a ``shut`` that was meant for one stage; not where the user has stopped it since."""
        if not isinstance(self.reason, Interrupted):
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
            self._providers[name] = make_provider(name, self.fakes, self.ask)
        return self._providers[name]

    def _known(self, model: Model) -> Known:
        provider = self.provider(model)
        health = self._health.setdefault((model.use, model.base_url, tuple(model.base_urls)), Health())
        line, together = self.pace.line(model), "n" in provider.can(model)
        return Known(model.provider, provider, line, health, model.endpoints(), together, provider.caching(model))

    # --- one exchange ---

    async def _tried(
        self, request: Request, keys: Sequence[bytes], tally: Tally, batches: "Batches | None" = None
    ) -> list[Read]:
        health = self._of(request.model).health
        try:
            if batches:
                replies = await batches.ask(request, keys, tally)
                health.served()
                return replies
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
        self.go_on()
        known = self._of(request.model)
        line = known.line
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
        self.go_on()
        await self.budget.reserve(worst)
        try:
            self.go_on()
            at = request._replace(model=known.endpoints[turn.endpoint]) if len(known.endpoints) > 1 else request
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
