"""A pair that is kept only if both orders are right is the same pair with a lazy second order."""

from itertools import product
from typing import Any

import pytest

from prefgen.stopping import Stop
from prefgen.stops.lazy_order import lazy_order

STOP = Stop(lazy_order)


def pair(name: str) -> list[dict[str, Any]]:
    return [{"id": f"{name}.{end}", "pair_id": name, "gold": gold} for end, gold in (("ab", "A"), ("ba", "B"))]


def drawn(name: str, votes: tuple[str, str]) -> list[str]:
    """What is drawn of each order: of its votes r is right, w is wrong, - could not be read."""
    rows, said = pair(name), ["", ""]

    def read(place: int) -> list[list[dict[str, Any]]]:
        gold = rows[place]["gold"]
        says = {"r": gold, "w": "B" if gold == "A" else "A"}
        return [[{"verdict": says[vote]}] if vote in says else [] for vote in said[place]]

    while any(more := STOP.more(rows, [read(0), read(1)], len(votes[0]))):
        said = [votes[i][: len(said[i]) + more[i]] for i in range(2)]
    return said


def right(votes: str) -> bool:
    return votes.count("r") > votes.count("w")


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_pair_is_kept_where_it_would_be_with_all_draws(n: int) -> None:
    every = list(map("".join, product("rw-", repeat=n)))
    for number, votes in enumerate(product(every, every)):
        first, second = drawn(f"pair {number % 7}", votes)
        assert (right(first) and right(second)) == (right(votes[0]) and right(votes[1]))


def test_the_second_order_is_not_asked_once_the_first_is_wrong() -> None:
    for name in map(str, range(20)):
        assert sorted(drawn(name, ("w", "w"))) == ["", "w"]
        assert drawn(name, ("r", "r")) == ["r", "r"]
        assert sorted(drawn(name, ("-", "-"))) == ["", "-"]


def test_each_order_goes_first_about_as_often() -> None:
    first = sum(STOP.more(pair(str(i)), [[], []], 1) == [1, 0] for i in range(400))
    assert 160 < first < 240


def test_a_pair_in_one_order_is_asked_in_that() -> None:
    assert STOP.more(pair("p")[:1], [[]], 1) == [1]
