"""What people see: counts and pairs as they are, on any terminal, and nothing in a row that could steer one."""

import io
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from prefgen import display
from prefgen.display import Watch, cells, clock, one_line, why
from prefgen.llm.outcome import Tally
from prefgen.rounds import Count
from prefgen.run import Run
from prefgen.saved import Saved
from prefgen.stages import Progress
from prefgen.stopping import Stop
from prefgen.stops.first_agreeing import first_agreeing
from prefgen.texts import plain

EVIL = "[bold]b[/bold] [/nope] \x1b[2J\x1b]0;title\x07 \x9b31m \u202ecod.exe\u2066 \r\n[link=http://x]y \\[z]\\"
STEERS = set(map(chr, [*range(10), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


def on(width: int = 200, *, terminal: bool = False) -> tuple[Console, io.StringIO]:
    """A console as the command line makes it, and what is written on it."""
    seen = io.StringIO()
    return Console(file=seen, width=width, force_terminal=terminal, highlight=False, color_system=None), seen


def talk(prompt: str, response: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]


def summary(run: Run, *rows: Mapping[str, Any], width: int = 200) -> str:
    console, seen = on(width)
    display.summary(run, rows, console)
    return seen.getvalue()


ASKED = Count(
    rows_in=1234, rows_out=5, drawn=9, read=5, unreadable=Counter({"truncated": 3}), failed=Counter({"timeout": 1}),
    tally=Tally(calls=1500, cached=4, prompt_tokens=1000, completion_tokens=234, dollars=1.5),
)  # fmt: skip
PICKED = Count(rows_in=5, rows_out=2, dropped=Counter({"under 1": 2, "no verdict": 1}))
PAIR = {"chosen": talk("Why?", "So."), "rejected": talk("Why?", "Because.")}


def test_a_summary_says_what_became_of_every_row_and_what_it_cost() -> None:
    run = Run(
        Path("out"),
        {"asked": ASKED, "picked": PICKED},
        {"preferences": {"train": 2}, "judge_sft": {"train": 1000, "test": 200}},
        3725.9,
    )
    assert [" ".join(line.split()) for line in summary(run, PAIR, PAIR).splitlines()] == [
        "step in out lost, and why",
        "asked 1,234 5 3 unreadable (truncated), 1 failed (timeout)",
        "picked 5 2 1 no verdict, 2 under 1",
        "",
        "1,500 calls, 4 replies known or shared, 1,234 tokens, $1.5000, 1:02:05",
        "", "1. Why?", "chosen So.", "rejected Because.",
        "", "2. Why?", "chosen So.", "rejected Because.",
        "", "out/dataset: preferences 2, judge_sft 1,000 train + 200 test",
    ]  # fmt: skip


def test_a_summary_says_what_stops_saved() -> None:
    saved = Saved(Stop(first_agreeing), asked=400, fixed=1600)
    counts = {"asked": replace(ASKED, saved=saved), "picked": PICKED}
    lines = summary(Run(Path("out"), counts)).splitlines()
    (place,) = [i for i, line in enumerate(lines) if line.startswith("1,500 calls")]
    assert lines[place + 1] == "saved 1,200 of 1,600 calls: first_agreeing 1,200"


def number(kind: str, name: str, score: float, judge: str | None, **more: Any) -> dict[str, Any]:
    """A row of a benchmark's results."""
    empty = dict.fromkeys(("low", "high", "weight", "convention", "mode", "unreadable", "disagreement", "note"))
    return {**empty, "kind": kind, "name": name, "score": score, "rows": 4, "judge_model": judge, **more}


def test_results_stand_in_a_column_for_each_judge() -> None:
    results = [
        number("subset", "hep-go", 75, "m/1", low=30.1, high=95.4),
        number("overall", "4-section", 18.75, "m/1", mode="single", unreadable=0.1, disagreement=0.25, note="few rows"),
        number("subset", "hep-go", 50, "m/2", low=15, high=85, note="in no section"),
    ]
    console, seen = on()
    display.summary(Run(Path("out"), {}), [], console, results=results)
    assert [" ".join(line.split()) for line in seen.getvalue().splitlines()[-5:]] == [
        "rows m/1 m/2",
        "hep-go 4 75.0 (30.1 to 95.4) 50.0 (15.0 to 85.0)",
        "overall, 4-section 4 18.8",
        "m/1, 4-section: single; 10.0% unreadable; 25.0% credited otherwise by the benchmark's own reading; few rows",
        "m/2, hep-go: in no section",
    ]


def test_results_steer_no_terminal() -> None:
    console, seen = on()
    display.scoreboard([number("subset", EVIL, 1, EVIL, note=EVIL)], console)
    assert not STEERS & set(seen.getvalue())


def test_a_summary_without_a_dataset_names_none() -> None:
    assert "dataset" not in summary(Run(Path("out"), {"picked": PICKED}))
    priced = Count(tally=Tally(calls=2, dollars=0.25, unpriced=1))
    assert "$0.2500 and 1 reply of unknown price, 00:00" in summary(Run(Path("out"), {"a": priced}))


def test_nothing_in_a_row_or_a_reason_steers_the_terminal_or_is_read_as_markup() -> None:
    lost = Count(dropped=Counter({"[bold]b[/bold] [/nope] \\[z]\\": 2}))
    said = summary(
        Run(Path("[red]out"), {"t": lost}, {"[i]c": {"train": 1}}),
        {"chosen": talk(EVIL, EVIL), "rejected": talk(EVIL, EVIL)},
    )
    assert not STEERS & set(said)
    assert "2 [bold]b[/bold] [/nope] \\[z]\\" in said
    assert said.count("[bold]b[/bold] [/nope] [2J]0;title 31m cod.exe [link=http://x]y \\[z]\\\n") == 3
    assert "[red]out/dataset: [i]c 1" in said


@pytest.mark.parametrize("width", [1, 8, 20, 40, 80, 132])
def test_long_texts_stay_on_their_lines_at_any_width(width: int) -> None:
    long = "word " * 500
    run = Run(Path("out"), {"t": PICKED}, {}, 1)
    shown = display.pair(1, {"chosen": talk(long, long), "rejected": talk(long, "short")}, width).plain.splitlines()
    assert [line[:11].strip() for line in shown[2:]] == ["chosen", "rejected"]
    assert max(map(len, shown)) <= max(width, 32)
    assert (shown[1][-1], shown[2][-1], shown[3]) == ("…", "…", "   rejected short")
    assert summary(run, {"chosen": talk(long, long), "rejected": talk(long, long)}, width=width).count("…") == 3


def test_a_pair_shows_the_last_turn_and_what_it_answers() -> None:
    turns = [*talk("First?", "One."), *talk("Then?", "Two.")]
    shown = display.pair(7, {"chosen": turns, "rejected": [*turns[:-1], {"role": "assistant", "content": ""}]}, 80)
    assert shown.plain == "\n7. Then?\n   chosen   Two.\n   rejected "


@given(st.text(), st.integers(2, 50))
def test_one_line_is_one_line_of_its_width(text: str, width: int) -> None:
    line = one_line(text, width)
    assert cell_len(line) <= width
    assert line.splitlines() in ([], [line])
    assert not STEERS & set(line)
    assert line == " ".join(plain(text).split()) or line.endswith("…")


def test_what_fits_is_shown_whole() -> None:
    assert [one_line(text, 5) for text in ("a\nb\t c", "abcde", "abcdef", "abc def", "")] == [
        "a b c",
        "abcde",
        "abcd…",
        "abc…",
        "",
    ]
    assert plain("a\tb\nc\rd\x1b[0m\u200fe\u00e9") == "a\tb\ncd[0me\u00e9"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "00:00"), (59.9, "00:59"), (60, "01:00"), (3599.9, "59:59"), (3600, "1:00:00"), (360_000, "100:00:00")],
)
def test_a_clock_shows_hours_once_there_are_any(seconds: float, said: str) -> None:
    assert clock(seconds) == said


def test_why_is_empty_where_nothing_was_lost() -> None:
    assert why(Count(rows_in=3, rows_out=3)) == ""


@pytest.mark.parametrize("width", [1, 20, 40, 80])
@pytest.mark.parametrize("terminal", [True, False])
def test_a_number_of_a_summary_is_never_cut(width: int, terminal: bool) -> None:
    console, seen = on(width, terminal=terminal)
    display.summary(Run(Path("out"), {"a_long_name": Count(rows_in=1_234_567, rows_out=7_654_321)}), [], console)
    assert ["a_long_name", "1,234,567", "7,654,321"] in [line.split() for line in seen.getvalue().splitlines()]


# --- during a run ----------------------------------------------------------------


def test_a_step_that_asks_nothing_shows_no_calls() -> None:
    assert cells(PICKED) == ["5", "2", "", "", "", "", "", ""]
    assert cells(ASKED) == ["1,234", "5", "1,500", "4", "3", "1", "1,234", "1.5000"]
    assert cells(Count(tally=Tally(calls=1, dollars=0.5, unpriced=1)))[-1] == "?"


def progress(**more: Any) -> Progress:
    return Progress({"asked": ASKED, "picked": PICKED}, prompts_done=3, prompts=1200, **{"stages": 1, **more})


@pytest.mark.parametrize("width", [1, 10, 40, 80, 200])
def test_a_terminal_shows_a_live_table_and_is_left_as_it_was(width: int) -> None:
    console, seen = on(width, terminal=True)
    with Watch(progress(stages=2, stage=1), console):
        pass
    shown = seen.getvalue()
    assert (shown.count("\x1b[?25l"), shown.count("\x1b[?25h")) == (1, 1)
    assert shown.endswith("\x1b[1A\x1b[2K")
    if width >= 80:
        assert "asked" in shown
        assert "1,500" in shown
        assert "stage 2 of 2, 3 of 1,200 prompts" in shown


@pytest.mark.parametrize("terminal", [True, False])
def test_a_fault_of_the_run_passes_and_the_watch_ends(terminal: bool) -> None:
    console, seen = on(terminal=terminal)
    with pytest.raises(ZeroDivisionError), Watch(progress(), console):
        raise ZeroDivisionError
    assert "progress" not in {thread.name for thread in threading.enumerate()}
    assert seen.getvalue().endswith("\x1b[2K" if terminal else "")


def test_the_time_left_is_told_once_it_can_be() -> None:
    console, seen = on(terminal=True)
    for done, began in ((0, 0.0), (1200, 0.0), (300, time.monotonic() - 3600)):
        now = progress(stage_began=began)
        now.prompts_done = done
        with Watch(now, console):
            pass
    assert seen.getvalue().count(" left") == 1
    assert re.search(r"300 of 1,200 prompts, about 3:0\d:\d\d left", seen.getvalue())


class Rounds(threading.Event):
    """Waits are over at once; the watch is over after the given number of them."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.rounds = rounds

    def wait(self, timeout: float | None = None) -> bool:
        self.rounds -= 1
        return self.rounds < 0


def test_without_a_terminal_there_is_a_plain_line_now_and_then() -> None:
    console, seen = on(20)
    now = progress()
    now.prompts_done = 1200
    watch = Watch(now, console)
    watch._over = Rounds(2)
    with watch:
        pass
    line = r"\d\d:\d\d · 1,200 of 1,200 prompts · asked 5 rows 1,500 calls\n"
    assert re.fullmatch(f"({line}){{2}}", seen.getvalue())
