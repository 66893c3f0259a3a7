"""A worker at its range: what it leaves, whatever ends it, and what whoever comes after it finds."""

import asyncio
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefgen import run
from prefgen.far.product import unpacked
from prefgen.far.ranges import segments_of
from prefgen.far.scratch import scratch
from prefgen.far.worker import Came
from prefgen.llm.journal import Attempt, Entry, Journal
from prefgen.llm.segments import take_in
from prefgen.storage import Storage
from tests.far.five import recipe
from tests.far.here import Bench, own_scratch
from tests.servers import OpenAIServer, Response
from tests.spoken import spoken

__all__ = ["own_scratch"]
FEW = "steps.all.take=4"


pytestmark = pytest.mark.usefixtures("own_scratch")


def test_a_product_is_what_a_run_has_of_these_prompts(tmp_path: Path) -> None:
    with OpenAIServer(spoken) as server:
        bench = Bench(recipe(server, "steps.all.take=1"), str(tmp_path / "meet"))
        came = bench.make()
        alone = run(recipe(server, "steps.all.take=1"), tmp_path / "alone")
    content = Storage(bench.storage).get(came.product)
    assert content is not None
    product = unpacked(content, bench.plan, came.product)
    for table, made in product.made.items():
        assert made.table.equals(alone.table(table)), table
        assert replace(made.count, tally=alone.counts[table].tally) == alone.counts[table], table
        assert vars(product.tallies[table]) == vars(alone.counts[table].tally)


def test_a_worker_leaves_its_replies_and_no_journal(tmp_path: Path) -> None:
    with OpenAIServer(spoken) as server:
        bench = Bench(recipe(server, FEW), str(tmp_path / "meet"))
        bench.make()
        sent = len(server.requests)
    storage = Storage(bench.storage)
    home = Journal(tmp_path / "home.sqlite")

    async def taken() -> None:
        for name in storage.names("segments"):
            await take_in(home, name, storage.get(name) or b"")

    asyncio.run(taken())
    assert len(home) == sent
    assert not list((tmp_path / "scratch").glob("prefgen-range-*"))
    home.close()


def test_one_that_is_told_to_stop_leaves_what_it_has(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> str:
        if len(server.requests) == 10:
            bench.desk.stop(True)
        return spoken(body)

    with OpenAIServer(answer, latency=0.2) as server:
        bench = Bench(recipe(server, "steps.all.take=12"), str(tmp_path / "meet"))
        bench.ranges = [bench.plan.steps[bench.root].source.first(12)]  # type: ignore[union-attr]
        came = bench.make()
        before = len(server.requests)
        assert (came.end, came.product) == ("Interrupted", "")
        bench.desk.stop(False)
        server.latency = 0.0
        assert bench.make().product
        alone = Bench(recipe(server, "steps.all.take=12"), str(tmp_path / "other"))
        alone.ranges, sent = bench.ranges, len(server.requests)
        alone.make()
        assert before < len(server.requests) - sent == sent  # stopped and gone on: no request more


@pytest.mark.parametrize(
    ("fault", "end", "words"),
    [
        (
            Response({"error": {"message": "no such key", "code": "invalid_api_key"}}, 401),
            "ProviderError",
            "no such key",
        ),
        (Response({"error": {"message": "no such model"}}, 404), "ProviderError", "no such model"),
    ],
)
def test_what_ends_a_run_is_told(fault: Response, end: str, words: str, tmp_path: Path) -> None:
    with OpenAIServer(spoken, faults=[fault]) as server:
        came = Bench(recipe(server, FEW), str(tmp_path)).make()
    assert came.end == end
    assert words in came.words


def test_a_limit_of_calls_ends_a_worker(tmp_path: Path) -> None:
    with OpenAIServer(spoken) as server:
        bench = Bench(recipe(server, FEW), str(tmp_path), max_calls=3)
        came = bench.make()
        assert (came.end, len(server.requests)) == ("BudgetReached", 3)
        assert "3 requests sent, the limit of --max-calls" in came.words


def test_who_comes_after_a_killed_worker_on_its_machine_finds_its_journal(tmp_path: Path) -> None:
    """What a process that was killed had not exported: its journal lies there, and nobody holds it."""
    storage, segments = Storage(tmp_path / "meet"), segments_of("a/range")

    async def killed() -> None:
        async with scratch(storage, segments, every=99) as journal:
            await journal.put([Entry(b"k" * 32, {"choice": 1}, 1, 1, 0.5, "m")])
            kept = {path.name: path.read_bytes() for path in journal.path.parent.iterdir()}
        home = next(iter([journal.path.parent]))
        home.mkdir()
        for name, content in kept.items():
            (home / name).write_bytes(content)

    async def after() -> tuple[int, float]:
        async with scratch(storage, segments) as journal:
            return len(journal), journal.spent()

    asyncio.run(killed())
    storage.remove(storage.names())
    assert asyncio.run(after()) == (1, 0.5)
    assert len(storage.names(segments)) == 1


def test_who_comes_after_a_lost_machine_finds_what_was_exported(tmp_path: Path) -> None:
    storage, segments = Storage(tmp_path / "meet"), segments_of("a/range")

    async def worked() -> None:
        async with scratch(storage, segments, every=0.05) as journal:
            await journal.put([Entry(b"k" * 32, {"choice": 1}, 1, 1, 0.5, "m")])
            for _ in range(500):
                await asyncio.sleep(0.02)
                if storage.names(segments):
                    break
            assert storage.names(segments)

    async def after() -> tuple[int, float]:
        async with scratch(storage, segments, whose="another machine") as journal:
            return len(journal), journal.spent()

    asyncio.run(worked())
    assert asyncio.run(after()) == (1, 0.5)
    assert len(storage.names(segments)) == 1  # what was taken in is not exported again


def test_a_storage_that_is_away_for_a_while_loses_nothing(tmp_path: Path) -> None:
    class Away(Storage):
        left = 2

        def put(self, name: str, content: bytes) -> None:
            from prefgen.errors import RunError

            Away.left -= 1
            if Away.left >= 0:
                raise RunError("away")
            super().put(name, content)

    storage, segments = Away(tmp_path / "meet"), segments_of("a/range")

    async def worked() -> None:
        async with scratch(storage, segments, every=0.02) as journal:
            await journal.put([Entry(b"k" * 32, {"choice": 1}, 1, 1, 0.5, "m")])
            await asyncio.sleep(0.3)

    asyncio.run(worked())
    assert len(storage.names(segments)) == 1


def test_a_worker_whose_place_another_took_is_let_go(tmp_path: Path) -> None:
    """Ray may take a worker for lost that lives: it is told to stop, and makes nothing more."""

    def answer(body: dict[str, Any]) -> str:
        if len(server.requests) == 5:
            bench.desk.begin(bench.name(0))
        return spoken(body)

    with OpenAIServer(answer, latency=0.2) as server:
        bench = Bench(recipe(server, "steps.all.take=8"), str(tmp_path / "meet"))
        bench.ranges = [bench.plan.steps[bench.root].source.first(8)]  # type: ignore[union-attr]
        assert bench.make() == Came(end="Interrupted", words="stopped")


def test_one_that_is_taken_for_lost_lets_its_journal_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the journal on this machine for a quarter of a minute yet, if nobody tells it."""
    monkeypatch.setattr("prefgen.far.scratch.PATIENCE", 6.0)
    came: list[Came] = []
    with OpenAIServer(spoken, latency=0.3) as server:
        slow = [f"models.{name}.concurrency=1" for name in ("writer", "judge")]
        bench = Bench(recipe(server, "steps.all.take=16", *slow), str(tmp_path / "meet"))
        bench.ranges = [bench.plan.steps[bench.root].source.first(16)]  # type: ignore[union-attr]
        lost = threading.Thread(target=lambda: came.append(bench.make()))
        lost.start()
        while len(server.requests) < 2:
            time.sleep(0.01)
        server.latency = 0.0
        assert bench.make().product
        lost.join()
    assert came == [Came(end="Interrupted", words="stopped")]


def test_a_machine_that_does_not_see_the_storage_asks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.far.here.Storage", lambda url: Storage(tmp_path / "of the driver"))
    with OpenAIServer(spoken) as server:
        came = Bench(recipe(server, FEW), str(tmp_path / "meet")).make()
        assert not server.requests
    assert came.end == "RunError"
    assert "does not see what the run put there; name one that all machines see with --storage" in came.words


def test_what_a_journal_had_to_leave_beside_it_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage, segments = Storage(tmp_path / "meet"), segments_of("a/range")

    def full(_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async def worked() -> None:
        async with scratch(storage, segments) as journal:
            journal.jot(Attempt(b"k" * 32, "late", "too late", billed=True, dollars=0.25))
            monkeypatch.setattr(journal.store, "write", full)

    async def after() -> float:
        async with scratch(storage, segments) as journal:
            return journal.spent()

    asyncio.run(worked())
    assert asyncio.run(after()) == 0.25
    assert not list((tmp_path / "scratch").iterdir())
