"""A crash at each point of the protocol: nothing is paid twice, nothing is lost.

A point is a request to the provider or a commit to the disk, before it happens or after. There the process ends: what
it does after that reaches neither. Then the next one begins.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from prefgen.llm.batch.gather import Batches
from prefgen.llm.batch.protocol import Settings
from prefgen.llm.client import Client
from prefgen.llm.journal import Journal
from prefgen.llm.outcome import Tally
from prefgen.llm.request import Request
from prefgen.llm.store import Insert, Sqlite
from tests.llm.batch_servers import AnthropicBatchServer, Batched, OpenAIBatchServer, Twist
from tests.llm.test_batch import FAST, SERVERS, answer, keys, model, requests, texts
from tests.servers import Response

__all__ = ["keys"]

REQUESTS, DRAWS = 3, 2
Point = tuple[Literal["call", "commit"], int, Literal["before", "after"]]


@dataclass
class Fate:
    """When a process ends: at the so-manieth call or commit. ``seen`` counts them."""

    point: Point | None = None
    seen: dict[str, int] = field(default_factory=lambda: {"call": 0, "commit": 0})
    dead: bool = False
    strike: Callable[[], None] = lambda: None

    def comes(self, kind: Literal["call", "commit"], when: Literal["before", "after"]) -> bool:
        """Whether it ends here; from then on it has ended."""
        if when == "before":
            self.seen[kind] += 1
        if not self.dead and self.point == (kind, self.seen[kind], when):
            self.dead = True
            self.strike()
        return self.dead


class Mortal(Sqlite):
    """A disk that a dead process does not reach."""

    fate: Fate

    def write(self, inserts: Sequence[Insert]) -> None:
        if not self.fate.comes("commit", "before"):
            super().write(inserts)
            self.fate.comes("commit", "after")


def session(folder: Path, server: Batched, fate: Fate, how: bool | Settings = FAST) -> list[list[str]] | None:
    """One process, to its end: what it found, or nothing."""

    async def go() -> list[list[str]] | None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        fate.strike = lambda: loop.call_soon_threadsafe(over.set)  # type: ignore[assignment]
        server.stumble = lambda method, path, when: fate.comes("call", when)
        store = Mortal(folder / "j.sqlite")
        store.fate = fate
        client = Client(Journal(store.path, store=store))
        client.batches = Batches(client, how)
        of = requests(model(server), REQUESTS)
        work = asyncio.create_task(asked(client, of))
        end = asyncio.create_task(over.wait())
        await asyncio.wait([work, end], return_when=asyncio.FIRST_COMPLETED)
        found = None if fate.dead else await work
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with suppress(BaseException):
                await task
        for endpoint in client.batches._open:
            await endpoint.close()
        await client.close()
        store.close()
        return found

    return asyncio.run(go())


async def asked(client: Client, of: Sequence[Request]) -> list[list[str]]:
    if client.batches:
        await client.batches.open([one.model for one in of], lambda _: None)
    found = await asyncio.gather(*(client.draw(one, range(DRAWS), Tally()) for one in of))
    await client.close()
    return texts(found)


def history(folder: Path, server: Batched, points: Sequence[Point]) -> tuple[list[list[str]], Fate]:
    """Processes that end at these points, and one that goes on to its end."""
    for point in points:
        if (found := session(folder, server, fate := Fate(point))) is not None:
            return found, fate
    found = session(folder, server, fate := Fate())
    assert found is not None
    return found, fate


def points(fate: Fate) -> Iterator[Point]:
    """All points of an undisturbed process."""
    for kind, number in fate.seen.items():
        for n in range(1, number + 1):
            yield kind, n, "before"  # type: ignore[misc]
            yield kind, n, "after"  # type: ignore[misc]


def holds(folder: Path, server: Batched, found: list[list[str]], expected: list[list[str]]) -> None:
    assert found == expected
    assert max(server.all_paid().values()) == 1
    journal = Journal(folder / "j.sqlite")
    assert len(journal) == REQUESTS * DRAWS
    assert not [one for one in journal.store.batches() if one[1] == "intent" and not over(journal, one[0])]
    journal.close()
    assert not list((folder / "batches").glob("*"))
    unused = set(server.files) - {one.file for one in server.batches}
    assert not [one for one in unused if server.files[one][0].startswith("prefgen-")]


def over(journal: Journal, tag: str) -> bool:
    return any(state in {"done", "dropped"} for one, state, _ in journal.store.batches() if one == tag)


def undisturbed(folder: Path, kind: type[Batched]) -> tuple[list[list[str]], list[Point]]:
    with kind(answer) as server:
        found, fate = history(folder, server, [])
        holds(folder, server, found, found)
    return found, list(points(fate))


def each(number: int, work: Callable[[int], None]) -> None:
    """Does it for each number below; four at a time, for processes that are looked at here wait most of the time."""
    with ThreadPoolExecutor(4) as pool:
        assert len([*pool.map(work, range(number))]) == number


both = pytest.mark.parametrize("kind", SERVERS, ids=["openai", "anthropic"])


def test_a_crash_at_some_points(tmp_path: Path) -> None:
    """As the others, which are slow: around the moment at which a batch is made."""
    expected, _ = undisturbed(tmp_path / "whole", AnthropicBatchServer)
    for number, point in enumerate([("call", 2, "after"), ("commit", 2, "after"), ("commit", 4, "after")]):
        with AnthropicBatchServer(answer) as server:
            holds(tmp_path / str(number), server, history(tmp_path / str(number), server, [point])[0], expected)  # type: ignore[list-item]


@pytest.mark.slow
@both
def test_a_crash_at_each_point(kind: type[Batched], tmp_path: Path) -> None:
    expected, found = undisturbed(tmp_path / "whole", kind)
    assert len(found) > 20

    def once(number: int) -> None:
        with kind(answer) as server:
            folder = tmp_path / str(number)
            holds(folder, server, history(folder, server, [found[number]])[0], expected)

    each(len(found), once)


@pytest.mark.slow
@both
def test_two_crashes_one_after_the_other(kind: type[Batched], tmp_path: Path) -> None:
    """The second one comes while what the first one left is taken up."""
    expected, found = undisturbed(tmp_path / "whole", kind)
    chance = random.Random(0)
    pairs = [(first, second) for first in found for second in chance.sample(found, 2)]
    reached = list[int]()

    def twice(number: int) -> None:
        with kind(answer) as server:
            folder = tmp_path / str(number)
            left = session(folder, server, Fate(pairs[number][0]))
            if left is None:
                reached.append(number)
                left = history(folder, server, [pairs[number][1]])[0]
            holds(folder, server, left, expected)

    each(len(pairs), twice)
    assert len(reached) > len(found)


@pytest.mark.slow
@both
def test_a_crash_at_each_point_where_a_batch_expires(kind: type[Batched], tmp_path: Path) -> None:
    """And the next session goes on with what is left, in a batch or online."""
    expected, _ = undisturbed(tmp_path / "whole", kind)
    with kind(answer, twists=[Twist(expire=1)]) as server:
        session(tmp_path / "seen", server, fate := Fate())
    seen = list(points(fate))

    def once(number: int) -> None:
        with kind(answer, twists=[Twist(expire=1)]) as server:
            found, _ = history(tmp_path / str(number), server, [seen[number]])
            assert found == expected
            assert max(server.all_paid().values()) == 1

    each(len(seen), once)


@pytest.mark.slow
@both
def test_a_crash_at_each_point_and_then_online(kind: type[Batched], tmp_path: Path) -> None:
    """What has ended is brought in, and what was never made is asked; what is under way is not paid again. At every
    third point: each costs a wait.
    """
    expected, found = undisturbed(tmp_path / "whole", kind)

    def once(number: int) -> None:
        with kind(answer, looks=1) as server:
            folder = tmp_path / str(number)
            if session(folder, server, Fate(found[3 * number])) is None:
                assert session(folder, server, Fate(), how=False) == expected
            assert server.all_paid().total() == REQUESTS * (1 if kind is OpenAIBatchServer else DRAWS)

    each(len(found[::3]), once)


def test_an_answer_that_is_lost_makes_no_second_batch(tmp_path: Path) -> None:
    """No crash: the connection breaks after the batch was made, and it is found."""
    for number, kind in enumerate(SERVERS):
        with kind(answer) as server:
            path = "/v1/batches" if kind is OpenAIBatchServer else "/v1/messages/batches"
            server.fails["POST", path] = [Response(then="close")]
            assert session(tmp_path / str(number), server, Fate()) is not None
            assert len(server.batches) == 1
            assert max(server.all_paid().values()) == 1


def test_a_list_without_marks_tells_by_the_input(tmp_path: Path) -> None:
    with OpenAIBatchServer(answer, page=2) as server:
        server.marked = False
        for n in range(5):
            server.files[f"file-other-{n}"] = ("other.jsonl", b"")
            server.made([], f"file-other-{n}")
        assert session(tmp_path, server, Fate(("call", 2, "after"))) is None
        assert session(tmp_path, server, Fate()) is not None
        assert len(server.batches) == 6
        assert max(server.all_paid().values()) == 1


def test_a_stranger_s_batch_is_not_ours(tmp_path: Path) -> None:
    """Where batches bear no mark: one of another of the account, as large, and made in the same moment."""
    with AnthropicBatchServer(answer, page=2) as server:
        server.made([])
        assert session(tmp_path, server, Fate(("call", 2, "before"))) is None
        alike = {"messages": [{"role": "user", "content": "another's"}], "model": "it"}
        server.made([{"custom_id": f"theirs-{n}", "params": alike} for n in range(REQUESTS * DRAWS)])
        found = session(tmp_path, server, Fate())
        assert found is not None
        assert [len(batch.lines) for batch in server.batches] == [0, 6, 6]
        assert sum(number for name, number in server.all_paid().items() if "theirs" not in name) == 6 + 6
