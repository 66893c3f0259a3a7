"""The budget is reserved before a request is sent, and never passed."""

import pytest

from prefgen.errors import BudgetReached
from prefgen.llm.budget import Budget


def reserved(budget: Budget, times: int) -> int:
    """How many of so many requests may be sent."""
    sent = 0
    for _ in range(times):
        try:
            budget.reserve()
        except BudgetReached:
            continue
        sent += 1
    return sent


@pytest.mark.parametrize(("limit", "sent"), [(0, 0), (1, 1), (7, 7), (20, 20), (21, 20), (None, 20)])
def test_a_budget_lets_so_many_requests_through_and_no_more(limit: int | None, sent: int) -> None:
    budget = Budget(limit)
    assert reserved(budget, 20) == budget.calls == sent


def test_what_was_sent_before_counts() -> None:
    assert reserved(Budget(5, calls=3), 20) == 2
    assert reserved(Budget(5, calls=9), 20) == 0


def test_a_refused_request_costs_nothing_and_is_refused_again() -> None:
    budget = Budget(1)
    budget.reserve()
    for _ in range(3):
        with pytest.raises(BudgetReached):
            budget.reserve()
    assert budget.calls == 1


def test_a_budget_that_is_reached_says_how_much_was_sent() -> None:
    with pytest.raises(BudgetReached, match=r"^1,200 requests sent, the limit of --max-calls$"):
        Budget(1200, calls=1200).reserve()
