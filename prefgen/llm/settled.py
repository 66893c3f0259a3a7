"""Work side by side, each piece of which is let come to its end, since it is paid for."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def settled(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, in order. Where one fails the others are first let come to their end. A single piece needs no task
    of its own.
    """
    pieces = list(work)
    if len(pieces) == 1:
        return [await pieces[0]]
    results = await asyncio.gather(*pieces, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
