"""The vote with an early end is the vote without one, for every sequence of votes."""

from itertools import product
from math import comb

import pytest

from prefgen.asker import Row
from prefgen.stopping import Stop
from prefgen.stops.majority import majority, stays

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


def at_once(votes: str, n: int) -> int:
    """What one draw at a time asks: until the rest cannot change the vote."""
    lead = 0
    for asked, vote in enumerate(votes):
        if abs(lead) > n - asked:
            return asked
        lead += 1 if vote == "a" else -1
    return n


@pytest.mark.parametrize("n", [1, 3, 5, 7, 9, 11, 13, 15])
def test_odd_votes_equal_the_whole_vote_in_rounds_that_ask_no_more_than_one_at_a_time(n: int) -> None:
    for votes in map("".join, product("ab", repeat=n)):
        asked = drawn(votes, n)
        assert winner(asked) == winner(votes)
        assert len(asked) == at_once(votes, n) >= n // 2 + 1


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


# --- with a risk ----------------------------------------------------------------------------


def chance_of(ahead: int, behind: int, left: int) -> float:
    """The same by brute force: each vote to come is a draw from Polya's urn, vote by vote, over all sequences."""
    total = 0.0
    for votes in product((True, False), repeat=left):
        a, b, chance = ahead + 1, behind + 1, 1.0
        for vote in votes:
            chance *= (a if vote else b) / (a + b)
            a, b = a + vote, b + (not vote)
        total += chance if a > b else 0.0
    return total


@pytest.mark.parametrize("left", range(11))
def test_the_tail_is_the_sum_over_all_votes_to_come(left: int) -> None:
    for ahead, behind in product(range(6), range(6)):
        assert stays(ahead, behind, left) == pytest.approx(chance_of(ahead, behind, left), abs=1e-12)


def one_at_a_time(votes: str, n: int, risk: float) -> int:
    """Where the rule first holds, asked after every vote."""
    for asked in range(n + 1):
        ahead, behind = sorted((votes[:asked].count("a"), votes[:asked].count("b")), reverse=True)
        if asked == n or stays(ahead, behind, n - asked) >= 1 - risk:
            return asked
    return n


@pytest.mark.parametrize("risk", [0.001, 0.01, 0.05, 0.2])
@pytest.mark.parametrize("n", [3, 5, 9, 11])
def test_a_risk_ends_where_the_rule_first_holds_and_never_later(n: int, risk: float) -> None:
    for votes in map("".join, product("ab", repeat=n)):
        count = 0
        while more := majority([ONE[vote] for vote in votes[:count]], n, risk=risk):
            count += more
        assert count == one_at_a_time(votes, n, risk) <= len(drawn(votes, n))


def test_the_rate_of_changed_verdicts_stays_under_the_risk_where_the_prior_holds() -> None:
    """Over all sequences, weighted as a judge of any share would draw them."""
    n, risk, changed = 13, 0.05, 0.0
    for votes in map("".join, product("ab", repeat=n)):
        count = one_at_a_time(votes, n, risk)
        if winner(votes[:count]) != winner(votes):
            a = votes.count("a")
            changed += 1 / ((n + 1) * comb(n, a))
    assert 0 < changed <= risk


def test_a_third_verdict_is_against_the_one_in_front() -> None:
    tie: list[Row] = [{"verdict": "tie"}]
    assert majority([ONE["a"]] * 4, 9, risk=0.2) == 0
    assert majority([*[ONE["a"]] * 4, tie, tie, tie], 9, risk=0.2) > 0


def test_only_a_risk_is_audited() -> None:
    assert (Stop(majority).exact, Stop(majority).audit) == (True, 0)
    assert (Stop(majority, {"risk": 0.01}).exact, Stop(majority, {"risk": 0.01}).audit) == (False, 0.02)
    assert Stop(majority, {"risk": 0.01, "audit": 0.5}).audit == 0.5


@pytest.mark.parametrize(("votes", "changed"), [("aaaaaaaaaaa", False), ("aaaaabbbbbb", True), ("aaaaaabbbbb", False)])
def test_a_verdict_is_changed_where_the_rest_would_have_turned_it(votes: str, changed: bool) -> None:
    stop = Stop(majority, {"risk": 0.1})
    assert stop.changed([{"id": "p"}], [[ONE[vote] for vote in votes]], 11) is changed
