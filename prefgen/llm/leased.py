"""A worker's side of the limits that all workers share (``prefgen.llm.permits``): gates and a budget with the faces of
its own, filled from small leases.

What is needed next is asked for while there is some left, so that the wire's delay costs nothing. Where an endpoint has
no limit, and where no money is limited, nobody is asked.
"""

import asyncio
import math
from bisect import insort
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from prefgen.errors import RunError
from prefgen.llm.budget import Budget
from prefgen.llm.client import Client
from prefgen.llm.gate import Gate, Hold
from prefgen.llm.journal import Journal
from prefgen.llm.limits import NO_LIMITS, Limits
from prefgen.llm.loans import LeasedBudget
from prefgen.llm.pace import Line, Pace, is_yours, places
from prefgen.llm.permits import GRACE, LEASE, safe
from prefgen.llm.request import Model
from prefgen.llm.terms import NO_NEWS, Account, Endpoint, Lease, Loan, News

Ask = Callable[[str, tuple[Any, ...]], Awaitable[Any]]
"""Calls a method of the ``Permits``, wherever they are, with these arguments."""
AHEAD, LEARNING = 0.2, 0.05
"""Seconds before the last permit's time at which more are asked for; and where the limit is not known, so that what is
found out of it is heeded soon.
"""
LARGEST = 8 * LEASE
"""Permits at most that are asked for at a time: twice as many as the last time where few are left, for then the wire is
slow, or nothing is held back.
"""
DRIFT = 1e-4
"""Seconds by which two clocks may come apart in one."""
LOOK = 1.0
"""Seconds after which a line that waits for permits looks again; it is told when they come."""


class LeasedGate(Gate):
    """A Gate whose rates are all workers' together: a request needs a permit. Its places in flight are its own."""

    def __init__(self, most: int, endpoint: Endpoint, line: Line, leases: "Leases") -> None:
        super().__init__(most, safe(endpoint.rpm), safe(endpoint.tpm), endpoint.paced)
        self._endpoint, self._line, self._leases = endpoint, line, leases
        self._permits: list[tuple[float, float]] = []  # when it may be used, and for how many tokens
        self._asking, self._size = False, LEASE
        self._told, self._refused, self._sent, self._tokens = NO_LIMITS, 0, 0, 0.0
        self._until = -math.inf  # it was refused with a wait
        self._quickest, self._heard = math.inf, 0.0

    @property
    def is_limited(self) -> bool:
        """Whether permits are needed at all."""
        return self.requests.rate != math.inf or self.tokens.rate != math.inf

    # --- before a request ---

    def wait(self, now: float) -> float:
        """Seconds until the next request may go; where a permit is to come yet, until the line looks again."""
        if not self.is_limited:
            return max(self.paused_until - now, 0.0)
        permit = next((at for at, _ in self._permits if at >= now - GRACE), now + LOOK)
        return max(permit, self.paused_until, now) - now

    def held_by(self, now: float) -> Hold | None:
        """What holds the next request back; None where it may go."""
        return super().held_by(now) or (self._rate_of_requests() if self.wait(now) > 0 else None)

    def hold(self, now: float) -> None:
        """A request is held back: it may be for want of a permit."""
        self._refill(now)

    def enter(self, now: float, tokens: float) -> None:
        """Sends one request of about so many tokens, by the first permit that is good."""
        super().enter(now, tokens)
        if not self.is_limited:
            self._sent += 1
            return
        self._forget(now)
        if self._permits:
            self._tokens += tokens - self._permits.pop(0)[1]
        self._refill(now)

    def _forget(self, now: float) -> None:
        """Lets go of permits that are too old; no tokens went with them."""
        while self._permits and self._permits[0][0] < now - GRACE:
            self._tokens -= self._permits.pop(0)[1]

    def _refill(self, now: float) -> None:
        """Asks for permits for those who wait and would have a place, before the last ones are used."""
        if self._asking or not self.is_limited:
            return
        self._forget(now)
        needed = min(self._line.waiting, int(self.places) - self.in_flight) - len(self._permits)
        ahead = self._permits[-1][0] - now if self._permits else 0.0
        most = AHEAD if self.limit != math.inf else LEARNING
        if needed > 0 and ahead < most:
            self._size = min(LARGEST, 2 * self._size) if ahead < most / 2 else max(LEASE, self._size // 2)
            self._ask(min(self._size, needed))

    def _ask(self, want: int) -> None:
        self._asking = True
        self._leases.begin(self._leased(want))

    async def _leased(self, want: int) -> None:
        tokens = self._line.first
        try:
            lease = await self._leases.ask("lease", self._endpoint, want, tokens, self._news())
        finally:
            self._asking = False
        now = asyncio.get_running_loop().time()
        begun = self._begun(lease, now)
        for delay in lease.delays:
            insort(self._permits, (max(begun + delay, now), tokens))
        if lease.pause:
            self.paused_until = max(self.paused_until, begun + lease.pause)
        self.requests.rate, self.tokens.rate, self.limit = lease.requests, lease.tokens, lease.limit
        if self._refused:
            self._ask(0)
        self._line.advance()

    def _begun(self, lease: Lease, now: float) -> float:
        """When a lease began, on this clock: as it came, less what it was longer on its way than the quickest one. Each
        that is late by itself would come into another one's time.
        """
        self._quickest = min(self._quickest + DRIFT * (now - self._heard), now - lease.at)
        self._heard = now
        return lease.at + self._quickest

    # --- after it ---

    def served(self, now: float, limits: Limits, guessed: float, used: int, written: int) -> None:
        """A reply came; ``used`` tokens in all, where ``guessed`` were asked for."""
        if used and self.tokens.rate != math.inf:
            self._tokens += used - guessed
        super().served(now, limits, guessed, used, written)

    def told(self, limits: Limits) -> None:
        """Takes over the limits that the provider states, and passes them on."""
        if limits is not NO_LIMITS:
            self._told = limits
            super().told(limits)

    def refused(self, now: float, wait: float | None) -> None:
        """The provider says: too fast. All are to know at once."""
        super().refused(now, wait)
        self._refused, self._until = self._refused + 1, max(self._until, now + (wait or 0.0))
        if not self._asking:
            self._ask(0)

    def _news(self, back: tuple[float, ...] = ()) -> News:
        """What there is to tell, once."""
        pause = max(0.0, self._until - asyncio.get_running_loop().time()) if self._refused else 0.0
        news = News(self._told, self._refused, pause, self._tokens, self._sent, self.in_flight, back)
        self._told, self._refused, self._sent, self._tokens = NO_LIMITS, 0, 0, 0.0
        return news

    async def close(self) -> None:
        """Gives back permits whose time is yet to come, and tells the last news."""
        now = asyncio.get_running_loop().time()
        self._forget(now)
        back, self._permits = self._permits, []
        self._tokens -= sum(tokens for _, tokens in back)
        news = self._news(tuple(at - now for at, _ in back if at > now))
        if self.is_limited and news != NO_NEWS:
            await self._leases.ask("lease", self._endpoint, 0, 0.0, news)


class Leases:
    """One worker's part of a run's limits. ``worker`` is a name that no other has or had; ``number`` says which of so
    many ``workers`` it is, from 0: it has its share of places in flight. ``max_calls`` and ``max_cost`` are the run's.
    """

    def __init__(
        self,
        worker: str,
        ask: Ask,
        *,
        workers: int = 1,
        number: int = 0,
        max_calls: int | None = None,
        max_cost: float | None = None,
    ) -> None:
        self.worker, self._ask = worker, ask
        self._workers, self._number = workers, number
        self._gates: list[LeasedGate] = []
        self._tasks: set[asyncio.Future[None]] = set()
        limited = max_calls is not None or max_cost is not None
        self.budget = LeasedBudget(self._borrow, self.begin, max_calls, max_cost) if limited else Budget()
        self.lost: Callable[[Exception], None] = _ignored

    def client(self, journal: Journal, fakes: Mapping[str, Any] | None = None, **how: Any) -> Client:
        """A client within these limits; ``how`` is what else it takes. It is shut where nobody answers any more."""
        client = Client(journal, fakes or {}, self.budget, pace=Pace(self.gate_of), **how)
        self.lost = client.shut
        return client

    def gate_of(self, endpoint: Model, line: Line) -> Gate:
        """The worker's gate to an endpoint."""
        name = " ".join(filter(None, (endpoint.use, endpoint.base_url)))
        limits = Endpoint(name, endpoint.rpm, endpoint.tpm, not is_yours(endpoint))
        gate = LeasedGate(share(places(endpoint), self._workers, self._number), limits, line, self)
        self._gates.append(gate)
        return gate

    async def ask(self, method: str, *args: Any) -> Any:
        """What the ``Permits`` answer. Raises RunError where they do not."""
        try:
            return await self._ask(method, (self.worker, *args))
        except Exception as e:
            raise RunError(f"the run's limits are not to be had any more ({e}); run it again to go on") from e

    async def _borrow(self, account: Account, calls: int, least: float, want: float) -> Loan:
        loan: Loan = await self.ask("money", account, calls, least, want)
        return loan

    def begin(self, work: Awaitable[None]) -> None:
        """Lets something go on by itself; where it fails, nothing more is sent."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Future[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self.lost(error)

    async def pulse(self, told: Mapping[str, Any]) -> bool:
        """Tells of this worker; gives whether it is to stop."""
        return bool(await self.ask("pulse", told))

    async def close(self) -> None:
        """Gives back what is not needed, and tells what was spent, exactly: when the client is closed."""
        for task in (under_way := [*self._tasks]):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for gate in self._gates:
            await gate.close()
        if isinstance(self.budget, LeasedBudget):
            await self.budget.close()
        else:
            await self.ask("money", Account(self.budget.spent, self.budget.calls))


def _ignored(error: Exception) -> None:
    """Where there is no client that could be shut."""


def share(most: int, workers: int, number: int) -> int:
    """Of places in flight, those of one of so many workers; one, at least."""
    return max(1, most // workers + (number < most % workers))


def most_workers(models: Iterable[Model], workers: int) -> int:
    """How many workers may run at once, so that each has a place in flight at every model and they do not come to more
    than any recipe states.
    """
    return min([workers, *(model.concurrency for model in models if model.concurrency)])
