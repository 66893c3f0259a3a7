"""What people see: counts and pairs as they are, on any terminal, and nothing in a row that could steer one."""

import io
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
from prefgen.display_funnel import brief, chosen, funnel, why
from prefgen.display_results import scoreboard
from prefgen.llm.outcome import Tally
from prefgen.phrases import clock, one_line
from prefgen.rounds import Count
from prefgen.run import Run
from prefgen.saved import Saved
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
        "picked 5 2 2 under 1, 1 no verdict",
        "",
        "1,500 calls, 4 replies known or shared, 1,234 tokens, $1.5000, 1:02:05",
        "", "1. Why?", "chosen So.", "rejected Because.", "2. Why?", "chosen So.", "rejected Because.",
        "", "out/dataset: preferences 2, judge_sft 1,000 train + 200 test", "look at it: prefgen view out",
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
    assert [" ".join(line.split()) for line in seen.getvalue().splitlines()[-7:-2]] == [
        "rows m/1 m/2",
        "hep-go 4 75.0 (30.1 to 95.4) 50.0 (15.0 to 85.0)",
        "overall, 4-section 4 18.8",
        "m/1, 4-section: single; 10.0% unreadable; 25.0% credited otherwise by the benchmark's own reading; few rows",
        "m/2, hep-go: in no section",
    ]


def test_results_steer_no_terminal() -> None:
    board = scoreboard([number("subset", EVIL, 1, EVIL, note=EVIL)])
    assert not STEERS & set("".join(line.plain for line in board))


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
    shown = [
        line.plain for line in display.pair(1, {"chosen": talk(long, long), "rejected": talk(long, "short")}, width)
    ]
    assert [line[:11].strip() for line in shown[1:]] == ["chosen", "rejected"]
    assert max(map(len, shown)) <= max(width, 32)
    assert (shown[0][-1], shown[1][-1], shown[2]) == ("…", "…", "   rejected short")
    assert summary(run, {"chosen": talk(long, long), "rejected": talk(long, long)}, width=width).count("…") == 3


def test_a_pair_shows_the_last_turn_and_what_it_answers() -> None:
    turns = [*talk("First?", "One."), *talk("Then?", "Two.")]
    shown = display.pair(7, {"chosen": turns, "rejected": [*turns[:-1], {"role": "assistant", "content": ""}]}, 80)
    assert [line.plain for line in shown] == ["7. Then?", "   chosen   Two.", "   rejected "]


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


# --- on a screen -----------------------------------------------------------------

STEPS = {
    **{f"plain{n}": Count(rows_in=9, rows_out=9) for n in range(12)},
    "lossy": Count(
        rows_in=9, rows_out=2, dropped=Counter({"a reason that is rather long": 4, "another": 2, "third": 1})
    ),
    **{f"more{n}": Count(rows_in=2, rows_out=2) for n in range(8)},
}


def test_of_many_steps_those_with_losses_are_shown_and_the_others_counted() -> None:
    assert [line.plain for line in funnel(STEPS, 60, 4)] == [
        "step    in  out  lost, and why",
        "plain0   9    9",
        "plain1   9    9",
        "lossy    9    2  4 a reason that is rather long and 3 more",
        "more7    2    2",
        "and 17 steps that lost nothing",
    ]
    assert chosen(STEPS, 1) == ["lossy"]
    assert len(funnel(STEPS)) == 1 + len(STEPS)
    twice = {**STEPS, "worse": Count(dropped=Counter({"x": 8}))}
    assert [line.plain for line in funnel(twice, 60, 1)][1:] == ["worse   0    0  8 x", "and 21 steps that lost 7"]


@pytest.mark.parametrize(
    ("room", "said"),
    [
        (None, "4 a reason that is rather long, 2 another, 1 third"),
        (50, "4 a reason that is rather long, 2 another, 1 third"),
        (49, "4 a reason that is rather long and 3 more"),
        (41, "4 a reason that is rather long and 3 more"),
        (30, "4 a reason that is rather lon…"),
    ],
)
def test_what_a_step_lost_is_told_as_far_as_a_line_goes(room: int | None, said: str) -> None:
    assert brief(STEPS["lossy"], room) == said
    assert brief(Count(), room) == ""


def test_reasons_go_over_lines_where_there_is_room_below() -> None:
    assert [line.plain for line in funnel({"lossy": STEPS["lossy"]}, 50)] == [
        "step   in  out  lost, and why",
        "lossy   9    2  4 a reason that is rather long,",
        "                2 another, 1 third",
    ]


def on_screen(run: Run, rows: int, width: int, height: int, results: Any = (), after: Any = ()) -> list[str]:
    seen = io.StringIO()
    console = Console(file=seen, width=width, height=height, force_terminal=True, color_system=None, soft_wrap=True)
    display.summary(run, [PAIR] * rows, console, results=results, after=after)
    return seen.getvalue().splitlines()


@pytest.mark.parametrize("height", [24, 30, 60])
def test_a_summary_fits_the_screen_and_shows_as_much_as_there_is_room_for(height: int) -> None:
    shown = on_screen(Run(Path("out"), STEPS, {"preferences": {"train": 2}}), 3, 80, height)
    assert len(shown) <= height - 1
    assert any(line.startswith("lossy") for line in shown)
    assert sum("chosen" in line for line in shown) == {24: 2, 30: 2, 60: 3}[height]
    left_out = [int(line.split()[1]) for line in shown if line.endswith("steps that lost nothing")]
    assert sum(line.startswith(("plain", "lossy", "more")) for line in shown) + sum(left_out) == len(STEPS)
    assert (len(shown) == height - 1) == bool(left_out) == (height < 60)


def test_warnings_that_follow_have_their_room() -> None:
    run, after = Run(Path("out"), STEPS), ["a warning " * 20, "another"]
    assert len(on_screen(run, 3, 80, 24, after=after)) == 23 - 3 - 1 == len(on_screen(run, 3, 80, 24)) - 4


def test_results_of_subsets_give_way_to_the_whole_ones() -> None:
    rows = [number("subset", f"s{n}", n, "m/1") for n in range(23)]
    rows += [number("section", "Chat", 50, "m/1"), number("overall", "4-section", 18.75, "m/1", mode="single")]
    run = Run(Path("out"), {"asked": ASKED}, {"results": {"train": 23}})
    shown = on_screen(run, 0, 80, 24, rows)
    assert len(shown) <= 23
    assert [line.split()[0] for line in shown if line.endswith(("50.0", "18.8"))] == ["Chat", "overall,"]
    assert "and what these are made of, 23 lines in results.json" in shown
    assert len(on_screen(run, 0, 80, 60, rows)) > 23


def test_a_summary_says_where_to_look(tmp_path: Path) -> None:
    folder = tmp_path / "a run"
    folder.mkdir()
    assert summary(Run(folder, {"asked": ASKED}), width=500).splitlines()[-1] == f"look at it: prefgen view '{folder}'"
    (folder / "report.html").touch()
    said = summary(Run(folder, {"asked": ASKED}), width=500).splitlines()[-1]
    assert said == f"look at it: prefgen view '{folder}', or {folder}/report.html"


def test_canaries_are_told_with_how_many_there_were_and_what_would_do() -> None:
    def told(**ends: int) -> str:
        each = Counter({("flattery", end): number for end, number in ends.items()})
        return display.tried(Run(Path("out"), {"judged": Count(canaries=each)}))[0]

    assert told(withstood=11, fooled=1, unreadable=2) == (
        "canaries of judged: the judge withstood 11 of 12 attacks with a known answer, 1 fooled it, 2 unreadable; "
        "a better judge or prompt withstands more"
    )
    assert told(withstood=12) == "canaries of judged: the judge withstood 12 of 12 attacks with a known answer"
    assert told(failed=3) == "canaries of judged: 3 failed"
