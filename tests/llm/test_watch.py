"""A run that stands still is ended, and says what it waits for. On a virtual clock."""

import asyncio
from pathlib import Path

import pytest

from prefgen.errors import RunError
from prefgen.llm.client import Client
from prefgen.llm.journal import Journal
from prefgen.llm.outcome import Tally
from prefgen.llm.request import Model, Request
from prefgen.llm.watch import watched
from tests.sim import virtual


def ended(folder: Path, seconds: float, *, timeout: float = 600.0, concurrency: int = 2) -> float:
    """When five requests, each of which takes so long, are over; or the watchdog's error."""

    async def slow(request: Request, seed: int) -> str:
        await asyncio.sleep(seconds)
        return "so"

    async def go() -> float:
        journal = Journal(folder / "j.sqlite")
        client = Client(journal, {"it": slow})
        model = Model("fake/it", timeout=timeout, concurrency=concurrency)
        try:
            async with watched(client):
                asked = (Request(model, [{"role": "user", "content": f"{n}"}]) for n in range(5))
                await asyncio.gather(*(client.draw(one, [0], Tally()) for one in asked))
        finally:
            journal.close()
        return asyncio.get_running_loop().time()

    return virtual.run(go())


def test_what_moves_is_left_alone(tmp_path: Path) -> None:
    assert ended(tmp_path, 500.0) == pytest.approx(1500)


def test_a_call_that_may_take_long_is_waited_for(tmp_path: Path) -> None:
    assert ended(tmp_path, 5000.0, timeout=6000.0) == pytest.approx(15000)


def test_what_stands_still_is_ended_and_named(tmp_path: Path) -> None:
    class Stuck(Client):
        """Its wire neither answers nor gives up."""

        @staticmethod
        async def _sent(*args: object, **more: object) -> None:  # type: ignore[override]
            await asyncio.Event().wait()

    async def go() -> float:
        journal = Journal(tmp_path / "j.sqlite")
        client, model = Stuck(journal, {"it": lambda request, seed: "so"}), Model("fake/it", concurrency=2)

        async def work() -> None:
            async with watched(client):
                asked = (Request(model, [{"role": "user", "content": f"{n}"}]) for n in range(5))
                await asyncio.gather(*(client.draw(one, [0], Tally()) for one in asked))

        try:
            with pytest.raises(RunError, match=r"nothing has come in for [\d,]+ s; waiting for: 2 answers; 3 requests"):
                await work()
        finally:
            journal.close()
        return asyncio.get_running_loop().time()

    assert 900 <= virtual.run(go()) < 1200


def test_a_verb_that_computes_is_no_standstill(tmp_path: Path) -> None:
    async def go() -> float:
        journal = Journal(tmp_path / "j.sqlite")
        async with watched(Client(journal)):
            await asyncio.sleep(5000)
        journal.close()
        return asyncio.get_running_loop().time()

    assert virtual.run(go()) == pytest.approx(5000)
