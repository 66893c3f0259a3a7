"""One endpoint's limits, as numbers on a clock: requests and tokens per second, requests in flight. Nothing here waits.

Each rate is a GCRA (ITU-T I.371): one number, the time until which what was sent is paid off. A rate is stated in the
recipe, read from the provider's headers, or learned: it grows while it holds requests back, and is cut where the
provider says that they come too fast.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from prefgen.errors import TryAgain
from prefgen.llm.limits import MINUTE, Limits

BURST = 0.25
"""Seconds' worth of requests that may go at once."""
START_RATE = 20.0
"""Requests per second where nothing is known yet."""
DOUBLING, CREEP = 2.0, 1.01
"""Growth per second: before anything was refused, and once the rate is back where that happened."""
BACK = 60.0
"""Seconds in which a rate that was cut comes back, steeply at first: CUBIC's way to a limit (RFC 9438)."""
CUT, EPISODE = 0.9, 3.0
"""What a refusal leaves of the rate, once in so many seconds: those in flight are refused together."""
DEEPEST = 0.3
"""What a refusal leaves at the least, where most of those sent since the last one were refused as well."""
SLOWEST = 0.2
"""Requests per second that are always tried."""
OF_TOLD = 0.97
"""Of a limit that the provider states: its clock and ours are two."""
START_PLACES = 20
"""Requests in flight at first; each success makes room for one more, which doubles them in one round."""
SHRINK, SHRINK_EVERY = 0.8, 5.0
"""What a reply that never came leaves of the places, once in so many seconds."""
LOOKED_AT, BROKEN, PROBE = 50, 0.5, 15.0
"""Of so many last requests, the failed share at which an endpoint counts as broken; it is then asked once in so many
seconds."""
FEWEST = 10
"""Requests before an endpoint can count as broken."""
REST = 30.0
"""Seconds at most for which an endpoint with others beside it is left alone when it cannot be reached."""


@dataclass
class Gcra:
    """A rate per second as one number: ``due``, the time at which all that was booked is paid off."""

    rate: float
    due: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until more may be booked."""
        return max(0.0, self.due - BURST - now)

    def book(self, now: float, amount: float) -> None:
        """Takes an amount; a negative one gives back."""
        self.due = max(self.due, now) + amount / self.rate if amount >= 0 else self.due + amount / self.rate


class Hold(NamedTuple):
    """What holds a request back: ``paused`` (the provider said for how long), ``broken`` or ``unreachable`` (until the
    next try), each with its seconds; ``requests`` or ``tokens``, with the rate a minute; ``places``, with their number.
    ``why`` it is just as many: ``stated`` in the recipe, ``told`` by the provider, ``slowed`` by refusals or timeouts,
    ``learning`` where more are tried.
    """

    by: str
    amount: float
    why: str = ""


@dataclass(eq=False)
class Gate:
    """How fast, and with how many at once, one endpoint is asked. ``rpm`` and ``tpm`` are stated limits, ``paced`` says
    whether to begin slowly where none is.
    """

    most: int
    rpm: float | None = None
    tpm: float | None = None
    paced: bool = True
    in_flight: int = 0
    outputs: deque[int] = field(default_factory=lambda: deque(maxlen=100))

    def __post_init__(self) -> None:
        self.limit = self.rpm / 60 if self.rpm else math.inf
        start = self.limit if self.rpm else START_RATE if self.paced else math.inf
        self.requests = Gcra(start)
        self.tokens = Gcra(self.tpm / 60 if self.tpm else math.inf)
        self.places = float(min(START_PLACES if self.paced else self.most, self.most))
        self.refused_at = self.shrunk_at = -math.inf
        self.paused_until = -math.inf
        self._served = False
        self._peak = 0.0
        self.sent = self._denied = 0
        self._held: float | None = None
        self._ends: deque[bool] = deque(maxlen=LOOKED_AT)
        self._rests = 0

    # --- before a request ---

    @property
    def has_place(self) -> bool:
        """Whether one more may be in flight."""
        return self.in_flight < int(self.places)

    def wait(self, now: float) -> float:
        """Seconds until the next request may go."""
        return max(self.requests.wait(now), self.tokens.wait(now), self.paused_until - now, 0.0)

    def held_by(self, now: float) -> Hold | None:
        """What holds the next request back; None where it may go. Reads only, from any thread."""
        if (pause := self.paused_until - now) > 0:
            return Hold("broken" if self.is_broken else "unreachable" if self._rests else "paused", pause)
        requests, tokens = self.requests.wait(now), self.tokens.wait(now)
        if max(requests, tokens) > 0:
            return self._rate_of_requests() if requests >= tokens else self._rate_of_tokens()
        if self.has_place:
            return None
        places = int(self.places)
        shrunk = "slowed" if self.shrunk_at > -math.inf else "learning"
        return Hold("places", places, "stated" if places >= self.most else shrunk)

    def _rate_of_requests(self) -> Hold:
        """The rate that holds requests back, as it was said."""
        if self.requests.rate < self.limit:
            return Hold("requests", self.requests.rate * MINUTE, "slowed" if self._peak else "learning")
        if self.rpm and self.limit == self.rpm / MINUTE:
            return Hold("requests", self.rpm, "stated")
        return Hold("requests", self.limit / OF_TOLD * MINUTE, "told")

    def _rate_of_tokens(self) -> Hold:
        if self.tpm and self.tokens.rate == self.tpm / MINUTE:
            return Hold("tokens", self.tpm, "stated")
        return Hold("tokens", self.tokens.rate / OF_TOLD * MINUTE, "told")

    def hold(self, now: float) -> None:
        """A request is held back by the rate: if this rate was guessed, it may be too low."""
        if self._held is None:
            self._held = now

    def enter(self, now: float, tokens: float) -> None:
        """Sends one request of about so many tokens."""
        if self._held is not None:
            self._grow(now, min(1.0, now - self._held))
            self._held = None
        self.in_flight += 1
        self.sent += 1
        self.requests.book(now, 1)
        self.tokens.book(now, tokens)
        if self.is_broken:
            self.paused_until = now + PROBE

    def _grow(self, now: float, seconds: float) -> None:
        rate, since = self.requests.rate, now - self.refused_at
        if self._peak and since < BACK:
            rate = max(rate, self._peak * (1 - (1 - CUT) * (1 - since / BACK) ** 3))
        else:
            rate *= (CREEP if self._peak else DOUBLING) ** seconds
        self.requests.rate = min(self.limit, rate)

    # --- after it ---

    def leave(self) -> None:
        """A request has ended, whatever came of it."""
        self.in_flight -= 1

    def served(self, now: float, limits: Limits, guessed: float, used: int, written: int) -> None:
        """A reply came; ``used`` tokens in all, where ``guessed`` were booked."""
        if self.is_broken:
            self._ends.clear()
            self.paused_until = now
        self._served, self._rests = True, 0
        self._ends.append(True)
        self.places = min(float(self.most), self.places + 1)
        self.outputs.append(written)
        if used:
            self.tokens.book(now, used - guessed)
        self.told(limits)

    def told(self, limits: Limits) -> None:
        """Takes over the limits that the provider states, within those that the recipe does."""
        if limits.requests:
            limit = min(limits.requests * OF_TOLD, self.rpm / 60 if self.rpm else math.inf)
            if limit != self.limit:
                self.limit, self.requests.rate = limit, limit
        if limits.tokens:
            self.tokens.rate = min(limits.tokens * OF_TOLD, self.tpm / 60 if self.tpm else math.inf)

    def refused(self, now: float, wait: float | None) -> None:
        """The provider says: too fast. Those in flight are refused together, so one cut does for a while."""
        if wait:
            self.paused_until = max(self.paused_until, now + wait)
            self.requests.due = max(self.requests.due, self.paused_until + BURST)  # what was saved up is spent
        self._denied += 1
        if now - self.refused_at < EPISODE:
            return
        if math.isinf(self.requests.rate):
            self.requests.rate = max(START_RATE, self.in_flight)
        left = min(CUT, max(DEEPEST, 1 - self._denied / max(1, self.sent)))
        self.requests.rate = max(SLOWEST, self.requests.rate * left)
        self._peak = self.requests.rate / CUT
        self.refused_at, self.sent, self._denied = now, 0, 0

    def failed(self, now: float, fault: TryAgain, *, others: bool) -> None:
        """No reply came. ``others`` says that other endpoints can take what this one does not."""
        if fault.reason == "rate_limited":
            self.refused(now, fault.wait)
            return
        if fault.reason == "timeout" and now - self.shrunk_at >= SHRINK_EVERY:
            self.shrunk_at, self.places = now, max(1.0, self.places * SHRINK)
        if others and fault.reason in {"no_connection", "connection_lost"}:
            self._rests += 1
            self.paused_until = now + min(REST, 2.0**self._rests)
        self._ends.append(False)
        if self.is_broken:
            self.paused_until = max(self.paused_until, now + PROBE)

    @property
    def is_broken(self) -> bool:
        """Whether so many of the last requests failed that only a probe now and then makes sense. One that never
        served is not broken but wrong, and the sooner that is known the better.
        """
        return self._served and len(self._ends) >= FEWEST and self._ends.count(False) >= BROKEN * len(self._ends)
