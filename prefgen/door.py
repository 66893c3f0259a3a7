"""Async inside, sync at the door: how work is brought to its end, and how Ctrl-C stops it.

In a notebook a loop runs already; the work then has a loop and a thread of its own. The library of loops is imported
when work begins: what only asks for help, or imports prefgen, needs none.
"""

import gc
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LOOK = 0.2
"""Seconds between two looks at whether to stop, where no signal reaches the loop."""


FEWER = (50_000, 20, 100)
"""Python's collector looks at what is new every 700 objects, which a run makes for each few replies."""


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Garbage that only a collector finds is looked for less often, and not among what is there already: of a run,
    which leaves hardly any, looking takes up to a third.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*FEWER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def finished(work: Coroutine[Any, Any, T], stop: threading.Event | None = None) -> T:
    """The result of the work, whether or not a loop runs here. ``stop`` is set by Ctrl-C where one does."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    if not _is_inside():
        return asyncio.run(work)
    with ThreadPoolExecutor(1, thread_name_prefix="prefgen") as pool:
        future = pool.submit(copy_context().run, asyncio.run, work)
        try:
            return future.result()
        except KeyboardInterrupt:
            if stop:
                stop.set()
            return future.result()


def _is_inside() -> bool:
    """Whether a loop runs here. Asked apart: work begun while this error is handled would have it behind its own."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@asynccontextmanager
async def stoppable(halt: Callable[[], None], stop: threading.Event) -> AsyncIterator[None]:
    """Calls ``halt`` at the first Ctrl-C, or when ``stop`` is set; a second Ctrl-C ends the process."""
    import asyncio

    loop = asyncio.get_running_loop()

    def heard() -> None:
        _deaf(loop)
        halt()

    looking = None
    try:
        for one in SIGNALS:
            loop.add_signal_handler(one, heard)
    except (NotImplementedError, RuntimeError, ValueError):  # not the main thread, or a system without signals
        looking = asyncio.create_task(_looked(stop, halt))
    try:
        yield
    finally:
        _deaf(loop)
        if looking:
            looking.cancel()


async def _looked(stop: threading.Event, halt: Callable[[], None]) -> None:
    import asyncio

    while not stop.is_set():  # noqa: ASYNC110  # the one who sets it is in another thread, which knows no loop
        await asyncio.sleep(LOOK)
    halt()


def _deaf(loop: "asyncio.AbstractEventLoop") -> None:
    for one in SIGNALS:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(one)
