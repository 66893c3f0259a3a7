"""How fast an endpoint is asked: today a cap on requests in flight, one for each endpoint."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefgen.llm.request import Model


class Pace:
    """Gates before the wire. A request that waits to be retried stands outside and holds no place."""

    def __init__(self) -> None:
        self._gates: dict[tuple[str, str | None], asyncio.Semaphore] = {}
        self.in_flight = 0

    @asynccontextmanager
    async def turn(self, model: Model) -> AsyncIterator[None]:
        """A place on the wire to this model's endpoint."""
        gate = self._gates.setdefault((model.use, model.base_url), asyncio.Semaphore(model.concurrency))
        async with gate:
            self.in_flight += 1
            try:
                yield
            finally:
                self.in_flight -= 1
