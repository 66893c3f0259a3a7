"""The terms of leases: all that goes over the wire between workers and their ``Permits`` (``prefgen.llm.permits``).

Of time only lengths go, since clocks of two machines differ. What was done with money goes as sums since the beginning,
so that a word which comes twice, or is never heard, does no harm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from prefgen.llm.gate import Hold
from prefgen.llm.limits import NO_LIMITS, Limits


@dataclass(frozen=True)
class Endpoint:
    """One address of one model, and its stated limits; as ``Gate`` has them. ``id`` is ``use`` and the address."""

    id: str
    rpm: float | None = None
    tpm: float | None = None
    paced: bool = True


@dataclass(frozen=True)
class News:
    """What came to pass at an endpoint since a worker last told. ``limits`` its provider stated; so many were
    ``refused``, and it is to be left alone for ``pause`` seconds; ``tokens`` used beyond those that were asked for (or
    less); ``sent`` without a permit, where there was no limit; ``in_flight`` there now; ``back``: permits that nobody
    needs, in seconds until their time.
    """

    limits: Limits = NO_LIMITS
    refused: int = 0
    pause: float = 0.0
    tokens: float = 0.0
    sent: int = 0
    in_flight: int = 0
    back: tuple[float, ...] = ()


NO_NEWS = News()


@dataclass(frozen=True)
class Lease:
    """Permits, each as the seconds from now after which a request may be sent, in their order. For ``pause`` seconds
    nothing is to be sent, whatever was leased before. Then the rates a second of all workers together: requests and
    tokens as they are now, and the ``limit`` of requests. ``at`` is now, on a clock that says nothing but how long it
    was between two leases.
    """

    at: float
    delays: tuple[float, ...]
    pause: float
    requests: float
    tokens: float
    limit: float


Ending = Literal["lent", "wait", "no_money", "no_calls"]
"""What came of asking for money."""


@dataclass(frozen=True)
class Account:
    """What a worker has done with money so far, in all: dollars ``spent`` and ``calls``; and what it ``keeps`` of what
    it was lent, in dollars (set aside for requests in flight, and for its next ones) and ``keeps_calls``.
    """

    spent: float = 0.0
    calls: int = 0
    keeps: float = 0.0
    keeps_calls: int = 0


@dataclass(frozen=True)
class Loan:
    """``dollars`` and ``calls`` lent now. ``state`` is ``lent``; ``wait``, where others may leave some; ``no_money`` or
    ``no_calls``, where nobody will. All workers have ``spent`` so much and sent ``total`` requests; ``left`` is this
    worker's share of the dollars that nobody has claimed.
    """

    dollars: float
    calls: int
    state: Ending
    spent: float
    total: int
    left: float


@dataclass(frozen=True)
class Pulse:
    """What a worker told of itself last, so many seconds ago."""

    age: float
    told: Mapping[str, Any]


@dataclass(frozen=True)
class State:
    """How a run stands: its workers by name, dollars and requests of all workers there were (``spent``, ``calls``),
    what is lent to those that are there (``lent``, ``lent_calls``) and what the dead had (``lost``, ``lost_calls``),
    what holds requests back at each endpoint, and why the run is to stop.
    """

    workers: Mapping[str, Pulse]
    spent: float
    calls: int
    lent: float
    lent_calls: int
    lost: float
    lost_calls: int
    holds: Mapping[str, Hold | None]
    stopped: str = ""
