"""Budgets of several workers on one limit: never passed, used to the end, and nobody waits for ever."""

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.errors import BudgetReached
from prefgen.llm.budget import Budget
from prefgen.llm.leased import Leases
from prefgen.llm.loans import IDLE, LeasedBudget
from prefgen.llm.permits import LEASE
from prefgen.llm.terms import State
from tests.sim import virtual
from tests.sim.leases import World, now

T = TypeVar("T")


@dataclass
class Bank:
    """Workers that send requests within a limit, and the bill at the provider, which nobody can argue with."""

    max_cost: float | None = None
    max_calls: int | None = None
    workers: int = 3
    paid: float = 0.0
    wire: float = 0.01
    bill: float = 0.0
    sent: int = 0
    ended: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = World(
            self.workers, self.wire, how={"max_cost": self.max_cost, "max_calls": self.max_calls, "paid": self.paid}
        )

    def worker(self, number: int, attempt: int = 0) -> Leases:
        return self.world.worker(number, f"w{number}.{attempt}")

    async def one(self, budget: Budget, worst: float, share: float, seconds: float) -> bool:
        """One request, which comes to a share of its worst price."""
        await budget.reserve(worst)
        cost, self.sent = 0.0, self.sent + 1
        self.bill += worst * share  # the provider counts it from the first moment
        try:
            await asyncio.sleep(seconds)
            cost = worst * share
        finally:
            budget.settle(worst, cost)
        return True

    async def many(self, leases: Leases, requests: list[tuple[float, float, float]], at_once: int) -> int:
        """How many of them were sent; the others were told in words."""
        places = asyncio.Semaphore(at_once)

        async def go(request: tuple[float, float, float]) -> bool:
            async with places:
                try:
                    return await self.one(leases.budget, *request)
                except BudgetReached as e:
                    self.ended.append(str(e))
                    return False

        found = sum(await asyncio.gather(*map(go, requests)))
        await leases.close()
        self.world.permits.gone(leases.worker)
        return found


def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Its result, if that is there in time: nobody waits for ever."""
    return virtual.run(asyncio.wait_for(work, seconds))


def requests_of(chance: random.Random, number: int) -> list[tuple[float, float, float]]:
    """Worst prices, shares of them, seconds."""
    return [
        (chance.choice([0.01, 0.03, 0.2, 1.0]), chance.choice([0.0, 0.4, 1.0]), chance.uniform(0.01, 2))
        for _ in range(number)
    ]


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_money_is_never_passed_whoever_dies_and_nobody_waits_for_ever(seed: int) -> None:
    """Workers die in the middle, at any moment, and others take over under new names. A dead one's requests are billed,
    and nothing of it comes back. A loop on which everybody waits raises."""
    chance = random.Random(seed)
    bank = Bank(chance.choice([0.0, 0.5, 3.0, 20.0]), chance.choice([None, 7, 40]), workers := chance.randint(1, 5))

    async def slot(number: int) -> None:
        for attempt in range(chance.randint(1, 3)):
            leases = bank.worker(number, attempt)
            at_once = chance.choice([1, 3, 16])
            work = asyncio.ensure_future(bank.many(leases, requests_of(chance, chance.randint(0, 40)), at_once))
            if chance.random() < 0.5:
                await asyncio.wait([work], timeout=chance.uniform(0, 3))
                await killed(work, leases)
                bank.world.permits.gone(leases.worker)
            await asyncio.wait([work])
            assert work.cancelled() or not work.exception()
            state = bank.world.permits.state()
            assert bank.max_cost is not None
            assert state.spent + state.lent + state.lost <= bank.max_cost + 1e-9
            assert bank.bill <= state.spent + state.lent + state.lost + 1e-9

    async def go() -> None:
        await asyncio.gather(*map(slot, range(workers)))

    within(2000, go())
    assert bank.max_cost is not None
    assert bank.bill <= bank.max_cost + 1e-9
    assert bank.max_calls is None or bank.sent <= bank.max_calls


async def killed(work: "asyncio.Future[Any]", leases: Leases) -> None:
    """The process is gone: its tasks run no more, and its words are heard no more."""
    if work.done():
        return

    async def silence(method: str, args: tuple[Any, ...]) -> Any:
        await asyncio.sleep(0)
        raise OSError("gone")

    leases._ask = silence
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_of_a_limit_of_requests_every_one_is_sent_and_none_more(workers: int) -> None:
    bank = Bank(max_calls=100, workers=workers)

    async def go() -> int:
        asked = [bank.many(bank.worker(n), requests_of(random.Random(n), 200), 7 + n) for n in range(workers)]
        return sum(await asyncio.gather(*asked))

    assert within(600, go()) == bank.sent == 100
    assert set(bank.ended) == {"100 requests sent, the limit of --max-calls"}


def test_all_of_the_money_is_used_that_a_next_request_could_use() -> None:
    bank = Bank(max_cost=10.0, workers=4)

    async def go() -> None:
        await asyncio.gather(*(bank.many(bank.worker(n), [(0.3, 0.5, 0.2)] * 100, 5) for n in range(4)))

    within(600, go())
    assert 10.0 - 0.3 < bank.bill <= 10.0


def test_rests_that_suffice_for_nobody_by_themselves_are_put_together() -> None:
    """Each of three holds a third, and wants a half of it all."""
    bank = Bank(max_cost=3.0, workers=3)

    async def one(number: int) -> bool:
        budget = bank.worker(number).budget
        assert isinstance(budget, LeasedBudget)
        await bank.one(budget, 0.1, 0.0, 0.1)
        await asyncio.sleep(0.2)
        return await bank.one(budget, 1.5, 0.5, 1.0)

    async def go() -> list[bool]:
        return [*await asyncio.gather(*map(one, range(3)))]

    assert within(600, go()) == [True] * 3
    assert bank.bill == pytest.approx(2.25)


def test_what_nobody_needs_goes_back_in_a_while() -> None:
    bank = Bank(max_cost=1.0, workers=2)

    async def go() -> list[float]:
        first, second = bank.worker(0), bank.worker(1)
        await bank.one(first.budget, 0.1, 0.5, 0.1)
        held = [bank.world.permits.state().lent]
        await bank.one(second.budget, 0.9, 1.0, 0.0)
        return [*held, now(), bank.bill]

    held, at, bill = within(600, go())
    assert held >= 0.1
    assert IDLE <= at <= IDLE + 0.5
    assert bill == pytest.approx(0.95)


def test_a_worker_that_dies_costs_what_was_in_flight_and_a_purse() -> None:
    bank = Bank(max_cost=10.0, workers=2)

    async def go() -> None:
        work = asyncio.ensure_future(bank.many(leases := bank.worker(0), [(0.01, 1.0, 5.0)] * 100, 3))
        await asyncio.sleep(17)
        await killed(work, leases)
        bank.world.permits.gone(leases.worker)
        await bank.many(bank.worker(1), [(0.01, 1.0, 0.01)] * 2000, 50)

    within(600, go())
    unused = 10.0 - bank.bill
    assert 0.0 <= unused <= (LEASE * 1.5 + 1) * 0.01


@pytest.mark.parametrize("worst", [0.2, 5.0])
def test_it_ends_in_the_words_of_one_alone(worst: float) -> None:
    def words(budget: Budget) -> str:
        async def go() -> str:
            await asyncio.gather(*(spend(budget) for _ in range(3)))
            with pytest.raises(BudgetReached) as told:
                await budget.reserve(worst)
            return str(told.value)

        return within(600, go())

    async def spend(budget: Budget) -> None:
        await budget.reserve(0.3)
        await asyncio.sleep(1)
        budget.settle(0.3, 0.3)

    bank = Bank(max_cost=1.0, workers=1, paid=0.05)
    assert words(bank.worker(0).budget) == words(Budget(max_cost=1.0, spent=0.05))


def test_what_an_earlier_run_left_under_way_is_claimed_even_past_the_limit() -> None:
    bank = Bank(max_cost=1.0, workers=2)

    async def go() -> list[float]:
        first, second = bank.worker(0).budget, bank.worker(1).budget
        first.hold(0.9)
        await bank.one(first, 0.05, 1.0, 0.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await second.reserve(0.2)
        first.settle(0.9, 0.1)
        await asyncio.sleep(IDLE + 0.1)
        await bank.one(second, 0.2, 1.0, 0.0)
        return [first.spent, second.spent]

    assert within(600, go()) == pytest.approx([0.15, 0.2])


def test_those_that_wait_for_money_learn_at_once_that_nothing_more_is_sent() -> None:
    bank = Bank(max_cost=1.0, workers=2)

    async def go() -> None:
        first, second = bank.worker(0).budget, bank.worker(1).budget
        await first.reserve(0.8)
        waiting = asyncio.ensure_future(second.reserve(0.5))
        await asyncio.sleep(3)
        assert second.waiting == 1
        before = now()
        second.let_go()
        await waiting
        second.settle(0.5, 0.0)
        assert (second.open, second.calls, second.set_aside, second.spent) == (0, 0, 0.0, 0.0)
        assert now() == before

    within(600, go())


def test_what_was_spent_is_told_exactly_also_where_there_is_no_limit() -> None:
    bank, limited = Bank(workers=2), Bank(max_cost=99.0, workers=2)

    async def go(one: Bank) -> State:
        await asyncio.gather(*(one.many(one.worker(n), requests_of(random.Random(n), 50), 4) for n in range(2)))
        return one.world.permits.state()

    for one in (bank, limited):
        state = within(600, go(one))
        assert (state.spent, state.calls, state.lent, state.lost) == pytest.approx((one.bill, 100, 0.0, 0.0))
    assert bank.world.asked == {"money": 2}
    assert limited.world.asked["money"] < 100
