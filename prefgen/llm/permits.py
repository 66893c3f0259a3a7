"""What the workers of one run share, held in one place: the rates of endpoints, money, and who is there.

Workers ask for small leases: of permits to send, and of dollars and requests. Nothing here waits, nothing is polled: a
permit comes with the seconds after which it may be used (GCRA, as in ``prefgen.llm.gate``). A worker that dies costs no
more than its leases.
"""

import heapq
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prefgen.llm.gate import Gate, Hold
from prefgen.llm.pace import SOON
from prefgen.llm.terms import NO_NEWS, Account, Ending, Endpoint, Lease, Loan, News, Pulse, State

LEASE = 8
"""Permits that a worker asks for at a time, and requests' worth of money that it holds beside what is in flight."""
HORIZON, LEARNING = 0.5, 0.1
"""Seconds ahead for which permits are given; one, at least, to each who asks. Less where the limit is not known: what
is found out of it is to be heeded soon.
"""
GRACE = 0.05
"""Seconds for which a permit is good. One that is used late is a request more in the second in which it is."""
OF_STATED = 0.99
"""Of a limit that a recipe states: permits take different times over the wire, and a second may get the next one's."""
NEVER = 3600.0
"""Seconds until the next permit of a worker that is taken for dead."""


class Shared:
    """One endpoint's rates, for all workers."""

    def __init__(self, endpoint: Endpoint, workers: int) -> None:
        self.endpoint, self._workers = endpoint, workers
        self.gate = Gate(1, safe(endpoint.rpm), safe(endpoint.tpm), endpoint.paced)
        self._back: list[float] = []

    def hear(self, news: News, now: float) -> None:
        """Takes in what a worker saw."""
        gate = self.gate
        gate.tokens.book(now, news.tokens)
        gate.told(news.limits)
        gate.sent += news.sent
        gate.in_flight = news.in_flight * self._workers  # about: others did not tell
        for _ in range(news.refused):
            gate.refused(now, news.pause or None)
        for delay in news.back:
            heapq.heappush(self._back, now + delay)

    def reserve(self, now: float, want: int, tokens: float) -> tuple[float, ...]:
        """Seconds until each of up to so many permits may be used; at least one."""
        delays: list[float] = []
        while len(delays) < want:
            delay, returned = self._next(now)
            if delays and delay > (HORIZON if self.gate.limit != math.inf else LEARNING):
                break
            if returned:
                heapq.heappop(self._back)
                self.gate.tokens.book(now, tokens)
            else:
                self.gate.enter(now, tokens)
            delays.append(delay)
        if delays and delays[-1] > SOON:  # a rate that was guessed may be too low: it grows until they ask again
            self.gate.hold(now)
        return tuple(sorted(delays))

    def _next(self, now: float) -> tuple[float, bool]:
        """Seconds until the next permit, and whether it is one that came back."""
        gate = self.gate
        while self._back and self._back[0] < now:
            heapq.heappop(self._back)
        wait = gate.wait(now)
        if not self._back:
            return wait, False
        returned = max(self._back[0], now + gate.tokens.wait(now), gate.paused_until) - now
        return min((wait, False), (returned, True))

    def lease(self, now: float, delays: tuple[float, ...]) -> Lease:
        """These permits, with the rates as they are now."""
        pause = max(0.0, self.gate.paused_until - now)
        return Lease(now, delays, pause, self.gate.requests.rate, self.gate.tokens.rate, self.gate.limit)

    def hold(self, now: float) -> Hold | None:
        """What holds the next request back; a stated limit as it was stated."""
        found, stated = self.gate.held_by(now), {"requests": self.endpoint.rpm, "tokens": self.endpoint.tpm}
        return found._replace(amount=stated[found.by] or 0.0) if found and found.why == "stated" else found


@dataclass
class Permits:
    """What all workers of one run ask. ``max_calls`` and ``max_cost`` are limits on requests and dollars, None is no
    limit; ``paid`` is what earlier runs of the same journal paid; ``workers`` is how many there will be at a time;
    ``clock`` gives seconds, from any beginning; ``driver`` is what was asked by who drives the workers.
    """

    max_calls: int | None = None
    max_cost: float | None = None
    paid: float = 0.0
    workers: int = 1
    clock: Callable[[], float] = time.monotonic
    driver: Account = field(default_factory=Account)
    _endpoints: dict[str, Shared] = field(default_factory=dict)
    _accounts: dict[str, Account] = field(default_factory=dict)
    _pulses: dict[str, tuple[float, Mapping[str, Any]]] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _past: Account = field(default_factory=Account)
    _stopped: str = ""

    # --- permits to send ---

    def lease(self, worker: str, endpoint: Endpoint, want: int, tokens: float = 0.0, news: News = NO_NEWS) -> Lease:
        """Up to ``want`` permits for requests of about so many tokens each, and what is told beside it; none where none
        is wanted, and at least one where there is. A worker that is gone gets one that it will not live to use.
        """
        now = self.clock()
        if endpoint.id not in self._endpoints:
            self._endpoints[endpoint.id] = Shared(endpoint, self.workers)
        shared = self._endpoints[endpoint.id]
        shared.hear(news, now)
        if worker in self._gone:
            return shared.lease(now, (NEVER,) * min(want, 1))
        return shared.lease(now, shared.reserve(now, want, tokens))

    # --- money ---

    def money(self, worker: str, account: Account, calls: int = 0, least: float = 0.0, want: float = 0.0) -> Loan:
        """Books what a worker has done, takes back what it does not keep, and lends it money for up to so many
        ``calls``: ``want`` dollars, but no less than ``least``. Where it wants none it only tells.
        """
        if worker in self._gone:
            return self._loan("no_money")
        self._accounts[worker] = account
        state = self._can_lend(least)
        if state != "lent" or not calls:
            return self._loan(state)
        share = max(1, len(self._accounts))
        dollars = min(self._left, max(least, min(want, self._left / share))) if self.max_cost is not None else 0.0
        number = min(calls, max(1, self._left_calls // share)) if self.max_calls is not None else 0
        keeps = account.keeps + dollars, account.keeps_calls + int(number)
        self._accounts[worker] = Account(account.spent, account.calls, *keeps)
        return self._loan("lent", dollars, int(number))

    def _can_lend(self, least: float) -> Ending:
        if self._left_calls < 1:
            return "wait" if any(one.keeps_calls for one in self._accounts.values()) else "no_calls"
        if self._left < least:
            return "wait" if any(one.keeps for one in self._accounts.values()) else "no_money"
        return "lent"

    def _loan(self, state: Ending, dollars: float = 0.0, calls: int = 0) -> Loan:
        share = max(0.0, self._left) / max(1, len(self._accounts))
        return Loan(dollars, calls, state, self._spent, self._calls, share)

    @property
    def _all(self) -> list[Account]:
        return [self.driver, self._past, *self._accounts.values()]

    @property
    def _spent(self) -> float:
        return self.paid + math.fsum(one.spent for one in self._all)

    @property
    def _calls(self) -> int:
        return sum(one.calls for one in self._all)

    @property
    def _left(self) -> float:
        """Dollars that nobody has claimed."""
        if self.max_cost is None:
            return math.inf
        return self.max_cost - self._spent - math.fsum(one.keeps for one in self._all)

    @property
    def _left_calls(self) -> float:
        if self.max_calls is None:
            return math.inf
        return self.max_calls - self._calls - sum(one.keeps_calls for one in self._all)

    # --- workers ---

    def pulse(self, worker: str, told: Mapping[str, Any]) -> bool:
        """What a worker tells of itself now and then: numbers and short words, of which ``dollars`` and ``calls`` are
        its sums. Gives whether it is to stop.
        """
        if worker not in self._gone:
            self._pulses[worker] = self.clock(), told
        return bool(self._stopped) or worker in self._gone

    def stop(self, reason: str) -> None:
        """Every worker is to end; the first reason counts."""
        self._stopped = self._stopped or reason

    def gone(self, worker: str) -> None:
        """A worker has ended, or is taken for dead. What it was lent and did not give back may have been spent: it
        counts as claimed for ever, and nobody waits for it. Should it live, it gets nothing more and is told to stop.
        """
        self._gone.add(worker)
        _, told = self._pulses.pop(worker, (0.0, {}))
        one, past = _with(self._accounts.pop(worker, Account()), told), self._past
        self._past = Account(
            past.spent + one.spent, past.calls + one.calls, past.keeps + one.keeps, past.keeps_calls + one.keeps_calls
        )

    def state(self) -> State:
        """How the run stands now."""
        now = self.clock()
        pulses = {name: Pulse(now - at, told) for name, (at, told) in self._pulses.items()}
        known = [_with(self._accounts.get(name, Account()), pulse.told) for name, pulse in pulses.items()]
        known += [one for name, one in self._accounts.items() if name not in pulses]
        return State(
            pulses,
            self.paid + self.driver.spent + self._past.spent + math.fsum(one.spent for one in known),
            self.driver.calls + self._past.calls + sum(one.calls for one in known),
            math.fsum(one.keeps for one in known),
            sum(one.keeps_calls for one in known),
            self._past.keeps,
            self._past.keeps_calls,
            {name: shared.hold(now) for name, shared in self._endpoints.items()},
            self._stopped,
        )


def _with(account: Account, told: Mapping[str, Any]) -> Account:
    """What a worker has done by the later of two words, which is the higher one; what it did came out of its leases."""
    spent, calls = max(account.spent, told.get("dollars", 0.0)), max(account.calls, told.get("calls", 0))
    keeps = max(0.0, account.keeps - (spent - account.spent))
    return Account(spent, calls, keeps, max(0, account.keeps_calls - (calls - account.calls)))


def safe(limit: float | None) -> float | None:
    """Of a stated limit, what is leased."""
    return limit and limit * OF_STATED
