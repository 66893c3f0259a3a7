"""Which faults wait, how long, and when it is enough. Nothing here sleeps: waits are noted down."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from prefgen.errors import PrefgenError, ProviderError, RowFailed, TryAgain
from prefgen.llm.retry import ASKED_CAP, BASE, CAP, PATIENCE, retrying
from tests.sim import virtual


def rate_limit(wait: float | None = None) -> TryAgain:
    return TryAgain("rate_limited", "429", attempts=0, wait=wait)


def overload(attempts: int = 6, wait: float | None = None) -> TryAgain:
    return TryAgain("overloaded", "503", attempts=attempts, wait=wait)


def tried(faults: Sequence[PrefgenError]) -> tuple[list[float], list[TryAgain], PrefgenError | str]:
    """The waits of a call that meets these faults one after another, those that were noted, and the end of it."""
    left, waits, noted = list(faults), list[float](), list[TryAgain]()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def note(fault: TryAgain) -> None:
        noted.append(fault)

    async def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    try:
        return waits, noted, asyncio.run(retrying(note, sleep)(call))
    except PrefgenError as e:
        return waits, noted, e


def test_waits_are_drawn_from_nothing_up_to_a_doubling_bound() -> None:
    runs = [tried([rate_limit()] * 9)[0] for _ in range(200)]
    for k, waits in enumerate(zip(*runs, strict=True)):
        bound = min(CAP, BASE * 2**k)
        assert 0 <= min(waits) < bound / 4
        assert bound * 3 / 4 < max(waits) <= bound
    assert bound == CAP == 60


def test_waits_stay_capped_after_very_many_tries() -> None:
    waits, _, end = tried([rate_limit()] * 1100)
    assert end == "done"
    assert max(waits) <= CAP


@pytest.mark.parametrize("fault", [rate_limit, overload])
@pytest.mark.parametrize(("asked", "waited"), [(0.0, 0.0), (7.5, 7.5), (90.0, 90.0), (ASKED_CAP, 600.0), (1e9, 600.0)])
def test_a_wait_that_is_asked_for_is_kept_to_and_capped(
    asked: float, waited: float, fault: Callable[..., TryAgain]
) -> None:
    waits = [wait for _ in range(40) for wait in tried([fault(wait=asked)] * 2)[0]]
    assert all(waited <= wait <= waited + BASE for wait in waits)
    assert len(set(waits)) > 1


@pytest.mark.parametrize("attempts", [1, 2, 4, 6])
def test_a_fault_is_worth_its_tries_and_the_last_is_raised(attempts: int) -> None:
    faults = [overload(attempts) for _ in range(attempts)]
    waits, noted, end = tried(faults)
    assert end is faults[-1]
    assert noted == faults
    assert len(waits) == attempts - 1
    assert tried(faults[1:])[2] == "done"


def test_rate_limits_cost_no_tries() -> None:
    faults: list[PrefgenError] = [fault for _ in range(6) for fault in (*[rate_limit()] * 20, overload())]
    assert tried(faults[:-1])[2] == "done"
    waits, noted, end = tried(faults)
    assert end is faults[-1]
    assert (len(waits), len(noted)) == (125, 126)


def test_tries_of_all_kinds_are_counted_together() -> None:
    timeout = TryAgain("timeout", "slow", attempts=2)
    assert tried([timeout, overload()])[2] == "done"
    assert tried([overload(), timeout])[2] is timeout


@pytest.mark.parametrize("fault", [RowFailed("bad_request", "no"), ProviderError("no key")])
def test_other_errors_are_not_retried(fault: PrefgenError) -> None:
    assert tried([fault]) == ([], [], fault)
    assert tried([overload(), fault])[2] is fault


def test_each_call_has_tries_of_its_own() -> None:
    assert [tried([overload()] * 5)[2] for _ in range(3)] == ["done"] * 3


@pytest.mark.parametrize(("asked", "fewest"), [(0.0, 3600), (60.0, 59), (600.0, 6)])
def test_patience_ends_even_where_no_tries_are_counted(asked: float, fewest: int) -> None:
    """On a virtual clock: an hour of rate limits."""
    times: list[float] = []

    async def note(fault: TryAgain) -> None:
        times.append(asyncio.get_running_loop().time())

    async def call() -> str:
        raise rate_limit(wait=asked)

    async def go() -> None:
        with pytest.raises(TryAgain):
            await retrying(note)(call)

    virtual.run(go())
    assert PATIENCE <= times[-1] <= PATIENCE + asked + BASE
    assert len(times) >= fewest
