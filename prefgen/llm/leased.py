"""A worker's side of the limits that all workers share (``prefgen.llm.permits``): gates and a budget with the same faces
as its own would have, filled from small leases.

What is needed next is asked for while there is some left, so that the wire's delay costs nothing. Where an endpoint has
no limit, and where no money is limited, nobody is asked.
"""

import asyncio
import math
from bisect import insort
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any

from prefgen.errors import RunError
from prefgen.llm.budget import Budget
from prefgen.llm.client import Client
from prefgen.llm.gate import Gate, Hold
from prefgen.llm.journal import Journal
from prefgen.llm.limits import NO_LIMITS, Limits
from prefgen.llm.pace import Line, Pace, is_yours, places
from prefgen.llm.permits import GRACE, LEASE, Account, Endpoint, Lease, News, safe
from prefgen.llm.request import Model

Ask = Callable[[str, tuple[Any, ...]], Awaitable[Any]]
"""Calls a method of the ``Permits``, wherever they are, with these arguments."""
LOOK = 1.0
"""Seconds after which a line that waits for permits looks again; it is told when they come."""


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
        self._tasks: set[asyncio.Task[None]] = set()
        self.budget = Budget(max_calls, max_cost)
        self.lost: Callable[[Exception], None] = lambda error: None

    def client(self, journal: Journal, fakes: Mapping[str, Any] | None = None, **how: Any) -> Client:
        """A client within these limits; ``how`` is what else it takes. It is shut where nobody answers any more."""
        client = Client(journal, fakes or {}, self.budget, pace=Pace(self.gate_of), **how)
        self.lost = client.shut
        return client

    def gate_of(self, endpoint: Model, line: Line) -> Gate:
        """This worker's gate to an endpoint."""
        raise NotImplementedError

    async def pulse(self, told: Mapping[str, Any]) -> bool:
        """Tells of this worker; gives whether it is to stop."""
        return bool(await self._ask("pulse", (self.worker, told)))

    async def close(self) -> None:
        """Gives back what is not needed, and tells what was spent, exactly: when the client is closed."""
        raise NotImplementedError


def share(most: int, workers: int, number: int) -> int:
    """Of places in flight, those of one of so many workers; one, at least."""
    return max(1, most // workers + (number < most % workers))


def most_workers(models: Iterable[Model], workers: int) -> int:
    """How many workers may run at once, so that each has a place in flight at every model and they do not come to more
    than any recipe states.
    """
    return min([workers, *(model.concurrency for model in models if model.concurrency)])
