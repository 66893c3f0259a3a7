"""A watchdog: ends a run that stands still, and names what it waits for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefgen.errors import RunError
from prefgen.llm.client import Client

STILL = 900.0
"""Seconds without any answer, good or bad, while some are waited for; longer where a call may take longer."""
AGAIN = 5.0
"""Seconds between two tries to end what does not want to end."""


@asynccontextmanager
async def watched(client: Client, *, still: float = STILL) -> AsyncIterator[None]:
    """Runs the block under the watchdog. Raises RunError where it stood still."""
    work, found = asyncio.current_task(), list[RunError]()
    if work is None:
        raise RuntimeError("a watchdog needs a task to watch")
    dog = asyncio.create_task(_look(client, work, still, found))
    try:
        yield
    except asyncio.CancelledError:
        if found:
            raise found[0] from None
        raise
    finally:
        dog.cancel()


async def _look(client: Client, work: "asyncio.Task[object]", still: float, found: list[RunError]) -> None:
    """Looks now and then; where nothing moves, sends nothing more and ends the work."""
    loop = asyncio.get_running_loop()
    client.moved = loop.time()
    while True:
        rest = client.moved + max(still, client.longest) - loop.time()
        if rest <= 0 and client.waits():
            break
        await asyncio.sleep(max(rest, still / 10))
    waits = f"nothing has come in for {loop.time() - client.moved:,.0f} s; waiting for: {'; '.join(client.waits())}"
    found.append(RunError(f"{waits}; what was received is kept, and the same command goes on"))
    client.shut(found[0])
    while True:
        work.cancel()
        await asyncio.sleep(AGAIN)
