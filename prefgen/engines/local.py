"""Shards side by side in this process; results come out in the order in which the shards went in."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

Shard = TypeVar("Shard")
Result = TypeVar("Result")

BACKLOG = 4
"""Finished shards that may wait for a slow one before them, as a multiple of those that run."""


async def run_shards(
    shards: Iterable[Shard],
    work: Callable[[Shard], Awaitable[Result]],
    *,
    side_by_side: int,
    may_begin: Callable[[Shard], Awaitable[bool]] | None = None,
) -> AsyncGenerator[Result]:
    """The results of ``work``, in order, with at most ``side_by_side`` shards under way, until one may not begin.

    When one fails no more are started, those under way come to their end (their replies are paid for), and
    the first failure is raised.
    """
    places, over = asyncio.Semaphore(side_by_side), asyncio.Event()
    window: deque[asyncio.Task[Result]] = deque()

    async def placed(shard: Shard) -> Result:
        try:
            return await work(shard)
        except BaseException:
            over.set()
            raise
        finally:
            places.release()

    try:
        for shard in shards:
            await places.acquire()
            if over.is_set() or (may_begin and not await may_begin(shard)) or over.is_set():
                places.release()
                break
            window.append(asyncio.create_task(placed(shard)))
            while window and (window[0].done() or len(window) > BACKLOG * side_by_side):
                yield await window.popleft()
        while window:
            yield await window.popleft()
    finally:
        await asyncio.gather(*window, return_exceptions=True)
