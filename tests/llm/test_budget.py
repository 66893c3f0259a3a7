"""The budget is reserved before a request is sent, and never passed."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen.errors import BudgetReached
from prefgen.llm.budget import Budget, dollars
from tests.sim import virtual


def reserved(budget: Budget, times: int) -> int:
    """How many of so many requests may be sent."""

    async def go() -> int:
        sent = 0
        for _ in range(times):
            try:
                await budget.reserve(0.0)
            except BudgetReached:
                continue
            sent += 1
        return sent

    return asyncio.run(go())


@pytest.mark.parametrize(("limit", "sent"), [(0, 0), (1, 1), (7, 7), (20, 20), (21, 20), (None, 20)])
def test_a_budget_lets_so_many_requests_through_and_no_more(limit: int | None, sent: int) -> None:
    budget = Budget(limit)
    assert reserved(budget, 20) == budget.calls == sent


def test_what_was_sent_before_counts() -> None:
    assert reserved(Budget(5, calls=3), 20) == 2
    assert reserved(Budget(5, calls=9), 20) == 0


def test_a_budget_that_is_reached_says_how_much_was_sent() -> None:
    with pytest.raises(BudgetReached, match=r"^1,200 requests sent, the limit of --max-calls$"):
        asyncio.run(Budget(1200, calls=1200).reserve(0.0))


@given(
    st.floats(0, 10),
    st.lists(st.tuples(st.floats(0.01, 3), st.floats(0, 1), st.floats(0.001, 5)), max_size=40),
    st.integers(1, 8),
)
def test_money_is_never_passed_and_none_waits_for_ever(
    limit: float, requests: list[tuple[float, float, float]], at_once: int
) -> None:
    """Each request has a worst price, the share of it that it comes to, and how long it takes."""
    budget, most, ended = Budget(max_cost=limit), [0.0], [0]

    async def one(worst: float, share: float, seconds: float, places: asyncio.Semaphore) -> None:
        async with places:
            ended[0] += 1
            try:
                await budget.reserve(worst)
            except BudgetReached:
                assert worst > limit - budget.spent
                return
            most[0] = max(most[0], budget.spent + budget.set_aside)
            await asyncio.sleep(seconds)
            budget.settle(worst, worst * share)

    async def go() -> None:
        places = asyncio.Semaphore(at_once)
        await asyncio.gather(*(one(*request, places) for request in requests))

    virtual.run(go())
    assert max(most[0], budget.spent) <= limit + 1e-9
    assert budget.set_aside < 1e-9
    assert ended[0] == len(requests)


def test_a_limit_of_money_is_told_with_enough_digits_and_with_what_comes_next() -> None:
    words = r"^\$0.0000 spent of the \$0.000010 that --max-cost allows, and the next request, which may cost \$0.00012, could"
    with pytest.raises(BudgetReached, match=words):
        asyncio.run(Budget(max_cost=0.00001).reserve(0.00012))
    assert [dollars(one) for one in (0, 3e-9, 0.0042, 0.5, 1234.5)] == [
        "$0.0000", "$0.0000000030", "$0.0042", "$0.5000", "$1,234.5000",
    ]  # fmt: skip
