"""The vote with an early end is the vote without one, for every sequence of votes."""

from itertools import product

import pytest

from prefgen.asker import Row
from prefgen.stops.majority import majority

ONE = {"a": [{"verdict": "A"}], "b": [{"verdict": "B"}], "-": list[Row]()}


def drawn(votes: str, n: int) -> str:
    """The votes that are drawn before the stop ends it."""
    count = 0
    while more := majority([ONE[vote] for vote in votes[:count]], n):
        count += more
    return votes[:count]


def winner(votes: str) -> str:
    a, b = votes.count("a"), votes.count("b")
    return "a" if a > b else "b" if b > a else "tie"


@pytest.mark.parametrize("n", [1, 3, 5, 7, 9, 11, 13, 15])
def test_odd_votes_equal_the_whole_vote(n: int) -> None:
    for votes in map("".join, product("ab", repeat=n)):
        asked = drawn(votes, n)
        assert winner(asked) == winner(votes)
        assert len(asked) >= n // 2 + 1


@pytest.mark.parametrize("n", range(1, 9))
def test_unreadable_votes_and_ties(n: int) -> None:
    for votes in map("".join, product("ab-", repeat=n)):
        asked = drawn(votes, n)
        assert winner(asked) == winner(votes)
        if winner(votes) == "tie":
            assert asked == votes


def test_no_draw_is_asked_that_could_be_spared() -> None:
    assert majority([], 15) == 8
    assert majority([ONE["a"]] * 8, 15) == 0
    assert majority([ONE["a"]] * 7 + [ONE["b"]], 15) == 1
    assert majority([ONE["a"], ONE["b"]], 3) == 1
    assert majority([[{"verdict": None}]], 3) == 2
