"""A short form of `make fuzz`: some thousand inputs, some for every target; and what is planted is found."""

from random import Random
from typing import Any

import pytest

from tests.fuzz.target import Target, tried
from tests.fuzz.targets import all_targets

SHORT = 4_000
"""Inputs in all, or nearly."""
FEWEST = 12


@pytest.mark.parametrize("name", all_targets())
def test_nothing_raises_what_no_contract_names_and_nothing_is_slow(name: str) -> None:
    target = all_targets()[name]
    cases = [tried(target, number) for number in range(max(FEWEST, target.share * SHORT // 1_000_000))]
    assert not [(case.number, case.found, case.shown) for case in cases if case.found]


def never(chance: Random) -> int:
    return chance.randrange(10)


def raises(given: int) -> int:
    raise KeyError(given)


def lasts(given: int) -> int:
    return sum(range(300_000))


def lies(given: int, outcome: int) -> None:
    assert outcome != given, "it is the same"


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"run": raises}, "KeyError"),
        ({"run": raises, "allowed": (KeyError,)}, ""),
        ({"run": lasts, "seconds": 0.001}, "slow: "),
        ({"run": lasts, "seconds": 60.0}, ""),
        ({"run": int, "holds": lies}, "does not hold: it is the same"),
        ({"run": int}, ""),
    ],
)
def test_what_is_planted_is_found(parts: dict[str, Any], found: str) -> None:
    case = tried(Target("planted", 1, never, **parts), 7)
    assert case.found.startswith(found)
    assert bool(case.found) == bool(found)
    assert bool(case.shown) == bool(found)


def test_one_number_is_one_input() -> None:
    for target in all_targets().values():
        first, again = (target.make(Random("5")) for _ in range(2))
        assert repr(first) == repr(again)
