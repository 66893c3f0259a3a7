"""Requests wait here for their turn: a line for each model, in front of the gates of its endpoints.

Retried requests stand first, so that stragglers do not end a run. Where a model has several endpoints, each request
goes to the one that is free the soonest, and of those to the one with the least in flight.
"""

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Self

from prefgen.errors import TryAgain
from prefgen.llm.gate import Gate
from prefgen.llm.hosts import is_private
from prefgen.llm.limits import NO_LIMITS
from prefgen.llm.prices import FREE
from prefgen.llm.request import Model

PLACES, PLACES_OF_YOURS = 256, 64
"""Requests in flight at most where the recipe does not say: to a provider, and to a server named by ``base_url``, which
is more often one machine."""
SOON = 1e-4
"""Seconds; what is as near as this is now."""
OUTPUT = 1024
"""Tokens guessed of a reply where neither a limit nor a reply is known yet."""


BEGUN: ContextVar[int] = ContextVar("BEGUN", default=0)
"""The place in the run's order of what a task asks for. Where requests wait, the one goes first that belongs to what
began first: so that the first results are there soon, and little is under way that is half done.
"""


@dataclass(order=True)
class _Ticket:
    """One that waits; those that wait again come first, then those of whoever began first."""

    rank: tuple[bool, int, int]
    tokens: float = field(compare=False)
    turn: "asyncio.Future[Gate]" = field(compare=False)


class Line:
    """The requests to one model that wait, and the gates of its endpoints."""

    def __init__(self, model: Model, gate_of: "GateOf") -> None:
        self.use = model.use
        self.gates = [gate_of(endpoint, self) for endpoint in model.endpoints()]
        self._waiting: list[_Ticket] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, tokens: float, *, again: bool) -> Gate:
        """The gate to go through, when its time has come."""
        if not self._waiting and (gate := self._open(asyncio.get_running_loop().time())):
            gate.enter(asyncio.get_running_loop().time(), tokens)
            return gate
        rank = (not again, BEGUN.get(), next(self._numbers))
        ticket = _Ticket(rank, tokens, asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiting, ticket)
        self.advance()
        try:
            return await ticket.turn
        except asyncio.CancelledError:
            if not ticket.turn.cancelled():  # its turn had come at the same moment
                self.leave(ticket.turn.result())
            raise

    def let_go(self) -> None:
        """Lets in all who wait, whatever the limits: to learn that nothing more is sent."""
        while ticket := self._first():
            heapq.heappop(self._waiting)
            self.gates[0].in_flight += 1
            ticket.turn.set_result(self.gates[0])

    def leave(self, gate: Gate) -> None:
        """A request has ended; the next one may go."""
        gate.leave()
        self.advance()

    def advance(self) -> None:
        """Lets in all whose time has come, and looks again when the next one's comes."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while ticket := self._first():
            now = asyncio.get_running_loop().time()
            if (gate := self._open(now)) is None:
                return
            heapq.heappop(self._waiting)
            gate.enter(now, ticket.tokens)
            ticket.turn.set_result(gate)

    def _open(self, now: float) -> Gate | None:
        """The gate that a request may go through now; where that is a question of time, its hour is kept."""
        free = [gate for gate in self.gates if gate.has_place]
        if not free:
            return None
        gate = free[0] if len(free) == 1 else min(free, key=lambda one: (one.wait(now), one.in_flight))
        for other in free:  # passed over because of its rate alone: it may be better than it is taken for
            if other.wait(now) > SOON and other.in_flight <= gate.in_flight:
                other.hold(now)
        if (wait := gate.wait(now)) <= SOON:
            return gate
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self.advance)
        return None

    def _first(self) -> _Ticket | None:
        while self._waiting and self._waiting[0].turn.done():  # given up while it waited
            heapq.heappop(self._waiting)
        return self._waiting[0] if self._waiting else None

    @property
    def counts_tokens(self) -> bool:
        """Whether an endpoint has a limit of tokens."""
        return any(gate.tokens.rate != math.inf for gate in self.gates)

    def guess(self, model: Model, prompt: float, draws: int) -> float:
        """Tokens that a request may use, by those that replies had so far."""
        seen = sorted(n for gate in self.gates for n in gate.outputs)
        output = seen[len(seen) * 9 // 10] if seen else OUTPUT
        return prompt + draws * min(output, model.max_tokens or output)

    @property
    def first(self) -> float:
        """Tokens of the request that stands first, about; nothing where none does."""
        return self._waiting[0].tokens if self._waiting else 0.0

    @property
    def waiting(self) -> int:
        """Requests that stand here, about: one that was given up is forgotten when its turn comes."""
        return len(self._waiting)

    def waits(self, now: float) -> str:
        """What those that stand here wait for, in words; nothing where none does."""
        number = sum(not ticket.turn.done() for ticket in self._waiting)
        if not number:
            return ""
        soonest = min(gate.wait(now) for gate in self.gates)
        why = f"for {soonest:.0f} s more" if soonest > SOON else "for a place in flight"
        return f"{number:,} requests to {self.use} wait {why}"


GateOf = Callable[[Model, Line], Gate]
"""Makes the gate of one endpoint, behind the line in which its requests wait."""


class Turn:
    """A place on the wire to one endpoint, the ``endpoint``-th of its model, for as long as it is entered. ``limits``
    and tokens are filled in by who has it.
    """

    def __init__(self, line: Line, guessed: float, *, again: bool) -> None:
        self._line, self._guessed, self._again = line, guessed, again
        self.endpoint = self.used = self.written = 0
        self.limits = NO_LIMITS

    async def __aenter__(self) -> Self:
        self._gate = await self._line.enter(self._guessed, again=self._again)
        self.endpoint = self._line.gates.index(self._gate)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        now = asyncio.get_running_loop().time()
        if error is None:
            self._gate.served(now, self.limits, self._guessed, self.used, self.written)
        elif isinstance(error, TryAgain):
            self._gate.failed(now, error, others=len(self._line.gates) > 1)
        self._line.leave(self._gate)


def own_gate(endpoint: Model, line: Line) -> Gate:  # noqa: ARG001
    """The gate of an endpoint that this process alone asks."""
    return Gate(places(endpoint), endpoint.rpm, endpoint.tpm, paced=not is_yours(endpoint))


class Pace:
    """The lines of all models; ``gate_of`` makes the gates behind them."""

    def __init__(self, gate_of: GateOf = own_gate) -> None:
        self._gate_of = gate_of
        self._lines: dict[tuple[str, tuple[str | None, ...]], Line] = {}

    @property
    def in_flight(self) -> int:
        """Requests on the wire now."""
        return sum(gate.in_flight for line in self._lines.values() for gate in line.gates)

    def let_go(self) -> None:
        """Lets in all who wait."""
        for line in self._lines.values():
            line.let_go()

    @property
    def lines(self) -> list[Line]:
        """Of the models asked so far."""
        return [*self._lines.values()]

    def line(self, model: Model) -> Line:
        """The line of this model."""
        place = _place(model)
        if place not in self._lines:
            self._lines[place] = Line(model, self._gate_of)
        return self._lines[place]

    def turn(self, model: Model, prompt: float = 0, draws: int = 1, *, again: bool = False) -> Turn:
        """A place on the wire to this model, when it is entered; ``prompt`` is about how many tokens are sent."""
        line = self.line(model)
        return Turn(line, line.guess(model, prompt, draws), again=again)

    def waits(self, now: float) -> list[str]:
        """What requests wait for, in words, a line for each model."""
        return [words for line in self._lines.values() if (words := line.waits(now))]


def most_in_flight(models: Iterable[Model]) -> int:
    """Requests to all of these models, at all of their endpoints, that may be on the wire at once."""
    return sum(
        places(endpoint) for one in {_place(model): model for model in models}.values() for endpoint in one.endpoints()
    )


def _place(model: Model) -> tuple[str, tuple[str | None, ...]]:
    """What a line is for: another sampling of a model stands in the same one."""
    return model.use, tuple(model.base_urls) or (model.base_url,)


def places(endpoint: Model) -> int:
    """Requests to this endpoint that may be on the wire at once."""
    return endpoint.concurrency or (PLACES_OF_YOURS if endpoint.base_url or endpoint.provider in FREE else PLACES)


def is_yours(endpoint: Model) -> bool:
    """Whether no account's limit is to be expected: a model in this process, a server of this machine or network."""
    return endpoint.provider in FREE or bool(endpoint.base_url and is_private(endpoint.base_url))
