"""What is to come, against the plainest of computations: what has come, divided by how far it is."""

from dataclasses import replace
from random import Random

import pytest

from prefgen.live.guess import FEW, Guess, Step, guess, to_come
from prefgen.live.past import LEAST, LONG, Pace, Past

PER_PROMPT = {"responses": 4, "judgments": 12}
DOLLARS = {"responses": 0.001, "judgments": 0.0005}


def steps_at(prompts: int, lag: int = 0, known: int = 0) -> list[Step]:
    """Steps that so many prompts are past, the second ``lag`` prompts behind; replies to the first ``known`` prompts
    were known.
    """
    found = []
    for behind, (name, each) in enumerate(PER_PROMPT.items()):
        done = prompts - behind * lag
        new = max(0, done - known) * each
        found.append(
            Step(
                name, asks=True, done=done, asked=done * each, known=done * each - new, replies=new,
                dollars=new * DOLLARS[name],
            )
        )  # fmt: skip
    return found


@pytest.mark.parametrize("done", [25, 100, 333, 999])
def test_time_and_money_left_are_what_the_rest_takes_at_the_pace_so_far(done: int) -> None:
    prompts, seconds = 1000, 7.0 * done
    found = guess(steps_at(done), prompts, prompts, Pace(done * 16 / seconds, done / seconds))
    assert found.left == pytest.approx(seconds / done * (prompts - done))
    assert found.dollars == pytest.approx((prompts - done) * (4 * 0.001 + 12 * 0.0005))
    assert found.share == done / prompts


def test_what_a_later_step_is_behind_is_still_to_come() -> None:
    found = guess(steps_at(500, lag=100), 1000, 1000, Pace(10, 1))
    assert found.left == pytest.approx((500 * 4 + 600 * 12) / 10)
    assert found.share == 0.4


def test_replies_that_are_there_for_prompts_under_way_are_not_asked_again() -> None:
    some = replace(steps_at(100)[0], replies=100 * 4 + 30, within=20)
    assert to_come(some, 1000) == 900 * 4 - 30
    assert to_come(replace(some, within=5), 1000) == 900 * 4 - 5 * 4  # the others are those of canaries
    assert to_come(replace(some, asked=0, done=0), 1000) == 0


def drawn(chance: Random, places: int, until: int, prompts: int) -> tuple[Step, int]:
    """A step of which each draw is the last with one chance in three, ``places`` prompts at a time, when so many are
    past it; and how many draws there are to come.
    """
    wants = [next(k for k in range(1, 10**6) if chance.random() < 1 / 3) for _ in range(prompts)]
    had, done, rounds = [0] * prompts, set[int](), 0
    while len(done) < until:
        rounds += 1
        for one in [n for n in range(prompts) if n not in done][:places]:
            had[one] += 1
            if had[one] == wants[one]:
                done.add(one)
    asked = sum(wants[one] for one in done)
    step = Step("s", asks=True, stops=True, done=len(done), within=places, asked=asked, replies=sum(had))
    return step, sum(wants) - sum(had)


def test_where_draws_end_by_chance_those_that_ended_first_do_not_speak_for_the_others() -> None:
    chance, prompts = Random(7), 200
    found = [drawn(chance, 50, 40, prompts) for _ in range(40)]
    guessed, truth = sum(to_come(step, prompts) for step, _ in found), sum(rest for _, rest in found)
    assert guessed == pytest.approx(truth, rel=0.05)
    naive = sum(to_come(replace(step, stops=False), prompts) for step, _ in found)
    assert naive < 0.75 * truth


def test_known_replies_cost_nothing_and_say_how_many_a_prompt_wants() -> None:
    found = guess(steps_at(100, known=60), 1000, 1000, Pace(8, 0.5))
    assert found.left == pytest.approx(900 * 16 / 8)
    assert found.dollars == pytest.approx(900 * (4 * 0.001 + 12 * 0.0005))


def test_where_all_is_known_the_prompts_say_how_long_it_takes() -> None:
    found = guess(steps_at(400, known=1000), 1000, 1000, Pace(0, 200))
    assert found.left == pytest.approx(600 / 200)
    assert found.dollars is None


def test_a_target_wants_fewer_prompts() -> None:
    found = guess(steps_at(100), 1000, 250, Pace(16, 1))
    assert found.left == pytest.approx(150)


@pytest.mark.parametrize(("prompts", "least"), [(1000, FEW), (40, 10), (4, 1)])
def test_nothing_is_said_before_some_prompts_are_past_every_step(prompts: int, least: int) -> None:
    pace = Pace(10, 1)
    assert guess(steps_at(least, lag=1), prompts, prompts, pace) == Guess()
    assert guess(steps_at(least), prompts, prompts, pace).left is not None
    assert guess([], prompts, prompts, pace) == guess(steps_at(0), 0, 0, pace) == Guess()


def test_no_time_is_told_where_nothing_came_for_a_minute_and_no_money_without_a_price() -> None:
    unpriced = [replace(step, dollars=None) for step in steps_at(500)]
    assert guess(unpriced, 1000, 1000, Pace(0.0, 0.0)) == Guess(None, None, 0.5)
    assert guess(unpriced, 1000, 1000, Pace()) == Guess(None, None, 0.5)


# --- rates -----------------------------------------------------------------------


def test_rates_are_those_of_the_last_seconds() -> None:
    past = Past()
    for tenth in range(1200):  # ten a second for a minute, then thirty
        replies = tenth if tenth < 600 else 600 + 3 * (tenth - 600)
        past.add(tenth / 10, {"s": replies}, replies, replies // 10)
    now = 119.9
    assert past.rate("s", now) == pytest.approx(30)
    assert past.rate("another", now) == 0
    assert past.pace(now).replies == pytest.approx(30, rel=0.01)
    assert past.pace(now).prompts == pytest.approx(3, rel=0.02)
    assert len(past.seen) <= LONG * 10 + 2


def test_a_rate_falls_to_nothing_when_nothing_comes() -> None:
    past = Past()
    for second in range(30):
        past.add(second, {"s": min(second, 10) * 5}, 0, 0)
    assert past.rate("s", 29) == 0
    assert Past().rate("s", 29) == 0


def test_a_slow_step_has_the_rate_of_a_minute() -> None:
    past = Past()
    for second in range(90):
        past.add(second, {"slow": second // 12}, 0, 0)
    assert past.rate("slow", 89) == pytest.approx(1 / 12, rel=0.1)


def test_how_a_run_begins_is_soon_forgotten() -> None:
    past = Past()
    for second in range(41):  # a burst of 200, then five a second
        past.add(second, {}, 200 + 5 * second if second else 0, second)
    assert past.pace(40) == (5, 1)
    assert Past(past.seen).rate("none", 40) == 0


def test_what_is_looked_at_seldom_has_a_pace_as_well() -> None:
    past = Past()
    for minute in range(10):
        past.add(60 * minute, {"s": 300 * minute}, 300 * minute, 60 * minute)
        assert minute == 0 or past.pace(60 * minute) == (5, 1)
        assert minute == 0 or past.rate("s", 60 * minute) == 5


def test_no_pace_is_told_in_the_first_seconds_or_of_another_part() -> None:
    past = Past()
    past.add(0, {}, 0, 0)
    past.add(1, {}, 50, 5)
    assert past.pace(1) == Past().pace(1) == Pace()
    past.add(LEAST, {}, 90, 6)
    assert past.pace(LEAST) == (30, 2)
    past.add(5, {}, 90, 0)  # the prompts of the next part
    past.add(15, {}, 110, 10)
    assert past.pace(15) == (2, 1)
