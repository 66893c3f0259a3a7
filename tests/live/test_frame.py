"""A moment of a run on a terminal: exactly this text, at any width and height, whatever a recipe calls its steps."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from prefgen.live.frame import COLUMNS, NARROW, bar, chosen, frame, laid_out
from prefgen.live.guess import Guess, Step
from prefgen.live.moment import Moment, Queue
from prefgen.llm.gate import Hold
from tests.test_display import EVIL, STEERS

STEPS = (
    Step("all", rows=300, state="done"),
    Step(
        "labelled", asks=True, done=186, within=40, rows=186, calls=190, asked=186, replies=188, tokens=41_240,
        dollars=0.0182, rate=11.84, unreadable=Counter(missing=2), retries=2,
    ),
    Step("prompts", rows=102),
    Step(
        "responses", asks=True, done=120, within=46, rows=98, calls=120, known=20, asked=98, replies=98, tokens=20_400,
        dollars=0.0234, rate=9.9, unreadable=Counter(truncated=4), failed=Counter(timeout=1),
    ),
    Step("orders"),
    Step(
        "judgments", asks=True, done=51, within=33, rows=310, calls=402, asked=380, replies=398, tokens=402_000,
        dollars=0.3201, rate=102.2, unreadable=Counter(missing=3, conflicting=1), retries=4,
    ),
    Step("agreed", rows=86),
    Step("metas", asks=True, state="later"),
)  # fmt: skip
NOW = Moment(
    name="ste", seconds=83.9, steps=STEPS, done=51, prompts=300, parts=2,
    queues=[Queue("openai/gpt-4.1-mini", 64, 64, 1204, Hold("requests", 500, "stated"))],
    paid=0.3617, spent=0.5617, max_cost=20, guess=Guess(204.2, 1.1, 0.17),
)  # fmt: skip

AT_120 = """\
step       prompts                        rows  calls  known    /s  unreadable  failed  tokens       $
all                                        300
labelled   ━━━━━━━━━━━━━━╸───        62%   186    190      0  11.8           2       0   41.2k  0.0182
prompts                                    102
responses  ━━━━━━━━━╸───             40%    98    120     20   9.9           4       1   20.4k  0.0234
orders
judgments  ━━━━───                   17%   310    402      0   102           4       0    402k  0.3201
agreed                                      86
metas

01:23 · part 1 of 2, 51 of 300 prompts · about 03:24 left in this part
64 of 64 in flight · 1,204 wait: at the limit of 500 requests a minute (stated)
$0.3617 spent, $0.5617 with earlier runs, $20.00 at most · about $1.46 after this part (from 17% of prompts)
unreadable: 5 missing, 4 truncated, 1 conflicting · failed: 1 timeout · 6 sent again"""
AT_80 = """\
step       prompts         rows  calls  known    /s  unreadable  failed       $
all                         300
labelled   ━━━━━╸─    62%   186    190      0  11.8           2       0  0.0182
prompts                     102
responses  ━━━╸─      40%    98    120     20   9.9           4       1  0.0234
orders
judgments  ━╸─        17%   310    402      0   102           4       0  0.3201
agreed                       86
metas

01:23 · part 1 of 2, 51 of 300 prompts · about 03:24 left in this part
64 of 64 in flight · 1,204 wait: at the limit of 500 requests a minute (stated)
$0.3617 spent, $0.5617 with earlier runs, $20.00 at most
about $1.46 after this part (from 17% of prompts)
unreadable: 5 missing, 4 truncated, 1 conflicting · failed: 1 timeout
6 sent again"""
AT_60 = """\
step       prompts          rows  calls  unreadable       $
all                          300
labelled   ━━━━━━──    62%   186    190           2  0.0182
prompts                      102
responses  ━━━━──      40%    98    120           4  0.0234
orders
judgments  ━╸─         17%   310    402           4  0.3201
agreed                        86
metas

01:23 · part 1 of 2, 51 of 300 prompts
about 03:24 left in this part
64 of 64 in flight
1,204 wait: at the limit of 500 requests a minute (stated)
$0.3617 spent, $0.5617 with earlier runs, $20.00 at most
about $1.46 after this part (from 17% of prompts)
unreadable: 5 missing, 4 truncated, 1 conflicting
failed: 1 timeout · 6 sent again"""


def shown(now: Moment, width: int, height: int = 40, **more: Any) -> str:
    return "\n".join(line.plain.rstrip() for line in frame(now, width, height, **{"colour": False, **more}))


@pytest.mark.parametrize(("width", "text"), [(120, AT_120), (80, AT_80), (60, AT_60)])
def test_a_moment_is_this_text(width: int, text: str) -> None:
    assert shown(NOW, width - 1) == text


@given(st.integers(1, 200), st.integers(1, 40))
def test_no_line_is_wider_than_the_terminal_and_there_are_no_more_than_it_has(width: int, height: int) -> None:
    lines = frame(NOW, width, height)
    assert len(lines) <= height
    narrow = NARROW + len("  rows")  # a name and its rows are always there
    assert max(cell_len(line.plain) for line in lines) <= max(width, narrow)


def test_columns_go_one_by_one_as_it_gets_narrower() -> None:
    before = [column for column, _ in laid_out(STEPS, 200).columns]
    assert before == [*COLUMNS]
    for width in range(200, 20, -1):
        now = [column for column, _ in laid_out(STEPS, width).columns]
        gone = [column for column in before if column not in now]
        assert [column.rank for column in gone] == ([max(column.rank for column in before)] if gone else [])
        before = now
    assert before == [COLUMNS[0]]


@pytest.mark.parametrize(
    ("done", "within", "prompts"), [(0, 0, 9), (1, 3, 9), (5, 2, 9), (9, 0, 9), (0, 0, 0), (7, 9, 9)]
)
@pytest.mark.parametrize("cells", [8, 13, 24])
def test_a_bar_shows_what_is_past_a_step_and_what_is_at_it(done: int, within: int, prompts: int, cells: int) -> None:
    text = bar(Step("s", asks=True, done=done, within=within), prompts, cells, colour=False).plain
    track, said = text[:cells], text[cells:]
    halves = 2 * track.count("━") + track.count("╸")
    share = done / (prompts or 1)
    assert halves == int(share * cells * 2)
    assert abs(len(track.rstrip()) - min(1, share + within / (prompts or 1)) * cells) <= 1
    assert said == f"{int(100 * share):>4}%"


def test_without_colours_what_is_to_come_is_blank_and_with_them_a_line() -> None:
    half = Step("s", asks=True, done=1)
    assert bar(half, 2, 8, colour=False).plain == "━━━━      50%"
    assert bar(half, 2, 8, colour=True).plain == "━━━━────  50%"


MANY = [
    *(Step(f"old{n}", asks=n % 2 == 0, state="done", rows=n) for n in range(10)),
    *(Step(f"now{n}", asks=n % 2 == 0) for n in range(6)),
    *(Step(f"new{n}", asks=n % 2 == 0, state="later") for n in range(9)),
]


def test_of_many_steps_those_under_way_are_shown_and_the_others_counted() -> None:
    steps, rest = chosen(MANY, 4)
    assert [step.name for step in steps] == ["now0", "now1", "now2", "now4"]
    assert rest == "and 10 done, 2 that ask nothing, 9 to come"
    assert chosen(MANY, len(MANY)) == (MANY, "")
    text = shown(replace(NOW, steps=MANY), 79, 14)
    assert len(text.splitlines()) <= 14
    assert [f"now{n}" in text for n in (0, 2, 4)] == [True] * 3
    assert "and 10 done," in text


def test_a_run_that_has_not_begun_shows_its_clock() -> None:
    assert shown(Moment("", 3), 79) == "00:03 · starting"


def test_nothing_that_is_shown_steers_the_terminal() -> None:
    evil = replace(STEPS[1], name=EVIL, unreadable=Counter({EVIL: 1}))
    text = shown(
        replace(NOW, steps=[evil, replace(evil, asks=False)], waits=[EVIL], target=EVIL,
                queues=[Queue(EVIL, 1, 2, 3, Hold("paused", 2)), Queue(EVIL, 1, 1, 1, Hold("paused", 2))]),
        200,
    )  # fmt: skip
    assert not STEERS - {"\n"} & set(text)
    assert len(text.splitlines()) <= 10
