"""Shards side by side in this process; results come out in the order in which the shards went in."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

Shard = TypeVar("Shard")
Result = TypeVar("Result")
Leave = Callable[[], None]

BACKLOG = 4
"""Items of finished shards that may wait for a slow one before them, as a multiple of those under way."""


class Places:
    """How many items may be under way."""

    def __init__(self, places: int) -> None:
        self.most, self._free = places, places
        self._left = asyncio.Event()

    async def take(self, items: int) -> Leave:
        """Waits for places for a shard's items. Gives what gives one of them back, and does nothing when all are."""
        taken = min(self.most, max(1, items))
        while self._free < taken:
            self._left.clear()
            await self._left.wait()
        self._free -= taken

        def leave() -> None:
            nonlocal taken
            if taken:
                taken, self._free = taken - 1, self._free + 1
                self._left.set()

        return leave


async def run_shards(
    shards: Iterable[Shard],
    work: Callable[[Shard, Leave], Awaitable[Result]],
    *,
    places: int,
    size: Callable[[Shard], int] = lambda _: 1,
    may_begin: Callable[[Shard], Awaitable[bool]] | None = None,
    backlog: int = BACKLOG,
) -> AsyncGenerator[Result]:
    """The results of ``work``, in order, until a shard may not begin. ``places`` is how many items may be under way:
    a shard takes one for each of its ``size``, and gives each back by the function that it is handed, so that the next
    one begins while its last items are waited for.

    When a shard fails no more are started, those under way come to their end (their replies are paid for), and
    the first failure is raised.
    """
    free, over = Places(places), asyncio.Event()
    window: deque[tuple[asyncio.Task[Result], int]] = deque()
    held = 0

    async def placed(shard: Shard, leave: Leave) -> Result:
        try:
            return await work(shard, leave)
        except BaseException:
            over.set()
            raise
        finally:
            for _ in range(size(shard)):
                leave()

    try:
        for shard in shards:
            items = size(shard)
            leave = await free.take(items)
            if over.is_set() or (may_begin and not await may_begin(shard)) or over.is_set():
                break
            window.append((asyncio.create_task(placed(shard, leave)), items))
            held += items
            while window and (window[0][0].done() or held > backlog * places):
                task, items = window.popleft()
                held -= items
                yield await task
        while window:
            yield await window.popleft()[0]
    finally:
        await asyncio.gather(*(task for task, _ in window), return_exceptions=True)
