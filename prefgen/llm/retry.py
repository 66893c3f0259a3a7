"""Which faults wait, how long, and when it is enough."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import tenacity

from prefgen.errors import TryAgain

BASE, CAP = 1.0, 60.0
"""Full jitter: a wait drawn from nothing up to 1, 2, 4 … 60 seconds."""
ASKED_CAP = 600.0
"""The longest wait that a provider may ask for."""
PATIENCE = 3600.0
"""Seconds after which even waits that do not count as tries come to an end."""

Sleep = Callable[[float], Awaitable[None]]


def retrying(
    note: Callable[[TryAgain], Awaitable[None]], sleep: Sleep = asyncio.sleep, chance: random.Random | None = None
) -> tenacity.AsyncRetrying:
    """Retries TryAgain, with waits drawn from ``chance``. Each fault says how many tries it is worth; rate limits cost
    none of them. ``note`` is told of every fault; the last one is raised when it is enough.
    """
    tries, began, chance = 0, 0.0, chance or random.Random()  # noqa: S311

    def begin(state: tenacity.RetryCallState) -> None:
        nonlocal began
        began = began if state.attempt_number > 1 else asyncio.get_running_loop().time()

    def wait(state: tenacity.RetryCallState) -> float:
        return _wait(state, chance)

    async def count(state: tenacity.RetryCallState) -> None:
        nonlocal tries
        fault = _fault(state)
        tries += fault.attempts > 0
        await note(fault)

    def enough(state: tenacity.RetryCallState) -> bool:
        worth = _fault(state).attempts
        return (worth > 0 and tries >= worth) or asyncio.get_running_loop().time() - began >= PATIENCE

    again = tenacity.retry_if_exception_type(TryAgain)
    return tenacity.AsyncRetrying(
        sleep=sleep, before=begin, retry=again, after=count, stop=enough, wait=wait, reraise=True
    )


def _wait(state: tenacity.RetryCallState, chance: random.Random) -> float:
    asked = _fault(state).wait
    if asked is not None:
        return min(asked, ASKED_CAP) + chance.uniform(0.0, BASE)
    return chance.uniform(0.0, min(CAP, BASE * 2.0 ** min(state.attempt_number - 1, 10)))


def _fault(state: tenacity.RetryCallState) -> TryAgain:
    fault = state.outcome.exception() if state.outcome else None
    if not isinstance(fault, TryAgain):
        raise TypeError(f"{fault!r} is not for retrying")
    return fault
