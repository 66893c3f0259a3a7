"""What the one who holds the limits gives, on a clock that a test moves."""

import copy
import math
import pickle
import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.llm.gate import BURST, CUT, OF_TOLD, START_RATE, Hold
from prefgen.llm.limits import Limits
from prefgen.llm.permits import HORIZON, LEASE, NEVER, OF_STATED, Permits
from prefgen.llm.terms import Account, Endpoint, Loan, News

STATED = Endpoint("openai/x", rpm=600)
UNKNOWN = Endpoint("openai/y")
YOURS = Endpoint("openai/z http://10.0.0.1/v1", paced=False)
RATE = 10 * OF_STATED


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def about(found: Loan) -> Loan:
    """Without the last digits of what is left."""
    return replace(found, left=round(found.left, 9))


def held(**how: object) -> tuple[Permits, Clock]:
    clock = Clock()
    return Permits(**how, clock=clock), clock  # type: ignore[arg-type]


# --- permits ---


def test_permits_come_a_burst_at_once_and_then_one_by_one() -> None:
    """The n-th is paid off n / rate seconds after the first one's, less the burst."""
    permits, _ = held(workers=4)
    found = [delay for worker in "abcd" for delay in permits.lease(worker, STATED, 2).delays]
    assert found == pytest.approx([max(0.0, n / RATE - BURST) for n in range(8)])


def test_a_lease_ends_where_it_would_reach_too_far_but_for_its_first() -> None:
    permits, _ = held()
    first = permits.lease("a", STATED, 100).delays
    assert first[-1] <= HORIZON < first[-1] + 1 / RATE
    assert [len(permits.lease(worker, STATED, 8).delays) for worker in "bcd"] == [1, 1, 1]
    assert permits.lease("a", STATED, 0).delays == ()


def test_an_endpoint_without_a_limit_gives_all_at_once() -> None:
    permits, _ = held()
    assert permits.lease("a", YOURS, 8).delays == (0.0,) * 8


def test_tokens_are_paid_off_as_well_and_what_was_guessed_too_low_is_made_up() -> None:
    permits, _ = held()
    endpoint = Endpoint("openai/x", tpm=6000)
    one = 30 / (100 * OF_STATED)
    assert permits.lease("a", endpoint, 3, 30).delays == pytest.approx([0.0, one - BURST])
    assert permits.lease("b", endpoint, 1, 30, News(tokens=120)).delays == pytest.approx([6 * one - BURST])
    assert permits.lease("b", endpoint, 1, 30, News(tokens=-150)).delays == pytest.approx([2 * one - BURST])


def test_what_one_worker_is_told_holds_for_all() -> None:
    permits, clock = held()
    permits.lease("a", UNKNOWN, 1, news=News(limits=Limits(5.0, 1000.0)))
    lease = permits.lease("b", UNKNOWN, 1)
    assert (lease.requests, lease.tokens, lease.limit) == (5 * OF_TOLD, 1000 * OF_TOLD, 5 * OF_TOLD)
    permits.lease("a", UNKNOWN, 0, news=News(refused=3, pause=7.0))
    clock.now += 2
    lease = permits.lease("b", UNKNOWN, 1)
    assert lease.delays == pytest.approx([5.0])
    assert lease.pause == pytest.approx(5.0)
    assert lease.requests < 5 * OF_TOLD


def test_those_refused_together_cut_the_rate_of_all_once() -> None:
    permits, clock = held(workers=2)
    sent = sum(len(permits.lease("ab"[turn % 2], UNKNOWN, 50).delays) for turn in range(20))
    assert sent > 20
    permits.lease("a", UNKNOWN, 0, news=News(refused=1))
    permits.lease("b", UNKNOWN, 0, news=News(refused=4))
    assert permits.lease("a", UNKNOWN, 0).requests == pytest.approx(START_RATE * CUT)
    clock.now += 3.1
    permits.lease("b", UNKNOWN, 0, news=News(refused=1))
    assert permits.lease("a", UNKNOWN, 0).requests < START_RATE * CUT


def test_an_endpoint_of_ones_own_that_refuses_gets_a_rate_by_what_is_in_flight() -> None:
    """There are four workers, with some twenty in flight each; of a thousand sent, one was refused."""
    permits, _ = held(workers=4)
    lease = permits.lease("a", YOURS, 1, news=News(refused=1, sent=1000, in_flight=20))
    assert lease.requests == pytest.approx(80 * CUT)


def test_a_guessed_rate_grows_while_it_holds_back_and_only_then() -> None:
    permits, clock = held()
    for second in (0, 1, 2):
        clock.now = 1000.0 + second
        permits.lease("a", UNKNOWN, 1)
    assert permits.lease("a", UNKNOWN, 0).requests == START_RATE
    while permits.lease("a", UNKNOWN, LEASE).delays[-1] == 0:
        pass
    clock.now += 1
    assert permits.lease("b", UNKNOWN, 1).requests == pytest.approx(2 * START_RATE)


def test_a_permit_that_comes_back_in_time_goes_to_the_next_one() -> None:
    permits, clock = held()
    delays = permits.lease("a", STATED, 8).delays
    clock.now += 0.1
    back = tuple(delay - 0.1 for delay in delays[-3:])
    assert permits.lease("b", STATED, 4, news=News(back=back)).delays[:3] == pytest.approx(back)
    clock.now += 60
    permits.lease("b", STATED, 0, news=News(back=(0.2, 0.3)))
    clock.now += 0.25
    assert permits.lease("a", STATED, 1).delays == (0.0,)


def test_a_worker_that_is_gone_gets_nothing_more() -> None:
    permits, _ = held(max_cost=1.0)
    permits.gone("a")
    assert permits.lease("a", STATED, 8).delays == (NEVER,)
    assert permits.money("a", Account(), 8, 0.1, 0.8).state == "no_money"
    assert permits.pulse("a", {})
    assert permits.lease("b", STATED, 1).delays == (0.0,)


def test_what_holds_is_told_as_it_was_stated() -> None:
    permits, clock = held()
    permits.lease("a", STATED, 20)
    permits.lease("a", Endpoint("openai/w", tpm=500), 1, 100)
    permits.lease("a", UNKNOWN, 0, news=News(refused=1, pause=9.0))
    clock.now += 0.01
    holds = permits.state().holds
    assert holds["openai/x"] == Hold("requests", 600, "stated")
    assert holds["openai/w"] == Hold("tokens", 500, "stated")
    assert holds["openai/y"] == pytest.approx(Hold("paused", 8.99))


# --- money ---


def test_a_loan_is_what_is_wanted_as_long_as_there_is_enough() -> None:
    permits, _ = held(max_cost=10.0, paid=2.0)
    assert permits.money("a", Account(), 8, 0.1, 0.8) == Loan(0.8, 0, "lent", 2.0, 0, 7.2)
    assert about(permits.money("a", Account(0.3, 4, 0.5), 8, 0.1, 0.8)) == Loan(0.8, 0, "lent", 2.3, 4, 6.4)


def test_the_last_money_is_shared_out_and_what_does_not_suffice_is_waited_for() -> None:
    permits, _ = held(max_cost=1.0)
    permits.money("a", Account()), permits.money("b", Account())
    assert permits.money("a", Account(), 8, 0.3, 2.4).dollars == 0.5
    assert permits.money("b", Account(), 8, 0.3, 2.4).dollars == pytest.approx(0.3)
    assert permits.money("b", Account(0.0, 1, 0.3), 8, 0.3, 2.4).state == "wait"
    permits.money("a", Account(0.5, 2, 0.0))
    assert permits.money("b", Account(0.2, 1, 0.0), 8, 0.3, 2.4).dollars == pytest.approx(0.3)
    assert permits.money("b", Account(0.5, 2, 0.0), 8, 0.3, 2.4).state == "no_money"


def test_what_the_dead_had_is_claimed_for_ever_and_nobody_waits_for_it() -> None:
    permits, _ = held(max_cost=1.0)
    permits.money("a", Account(), 8, 0.1, 0.8)
    assert permits.money("b", Account(), 8, 0.3, 0.3).state == "wait"
    permits.gone("a")
    assert permits.money("b", Account(), 8, 0.3, 0.3).state == "no_money"
    assert permits.money("b", Account(), 8, 0.15, 0.15).dollars == pytest.approx(0.15)
    state = permits.state()
    assert (state.spent, state.lost, state.lent) == pytest.approx((0.0, 0.8, 0.15))


def test_a_word_that_comes_twice_does_no_harm() -> None:
    permits, _ = held(max_cost=1.0)
    for _ in range(3):
        permits.money("a", Account(0.25, 3, 0.1))
    assert about(permits.money("b", Account())) == Loan(0.0, 0, "lent", 0.25, 3, 0.65 / 2)


def test_requests_are_lent_to_the_last_one() -> None:
    permits, _ = held(max_calls=10)
    lent = [permits.money(worker, Account(), 8) for worker in "abc"]
    assert [one.calls for one in lent] == [8, 1, 1]
    assert permits.money("d", Account(), 8).state == "wait"
    permits.money("a", Account(0.0, 5, 0.0, 0))
    assert permits.money("d", Account(), 8).calls == 1
    for worker, sent in zip("abcd", (5, 1, 1, 1), strict=True):
        permits.money(worker, Account(0.0, sent))
    assert permits.money("a", Account(0.0, 7), 8).state == "no_calls"


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 1.0, 7.3]), st.sampled_from([None, 0, 5, 40]))
def test_never_more_is_lent_than_there_is(seed: int, max_cost: float, max_calls: int | None) -> None:
    """Workers that borrow, spend what they have, give back, and die, in any order: a ledger of its own beside it."""
    permits, chance = held(max_cost=max_cost, max_calls=max_calls)[0], random.Random(seed)
    names, there = iter(range(1000)), dict[str, Account]()
    for _ in range(120):
        name = chance.choice([*there, f"{next(names)}"])
        one = there.get(name, Account())
        if chance.random() < 0.1:
            permits.gone(name)
            there.pop(name, None)
            continue
        spent, used = chance.choice([0.0, 0.5, 1.0]) * one.keeps, chance.randint(0, one.keeps_calls)
        kept = (one.keeps - spent) * chance.choice([0.0, 1.0])
        one = Account(one.spent + spent, one.calls + used, kept, one.keeps_calls - used)
        loan = permits.money(name, one, chance.randint(0, 8), least := chance.choice([0.0, 0.05, 0.4]), 8 * least)
        assert loan.dollars >= (least - 1e-9 if loan.state == "lent" and loan.dollars else 0.0)
        there[name] = Account(one.spent, one.calls, one.keeps + loan.dollars, one.keeps_calls + loan.calls)
        state = permits.state()
        assert state.spent + state.lent + state.lost <= max_cost + 1e-9
        assert max_calls is None or state.calls + state.lent_calls + state.lost_calls <= max_calls
        assert state.lent == pytest.approx(math.fsum(account.keeps for account in there.values()))


# --- workers ---


def test_a_driver_sees_what_its_workers_told_last() -> None:
    permits, clock = held(paid=1.0)
    assert not permits.pulse("a", {"node": "n1", "calls": 3, "dollars": 0.5})
    clock.now += 2
    assert not permits.pulse("b", {"node": "n2", "calls": 1, "dollars": 0.25})
    permits.gone("a")
    permits.money("c", Account(0.125, 2))
    state = permits.state()
    assert {name: (pulse.age, pulse.told["node"]) for name, pulse in state.workers.items()} == {"b": (0.0, "n2")}
    assert (state.spent, state.calls, state.stopped) == (1.875, 6, "")
    permits.stop("enough")
    permits.stop("later")
    assert permits.pulse("b", {})
    assert permits.state().stopped == "enough"


def test_all_that_goes_over_the_wire_can() -> None:
    permits, _ = held(max_cost=1.0)
    permits.pulse("a", {"calls": 1})
    for one in (
        STATED,
        News(Limits(1.0), 1, 2.0, 3.0, 4, 5, (6.0,)),
        permits.lease("a", STATED, 3),
        permits.money("a", Account(), 1, 0.1, 0.1),
        permits.state(),
    ):
        assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
