"""A moment of a run on a terminal: a line a step, and below it what is waited for, what it costs and how long it takes.

It is laid out by hand: a table of rich's takes ten times as long, a few times a second.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from prefgen.columns import short
from prefgen.live.guess import Step
from prefgen.live.moment import Moment
from prefgen.live.words import below
from prefgen.phrases import one_line

GAP = "  "
NAME, NARROW = 24, 14
"""Cells of a step's name at most, on a wide terminal and on one of less than ROOMY columns."""
ROOMY = 72
BAR, LONGEST = 8, 24
"""Cells of a bar at the least and at the most."""
SHARE = 5
"""Cells of the share behind it."""
DONE, HALF, AT, REST = "━", "╸", "─", " "
"""What is past a step (or half a cell of it), what is at it now, and the rest."""


class Column(NamedTuple):
    """A number of a step. Where there is no room for all, the one with the highest ``rank`` goes first."""

    title: str
    cell: Callable[[Step], str]
    rank: int
    asks: bool = True


COLUMNS = (
    Column("rows", lambda s: f"{s.rows:,}" if s.rows or s.asks or s.state == "done" else "", 0, asks=False),
    Column("calls", lambda s: f"{s.calls:,}", 3),
    Column("known", lambda s: f"{s.known:,}", 6),
    Column("/s", lambda s: _rate(s.rate) if s.state == "now" else "", 4),
    Column("unreadable", lambda s: f"{s.unreadable.total():,}", 2),
    Column("failed", lambda s: f"{s.failed.total():,}", 5),
    Column("tokens", lambda s: short(s.tokens), 7),
    Column("$", lambda s: "?" if s.dollars is None else f"{s.dollars:,.4f}", 1),
)


@dataclass(frozen=True)
class Layout:
    """What fits a width: columns with the cells that each takes, cells of names and of the bar."""

    columns: Sequence[tuple[Column, int]]
    name: int
    bar: int


def frame(now: Moment, width: int, height: int, *, colour: bool = True) -> list[Text]:
    """The lines of a moment, none wider than ``width`` cells, and no more than ``height``."""
    facts = below(now, width)
    room = height - len(facts) - 2
    steps, left_out = chosen(now.steps, max(1, room - 1) if len(now.steps) > room else room)
    layout = laid_out(steps, width)
    lines = [_head(layout), *(_line(one, layout, now.prompts, colour=colour) for one in steps)] if steps else []
    more = [Text(one_line(left_out, width), style="dim")] if left_out else []
    return [*lines, *more, *([Text()] if lines else []), *facts][:height]


def chosen(steps: Sequence[Step], room: int) -> tuple[list[Step], str]:
    """The steps that are shown where there is room for so many: those under way that ask first, then those that asked
    and will ask; and what is said of the others.
    """
    if len(steps) <= room:
        return [*steps], ""
    ranks = {"now": 0, "later": 2, "done": 4}
    order = sorted(range(len(steps)), key=lambda i: ranks[steps[i].state] + (0 if steps[i].asks else 1))
    shown = set(order[:room])
    others = [step for i, step in enumerate(steps) if i not in shown]
    parts = [(sum(one.state == state for one in others), what) for state, what in _STATES.items()]
    said = ", ".join(f"{number} {what}" for number, what in parts if number)
    return [step for i, step in enumerate(steps) if i in shown], f"and {said}"


_STATES = {"done": "done", "now": "that ask nothing", "later": "to come"}


def laid_out(steps: Sequence[Step], width: int) -> Layout:
    """The columns that fit, by rank; what is left goes to the bar, which is the last but one to go."""
    longest = max((cell_len(one_line(step.name, NAME)) for step in steps), default=4)
    name = max(4, min(NAME if width >= ROOMY else NARROW, longest))
    widths = {c: max([len(c.title), *(len(c.cell(s)) for s in steps)]) for c in COLUMNS}
    kept: list[Column] = []
    room = width - name - len(GAP) - BAR - SHARE
    for column in sorted(COLUMNS, key=lambda c: c.rank):
        if (room := room - widths[column] - len(GAP)) < 0:
            break
        kept.append(column)
    bar = width - name - len(GAP) - SHARE - sum(widths[c] + len(GAP) for c in kept) if kept else 0
    return Layout([(c, widths[c]) for c in COLUMNS if c in (kept or COLUMNS[:1])], name, min(LONGEST, bar))


def _head(layout: Layout) -> Text:
    """The columns' names."""
    bar = "prompts" if layout.bar else ""
    words = ["step".ljust(layout.name), *([bar.ljust(layout.bar + SHARE)] if bar else [])]
    words += [column.title.rjust(cells) for column, cells in layout.columns]
    return Text(GAP.join(words), style="dim", no_wrap=True)


def _line(step: Step, layout: Layout, prompts: int, *, colour: bool) -> Text:
    """One step: its name, how many prompts are past it, and its numbers."""
    name = one_line(step.name, layout.name)
    line = Text(name + " " * (layout.name - cell_len(name)), no_wrap=True, style="" if step.asks else "dim")
    if layout.bar:
        line.append(GAP)
        line.append_text(
            bar(step, prompts, layout.bar, colour=colour) if step.asks else Text(" " * (layout.bar + SHARE))
        )
    for column, cells in layout.columns:
        shown = step.state != "later" and (step.asks or not column.asks)
        line.append(GAP + (column.cell(step) if shown else "").rjust(cells), style=_style(step, column))
    return line


def _style(step: Step, column: Column) -> str:
    lost = {"unreadable": step.unreadable, "failed": step.failed}.get(column.title)
    return ("red" if column.title == "failed" else "yellow") if lost and lost.total() else ""


def bar(step: Step, prompts: int, cells: int, *, colour: bool) -> Text:
    """A bar of so many cells, and the share that is done."""
    if step.state == "later":
        return Text(" " * (cells + SHARE))
    of = max(1, prompts)
    done = 1.0 if step.state == "done" else min(1.0, step.done / of)
    halves, at = int(done * cells * 2), round(min(1.0, done + step.within / of) * cells)
    past = DONE * (halves // 2) + HALF * (halves % 2)
    style = "green" if done == 1 else "cyan"
    line = Text(past, style=style)
    line.append(AT * (at - len(past)), style="cyan")
    line.append((AT if colour else REST) * (cells - max(at, len(past))), style="bright_black")
    return line.append(f"{int(done * 100):>{SHARE - 1}}%", style=style)


def _rate(rate: float) -> str:
    digits = 0 if rate >= 99.95 else 1 if rate >= 0.95 or not rate else 2
    return f"{rate:,.{digits}f}"
