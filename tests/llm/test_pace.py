"""Places on the wire: as many as an endpoint has, and each free again however its request ended."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from prefgen.errors import Interrupted
from prefgen.llm.client import Client, Shut
from prefgen.llm.journal import Journal
from prefgen.llm.outcome import Tally
from prefgen.llm.pace import Pace
from prefgen.llm.request import Model, Request
from tests.sim import virtual

ONE = Model(use="fake/one", concurrency=3)
TASKS = 20


class Wire:
    """Counts how many are on it at once."""

    def __init__(self) -> None:
        self.pace, self.now, self.most = Pace(), 0, 0

    async def go(self, model: Model) -> None:
        async with self.pace.turn(model):
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.now -= 1


def most_at_once(*models: Model) -> int:
    """Of many requests to each of these."""
    wire = Wire()

    async def go() -> None:
        await asyncio.gather(*(wire.go(model) for model in models for _ in range(TASKS)))

    asyncio.run(go())
    assert (wire.pace.in_flight, wire.now) == (0, 0)
    return wire.most


@pytest.mark.parametrize("places", [1, 3, TASKS, 64])
def test_no_more_are_in_flight_than_the_endpoint_has_places(places: int) -> None:
    assert most_at_once(Model(use="fake/one", concurrency=places)) == min(places, TASKS)


@pytest.mark.parametrize(
    ("other", "most"),
    [
        (Model(use="fake/one", concurrency=3, temperature=0.5, max_tokens=9), 3),
        (Model(use="fake/two", concurrency=3), 6),
        (Model(use="fake/one", concurrency=3, base_url="http://127.0.0.1:9/v1"), 6),
    ],
    ids=["other sampling", "other model", "other address"],
)
def test_places_belong_to_an_endpoint_and_not_to_a_model_s_settings(other: Model, most: int) -> None:
    assert most_at_once(ONE, other) == most


@pytest.mark.parametrize(
    ("model", "at_once"),
    [
        (Model("openai/x", base_url="http://127.0.0.1:8000/v1"), 64),
        (Model("openai/x", base_url="http://vllm:8000/v1", concurrency=200), 200),
        (Model("openai/x", base_urls=["http://10.0.0.1/v1", "http://10.0.0.2/v1"], concurrency=50), 100),
        (Model("openai/x", base_url="https://router.example/v1"), 6),
        (Model("openai/x"), 6),
    ],
    ids=["this machine", "a private network", "two of them", "a router", "the provider"],
)
def test_a_server_of_ones_own_is_not_begun_with_slowly(model: Model, at_once: int) -> None:
    """Where nobody's account has a limit there is no rate to find; elsewhere a quarter of a second's worth goes first."""

    async def go() -> int:
        pace, over = Pace(), asyncio.Event()

        async def one() -> None:
            async with pace.turn(model):
                await over.wait()

        tasks = [asyncio.ensure_future(one()) for _ in range(300)]
        await asyncio.sleep(0)
        found = pace.in_flight
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return found

    assert virtual.run(go()) == at_once


def test_those_that_have_a_place_are_counted() -> None:
    pace = Pace()

    async def go() -> list[int]:
        seen = [pace.in_flight]
        async with pace.turn(ONE):
            seen.append(pace.in_flight)
            async with pace.turn(Model(use="fake/two")):
                seen.append(pace.in_flight)
            seen.append(pace.in_flight)
        return [*seen, pace.in_flight]

    assert asyncio.run(go()) == [0, 1, 2, 1, 0]


async def broken(pace: Pace) -> None:
    """A request that fails on the wire."""
    with pytest.raises(OSError, match="gone"):
        async with pace.turn(ONE):
            raise OSError("gone")


async def cancelled(pace: Pace) -> None:
    """A request that is given up on the wire."""
    task = asyncio.create_task(held(pace, asyncio.Event()))
    await asyncio.sleep(0)
    assert pace.in_flight == 1
    await given_up(task)


async def cancelled_in_the_queue(pace: Pace) -> None:
    """A request that is given up before it has a place."""
    over = asyncio.Event()
    holding = [asyncio.create_task(held(pace, over)) for _ in range(3)]
    waiting = asyncio.create_task(held(pace, over))
    await asyncio.sleep(0)
    assert pace.in_flight == 3
    await given_up(waiting)
    over.set()
    await asyncio.gather(*holding)


async def held(pace: Pace, until: asyncio.Event) -> None:
    async with pace.turn(ONE):
        await until.wait()


async def given_up(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("end", [broken, cancelled, cancelled_in_the_queue])
def test_a_place_is_free_again_however_its_request_ends(end: Callable[[Pace], Coroutine[Any, Any, None]]) -> None:
    async def go() -> int:
        wire = Wire()
        for _ in range(5):
            await end(wire.pace)
            assert wire.pace.in_flight == 0
        async with asyncio.timeout(5):
            await asyncio.gather(*(wire.go(ONE) for _ in range(TASKS)))
        return wire.most

    assert asyncio.run(go()) == 3


def test_those_that_wait_learn_at_once_that_nothing_more_is_sent(tmp_path: Path) -> None:
    """At one request a minute, a hundred of them would wait for more than an hour."""
    slow, ends = Model(use="fake/one", rpm=1), list[BaseException | object]()

    async def go() -> float:
        loop, client = asyncio.get_running_loop(), Client(Journal(tmp_path / "j.sqlite"), {"one": lambda *_: "so"})
        requests = [Request(slow, [{"role": "user", "content": f"{number}"}]) for number in range(100)]
        tasks = [asyncio.create_task(client.draw(one, [0], Tally())) for one in requests]
        await asyncio.wait(tasks, timeout=30)
        client.shut(Interrupted("stopped"))
        before = loop.time()
        ends.extend(await asyncio.gather(*tasks, return_exceptions=True))
        with pytest.raises(Shut):
            await client.draw(Request(slow, []), [0], Tally())
        await client.close()
        client.journal.close()
        return loop.time() - before

    assert virtual.run(go()) < 1
    assert {type(one) for one in ends} == {list, Shut}
    assert sum(isinstance(one, list) for one in ends) == 1
