"""What is said of a moment: which limit holds, money, what was lost; in a log, a line."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from prefgen.live.guess import Guess, Step
from prefgen.live.moment import Moment, Queue
from prefgen.live.words import below, first, held, how_far, line, lost, money, news, on_the_wire
from prefgen.llm.gate import Hold
from tests.test_display import EVIL, STEERS

STEP = Step("judgments", asks=True, done=51, rows=310, calls=402, dollars=0.5, retries=4)
NOW = Moment("ste", 83.9, [Step("all", rows=300), STEP], done=51, prompts=300)

HOLDS = {
    Hold("paused", 11.7): "429, Retry-After 12 s",
    Hold("paused", 0.1): "429, Retry-After 1 s",
    Hold("broken", 15): "most of the last requests failed, the next one goes in 15 s",
    Hold("unreachable", 2): "no connection, the next one goes in 2 s",
    Hold("requests", 500, "stated"): "at the limit of 500 requests a minute (stated)",
    Hold("requests", 600.2, "told"): "at the limit of 600 requests a minute (the provider's)",
    Hold("requests", 1080, "slowed"): "1,080 requests a minute, as more were refused (429)",
    Hold("requests", 1200, "learning"): "1,200 requests a minute, more are tried",
    Hold("tokens", 200_000, "stated"): "at the limit of 200,000 tokens a minute (stated)",
    Hold("places", 64, "stated"): "all 64 places are taken",
    Hold("places", 20, "learning"): "20 places, more with each reply",
    Hold("places", 16, "slowed"): "16 places, fewer since requests timed out",
}


@pytest.mark.parametrize(("hold", "said"), HOLDS.items(), ids=str)
def test_a_limit_in_words(hold: Hold, said: str) -> None:
    assert held(hold) == said


def queue(use: str, waiting: int, hold: Hold | None = None, in_flight: int = 3) -> Queue:
    return Queue(use, in_flight, 4, waiting, hold)


def said(parts: list[str]) -> list[str]:
    return [part for part in parts if part]


def test_what_is_in_flight_and_what_waits() -> None:
    one = [queue("m/1", 9, Hold("paused", 5))]
    assert said(on_the_wire(replace(NOW, queues=one))) == ["3 of 4 in flight", "9 wait: 429, Retry-After 5 s"]
    assert said(on_the_wire(replace(NOW, queues=[queue("m/1", 0)]))) == ["3 of 4 in flight"]
    assert said(on_the_wire(replace(NOW, queues=[queue("m/1", 0, in_flight=0)]))) == said(on_the_wire(NOW)) == []
    more = [queue(f"m/{n}", n, Hold("paused", n)) for n in (7, 3, 9, 5, 1)]
    assert said(on_the_wire(replace(NOW, queues=more))) == [
        "15 of 20 in flight",
        *(f"{n} wait for m/{n}: 429, Retry-After {n} s" for n in (9, 7, 5)),
        "4 wait for 2 models more",
    ]


def test_money_that_is_set_aside_and_limits_that_let_few_prompts_begin() -> None:
    assert said(on_the_wire(replace(NOW, short=8))) == ["8 wait for money set aside for others"]
    few = replace(NOW, begun=16)
    assert said(on_the_wire(few)) == ["16 prompts begun, the others as these tell how far the target goes"]
    assert said(on_the_wire(replace(few, max_cost=2)))[-1].endswith("how far the money goes")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, []),
        ({"paid": 0.0182, "spent": 0.0182}, ["$0.0182 spent"]),
        ({"paid": 2, "spent": 3.5, "max_cost": 20}, ["$2.00 spent, $3.50 with earlier runs, $20.00 at most"]),
        ({"max_cost": 0.5}, ["$0.0000 spent, $0.5000 at most"]),
        ({"paid": 1, "spent": 1, "guess": Guess(9, 3, 0.25)}, ["$1.00 spent", "about $4.00 in all (from 25% of prompts)"]),
        ({"paid": 1, "spent": 1, "parts": 2, "guess": Guess(9, 3, 0.25)},
         ["$1.00 spent", "about $4.00 after this part (from 25% of prompts)"]),
        ({"steps": [replace(STEP, dollars=None)]}, ["some replies have no known price"]),
        ({"steps": [replace(STEP, dollars=None)], "paid": 1, "spent": 1},
         ["$1.00 spent", "and replies of unknown price"]),
    ],
)  # fmt: skip
def test_money(more: dict[str, Any], told: list[str]) -> None:
    assert said(money(replace(NOW, **more))) == told


def test_what_was_lost_and_sent_again() -> None:
    assert said(lost(NOW)) == ["4 sent again"]
    bad = replace(STEP, unreadable=Counter(missing=1, truncated=5), failed=Counter(timeout=2), retries=0)
    told = ["unreadable: 10 truncated, 2 missing", "failed: 4 timeout"]
    assert said(lost(replace(NOW, steps=[bad, bad]))) == told


def test_how_far_it_is() -> None:
    assert said(how_far(NOW)) == ["01:23", "51 of 300 prompts"]
    assert said(how_far(Moment("", 5))) == ["00:05", "starting"]
    later = replace(NOW, part=2, parts=2, target="7 of 9 pairs kept", guess=Guess(3725.2))
    assert said(how_far(later)) == [
        "01:23",
        "part 2 of 2, 51 of 300 prompts",
        "7 of 9 pairs kept",
        "about 1:02:05 left",
    ]
    assert said(how_far(replace(later, part=1)))[-1] == "about 1:02:05 left in this part"
    assert said(how_far(replace(later, done=300)))[-1] == "7 of 9 pairs kept"


def test_a_run_that_is_stopping_tells_of_nothing_more_to_come() -> None:
    now = replace(NOW, stopping=True, queues=[queue("m/1", 9, Hold("paused", 5))], paid=1, guess=Guess(9, 3, 0.25))
    assert said([*how_far(now), *on_the_wire(now), *money(now)]) == [
        "01:23", "51 of 300 prompts", "stopping", "3 of 4 in flight", "$1.00 spent",
    ]  # fmt: skip


def test_what_is_longer_than_a_terminal_is_wide_goes_over_lines() -> None:
    now = replace(NOW, queues=[queue("m/1", 9, Hold("requests", 600, "told"))])
    assert [line.plain for line in below(now, 44)] == [
        "01:23 · 51 of 300 prompts",
        "3 of 4 in flight",
        "9 wait: at the limit of 600 requests a",
        "minute (the provider's)",
        "4 sent again",
    ]


def test_a_line_of_a_log_has_all_of_it() -> None:
    now = replace(NOW, queues=[queue("m/1", 9, Hold("paused", 5))], paid=0.5, spent=0.5, waits=["a batch of 9"])
    assert line(now) == (
        "01:23 · 51 of 300 prompts · judgments 310 rows 402 calls · 3 of 4 in flight · 9 wait: 429, Retry-After 5 s"
        " · $0.5000 spent · 4 sent again · a batch of 9"
    )


def test_a_first_line_says_what_is_asked() -> None:
    asking = {"responses": ["m/1"], "pairs": ["m/1"], "judgments": ["m/2", "m/3"]}
    assert first(NOW, asking, 300) == "ste: 300 prompts, 2 steps; asks m/1 for responses, pairs; 2 models for judgments"
    assert first(NOW, {}, None) == "ste: 2 steps; asks no model"


def test_news_are_what_changes_but_for_the_time() -> None:
    assert news(replace(NOW, seconds=99, queues=[queue("m/1", 9)], guess=Guess(9))) == news(NOW)
    for changed in (replace(NOW, done=52), replace(NOW, steps=[replace(STEP, calls=403)]), replace(NOW, waits=["x"])):
        assert news(changed) != news(NOW)


def test_no_line_steers_a_terminal() -> None:
    evil = Moment(EVIL, 1, [replace(STEP, name=EVIL, unreadable=Counter({EVIL: 1}))], 1, 2, waits=[EVIL])
    evil = replace(evil, queues=[queue(EVIL, 2, Hold("paused", 1)), queue(EVIL, 2, Hold("paused", 1))])
    assert not STEERS & set(line(evil) + first(evil, {EVIL: [EVIL]}, 2))
