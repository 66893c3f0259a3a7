"""40 seeds of the simulation, 100 in CI; `make simulate` runs as many as one likes."""

import pytest

from tests.sim.__main__ import caught_at
from tests.sim.bugs import BUGS, MONEY_BUGS
from tests.sim.world import History, Parts

EACH = 10
SEEDS = [*range(0, 40, EACH), *(pytest.param(first, marks=pytest.mark.slow) for first in range(40, 100, EACH))]


@pytest.mark.parametrize("first", SEEDS)
def test_nothing_is_lost_and_nothing_paid_twice_beyond_what_was_in_flight(first: int) -> None:
    found = {seed: History(seed, Parts()).run().violations for seed in range(first, first + EACH)}
    assert not {seed: violations for seed, violations in found.items() if violations}


@pytest.mark.parametrize("first", range(0, 50, EACH))
def test_a_limit_of_money_is_never_passed(first: int) -> None:
    found = {seed: History(seed, Parts(), money=True).run().violations for seed in range(first, first + EACH)}
    assert not {seed: violations for seed, violations in found.items() if violations}


@pytest.mark.parametrize("bug", [*BUGS, *MONEY_BUGS])
def test_every_planted_bug_shows_within_50_seeds(bug: str) -> None:
    assert caught_at(bug)


def test_one_seed_is_one_history() -> None:
    assert History(7, Parts()).run() == History(7, Parts()).run()
