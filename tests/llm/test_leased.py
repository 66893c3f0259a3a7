"""Gates of several workers that share one endpoint's limits: together they keep to them, and use them up."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from prefgen.errors import Interrupted, RunError, TryAgain
from prefgen.llm.client import Client, Shut
from prefgen.llm.gate import START_RATE
from prefgen.llm.journal import Journal
from prefgen.llm.leased import LARGEST, Leases, most_workers, share
from prefgen.llm.limits import Limits
from prefgen.llm.outcome import Tally
from prefgen.llm.pace import Pace
from prefgen.llm.permits import LEASE, OF_STATED
from prefgen.llm.request import Model, Request
from prefgen.llm.terms import Endpoint
from tests.sim import virtual
from tests.sim.leases import World, now
from tests.sim.limiter import Bucket

USE = "openai/x"
STATED = Model(USE, rpm=30_000, concurrency=1024)


def second(found: list[int], least: float, most: float) -> None:
    """Each full second after the first two."""
    assert all(least <= one <= most for one in found[2:]), found


@pytest.mark.parametrize("workers", [1, 2, 4, 7, 64])
def test_each_second_sees_what_is_stated_and_no_more(workers: int) -> None:
    world = World(workers)
    second(world.run(STATED, 6), 485, 500)
    assert world.asked["lease"] <= len(world.seen) / LEASE * 3 + 2 * workers
    assert world.wanted <= LARGEST


@pytest.mark.parametrize("workers", [1, 4])
def test_a_slow_wire_costs_nothing_of_the_rate(workers: int) -> None:
    second(World(workers, wire=0.05).run(STATED, 8), 490, 500)


def test_of_few_a_minute_each_comes_in_its_time() -> None:
    world = World(4)
    found = world.run(Model(USE, rpm=60), 60)
    assert 0.97 * 60 - 1 <= sum(found) <= 61
    assert max(found) <= 2


def test_a_limit_of_tokens_holds_for_all_together_also_where_they_are_guessed_too_low() -> None:
    """Each request uses three times as many tokens as it says: 60,000 a second are 200 requests of 300."""
    world = World(tokens=100)
    found = world.run(Model(USE, tpm=60 * 60_000, concurrency=1024), 20)[8:]
    assert 0.95 * 200 <= sum(found) / len(found) <= 1.01 * 200


def test_a_limit_that_headers_tell_one_worker_holds_for_all() -> None:
    world = World(limits=Limits(requests=100.0))
    second(world.run(Model(USE, concurrency=512), 10), 95, 100)


def hidden(world: World) -> tuple[float, float]:
    """Of a limit that nobody tells, what is used of it in a minute, and what is refused."""
    bucket = Bucket(3000, 1.0)

    def answer(at: float, worker: str) -> None:
        if not bucket.takes(at):
            raise TryAgain("rate_limited", "slow down", attempts=0)

    world.answer = answer
    world.run(Model(USE, concurrency=512), 60)
    return bucket.served / (bucket.rate * 60), bucket.refused / len(world.seen)


def test_a_limit_that_nobody_tells_is_found_together_as_well_as_by_one_alone() -> None:
    (used, refused), (alone, refused_alone) = hidden(World()), hidden(World(1, alone=True))
    assert used >= alone - 0.02
    assert refused <= refused_alone + 0.02


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:8000/v1"], ids=["a provider", "a server of one's own"])
def test_a_refusal_that_one_worker_sees_slows_all(url: str | None) -> None:
    """One worker of four is refused, from the fourth second to the seventh."""

    def answer(at: float, worker: str) -> None:
        if worker == "w0" and 4 <= at < 7:
            raise TryAgain("rate_limited", "slow down", attempts=0)

    world = World(answer=answer)
    found = world.run(Model(USE, base_url=url, rpm=12_000, concurrency=512), 8)
    assert min(found[2:4]) >= 190
    assert max(found[5:7]) <= 190


def test_a_server_of_ones_own_that_refuses_one_of_many_goes_on_nearly_as_fast() -> None:
    def answer(at: float, worker: str) -> None:
        if 3 <= at < 3.05 and worker == "w0":
            raise TryAgain("rate_limited", "slow down", attempts=0)

    world, model = World(answer=answer), Model(USE, base_url="http://127.0.0.1:8000/v1")
    world.run(model, 3.5)
    assert world.refused

    async def rate() -> float:
        return world.permits.lease("w9", Endpoint(f"{USE} {model.base_url}"), 0).requests

    assert virtual.run(rate()) >= 0.8 * 64


def test_a_wait_that_one_worker_is_told_holds_for_all() -> None:
    told = list[float]()

    def answer(at: float, worker: str) -> None:
        if worker == "w2" and at >= 3 and not told:
            told.append(at)
            raise TryAgain("rate_limited", "slow down", attempts=0, wait=4.0)

    world = World(answer=answer)
    world.run(STATED, 10)
    assert not [at for at, _ in world.seen if told[0] + 0.1 < at < told[0] + 4], "all have heard of it by then"
    assert sum(at > told[0] + 4 for at, _ in world.seen) > 500


@pytest.mark.parametrize("behind", [0, 20], ids=["nothing else to tell", "while permits are asked for"])
def test_a_refusal_is_told_at_once_also_where_nothing_more_is_sent(behind: int) -> None:
    world = World(1)

    async def refused(pace: Pace) -> None:
        with pytest.raises(TryAgain):
            async with pace.turn(STATED):
                raise TryAgain("rate_limited", "slow down", attempts=0, wait=9.0)

    async def go() -> str:
        pace = Pace(world.worker(0).gate_of)
        first = asyncio.ensure_future(refused(pace))
        others = [asyncio.ensure_future(world.send(world.worker(0), pace, Model(USE, rpm=1))) for _ in range(behind)]
        await first
        for task in others:
            task.cancel()
        await asyncio.sleep(0.02)
        hold = world.permits.state().holds[USE]
        return hold.by if hold else ""

    assert virtual.run(go()) == "paused"


def test_a_worker_that_dies_takes_no_more_than_its_permits_along() -> None:
    """Three go on without it, and use all of the limit."""
    world = World()

    async def go() -> None:
        many = [world.worker(number) for number in range(4)]
        tasks = [asyncio.ensure_future(world.press(one, STATED, 8)) for one in many]
        await asyncio.sleep(3.5)
        tasks[0].cancel()  # it gives nothing back
        await asyncio.gather(*tasks, return_exceptions=True)

    virtual.run(go())
    found = world.seconds(8)
    lost = 500 * OF_STATED - found[3]
    assert lost <= 0.2 * 500 / 4 + 2 * LEASE
    second([*found[:2], *found[4:]], 485, 500)
    assert max(at for at, worker in world.seen if worker == "w0") < 3.6


def test_where_nothing_limits_nobody_is_asked() -> None:
    world = World()
    found = world.run(Model(USE, base_url="http://10.0.0.1:8000/v1"), 5)
    assert sum(found) > 500
    assert world.asked == {"money": 4}, "what was spent, at the end"


def test_a_permit_that_is_old_is_good_for_nothing() -> None:
    """At one a second: who asked for it has given up, and another worker used the time since."""
    world, model = World(2), Model(USE, rpm=60 / OF_STATED)

    async def go() -> None:
        one, other = world.worker(0), world.worker(1)
        pace = Pace(one.gate_of)
        await world.send(one, pace, model)
        given_up = asyncio.ensure_future(world.send(one, pace, model))
        await asyncio.sleep(0.1)
        given_up.cancel()
        await world.press(other, model, 4, depth=3)
        await world.send(one, pace, model)

    virtual.run(go())
    assert world.wanted <= 3, "no more than there were requests"
    at = [seen for seen, worker in world.seen if worker == "w0"]
    assert len(at) == 2
    assert at[1] > max(seen for seen, worker in world.seen if worker == "w1") + 0.99


def test_tokens_that_are_booked_are_in_the_end_those_that_were_used() -> None:
    """Whatever was guessed, and whoever gave up."""
    world = World(1)
    asked, used = list[float](), list[int]()

    async def ask(method: str, args: tuple[Any, ...]) -> Any:
        found = await world.ask(method, args)
        if method == "lease":
            _, _, _, tokens, news = args
            asked.append(news.tokens + tokens * len(found.delays))
        return found

    async def one(pace: Pace, number: int) -> None:
        async with pace.turn(Model(USE, tpm=60_000, rpm=6000, max_tokens=1), 10 + number * 37 % 200) as turn:
            await asyncio.sleep(0.2)
            turn.used = 1 + number * 91 % 300
            used.append(turn.used)

    async def go() -> None:
        leases = Leases("w0", ask)
        pace = Pace(leases.gate_of)
        tasks = [asyncio.ensure_future(one(pace, number)) for number in range(1, 60)]
        await asyncio.wait(tasks, timeout=2)
        for task in tasks[40:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await leases.close()

    virtual.run(go())
    assert 20 < len(used) < 60
    assert sum(asked) == pytest.approx(sum(used))


def test_permits_that_are_not_needed_go_to_others() -> None:
    """At 6 a minute each has a permit of which the last is 40 s away; then one has all that is left to send."""
    world, model = World(how={}), Model(USE, rpm=6 / OF_STATED)

    async def go() -> list[float]:
        many = [world.worker(number) for number in range(4)]
        tasks = [asyncio.ensure_future(world.press(one, model, 1.0, depth=3)) for one in many[1:]]
        await asyncio.gather(*tasks)
        for one in many[1:]:
            await one.close()
        await world.press(many[0], model, 60, depth=3)
        return [at for at, worker in world.seen if worker == "w0"]

    assert virtual.run(go()) == pytest.approx([9.75, 19.75, 29.75, 39.75, 49.75, 59.75], abs=0.05)


# --- places in flight ---


@pytest.mark.parametrize(("most", "workers"), [(256, 4), (10, 4), (7, 7), (64, 3), (5, 1)])
def test_shares_of_places_come_to_what_there_is(most: int, workers: int) -> None:
    shares = [share(most, workers, number) for number in range(workers)]
    assert sum(shares) == most
    assert max(shares) - min(shares) <= 1


def test_nobody_is_left_without_a_place() -> None:
    assert [share(2, 4, number) for number in range(4)] == [1, 1, 1, 1]
    assert most_workers([Model(USE, concurrency=2), Model("openai/y")], 4) == 2
    assert most_workers([Model(USE, concurrency=20), Model("openai/y")], 4) == 4


# --- a client ---


def client_of(tmp_path: Path, leases: Leases) -> Client:
    return leases.client(Journal(tmp_path / "j.sqlite"), {"one": lambda *_: "so"})


async def drawn(client: Client, model: Model, number: int) -> Any:
    return await client.draw(Request(model, [{"role": "user", "content": f"{number}"}]), [0], Tally())


def test_those_that_wait_for_permits_learn_at_once_that_nothing_more_is_sent(tmp_path: Path) -> None:
    world, ends = World(1), list[Any]()

    async def go() -> float:
        leases = world.worker(0)
        client = client_of(tmp_path, leases)
        tasks = [asyncio.create_task(drawn(client, Model("fake/one", rpm=1), number)) for number in range(100)]
        await asyncio.wait(tasks, timeout=30)
        client.shut(Interrupted("stopped"))
        before = now()
        ends.extend(await asyncio.gather(*tasks, return_exceptions=True))
        await client.close()
        await leases.close()
        client.journal.close()
        return now() - before

    assert virtual.run(go()) < 0.1
    assert [type(one) for one in ends].count(Shut) == 99


def test_where_nobody_answers_the_run_ends_in_words(tmp_path: Path) -> None:
    async def ask(method: str, args: tuple[Any, ...]) -> Any:
        raise OSError("the actor died")

    async def go() -> Exception | None:
        client = client_of(tmp_path, Leases("w0", ask))
        with pytest.raises(Shut):
            await asyncio.wait_for(drawn(client, Model("fake/one", rpm=600), 0), 60)
        await client.close()
        client.journal.close()
        return client.reason

    reason = virtual.run(go())
    assert isinstance(reason, RunError)
    assert str(reason) == "the run's limits are not to be had any more (the actor died); run it again to go on"


def test_a_worker_tells_of_itself_and_hears_when_to_stop() -> None:
    world = World()

    async def go() -> list[bool]:
        one = world.worker(1)
        heard = [await one.pulse({"node": "a", "calls": 3})]
        world.permits.stop("enough")
        return [*heard, await one.pulse({"node": "a", "calls": 4, "dollars": 0.5})]

    assert virtual.run(go()) == [False, True]


def test_a_rate_that_is_learned_begins_once_for_all() -> None:
    world = World()
    assert sum(world.run(Model(USE, concurrency=512), 1)) <= START_RATE * 2 + 8


def test_a_line_takes_the_gates_that_it_is_given() -> None:
    world = World()

    async def go() -> list[str]:
        pace = Pace(world.worker(0).gate_of)
        model = Model(USE, base_urls=["http://a.example/v1", "http://b.example/v1"], rpm=60)
        return [type(gate).__name__ for gate in pace.line(model).gates]

    assert virtual.run(go()) == ["LeasedGate", "LeasedGate"]
