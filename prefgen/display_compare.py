"""What people see of two runs: a screen of what differs, and some rows side by side."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from prefgen.columns import columns
from prefgen.columns import show as show_table
from prefgen.comparison import said, words
from prefgen.phrases import one_line
from prefgen.texts import plain

Figures = Mapping[str, Any]
MOST = 8
"""Rows of a table that may be long; ``--html`` and ``--json`` have all."""
LINES = 3
"""Of a text in an example."""
WIDEST, LONGEST = 40, 120
"""Cells of a column that folds, and characters of a setting; ``--html`` and ``--json`` have it whole."""
TITLE = 150
"""Characters of its prompt."""


def show(found: Figures, console: Console) -> None:
    """Prints all of it: what they are, what is to be known first, the tables, the examples."""
    a, b = (found[place]["name"] for place in "ab")
    for name, folder, what in words.sides(found):
        console.print(
            Text.assemble((plain(name), "bold"), f"  {plain(what)}  ", (plain(folder), "dim")), soft_wrap=True
        )
    console.print("")
    for line in said.headline(found):
        console.print(Text(plain(line)), soft_wrap=False)
    _print(console, ("setting", a, b), _settings(found), left=(0, 1, 2), folds=(0, 1, 2))
    _measures(console, "What came of the prompts", (a, b), partial(words.made, found))
    _print(console, ("cost", a, b, f"{a}, a pair", f"{b}, a pair"), words.costs(found))
    _print(console, ("step that differs", "verb", a, b), words.steps(found), left=(0, 1))
    _print(console, ("in both, or in one", "both", f"only {a}", f"only {b}"), words.overlap(found), folds=(0,))
    if line := said.prompts(found):
        console.print(Text(plain(line)), soft_wrap=False)
    for one in found["judges"]:
        _measures(console, said.of_judge(one), (a, b), partial(words.judge, one))
    _print(console, ("judge", "result", a, b), words.results(found), left=(0, 1), folds=(0, 2, 3))
    _examples(found, console)


def _settings(found: Figures) -> words.Rows:
    """The settings that differ, the long ones cut."""
    return [(path, *(one_line(value, LONGEST) for value in both)) for path, *both in words.settings(found)]


def _print(
    console: Console,
    head: Sequence[str],
    rows: words.Rows,
    *,
    left: Collection[int] = (0,),
    folds: Collection[int] = (),
) -> None:
    """A table, of which the first rows are shown; none where it has none."""
    if not rows:
        return
    console.print("")
    narrow = min(WIDEST, console.width // len(head) - 1)
    show_table(console, *(partial(_table, head, rows[:MOST], left, folds, most) for most in (WIDEST, narrow)))
    if len(rows) > MOST:
        console.print(Text(f"… and {len(rows) - MOST:,} more; --html and --json have all", style="dim"))


def _measures(console: Console, title: str, names: tuple[str, str], rows: "partial[words.Rows]") -> None:
    """A table of shares and their differences: without the intervals of each where a terminal is narrow, and in two
    columns where it is too narrow for that.
    """
    whole, brief = rows(), rows(brief=True)
    if whole:
        head = ("", *names, "difference", "over", "p")
        console.print(Text(f"\n{plain(title)}", style="bold"))
        least = ("", f"{names[0]} | {names[1]} | difference"), [(name, _joined(cells)) for name, *cells in brief]
        forms = ((head, whole, (0,), ()), (head, brief, (0,), (0,)), (*least, (0, 1), (1,)))
        show_table(console, *(partial(_table, *form) for form in forms))


def _joined(cells: Sequence[str]) -> str:
    """What stands beside a measure, in one cell."""
    *numbers, over, p = cells
    return " | ".join(filter(None, numbers)) + (f", over {over}" if over else "") + (f", p {p}" if p else "")


def _table(
    head: Sequence[str], rows: words.Rows, left: Collection[int], folds: Collection[int], most: int = WIDEST
) -> Table:
    """A table, of which the columns that fold take so many cells at ``most``, and the others what they need."""
    table = columns(["" for _ in head])
    for place, column in enumerate(table.columns):
        widest = max(cell_len(plain(row[place])) for row in (head, *rows))
        column.min_width, column.max_width = (None, most) if place in folds else (widest, None)
        column.header = escape(plain(head[place]))
        column.justify = "left" if place in left else "right"
        column.no_wrap = place not in folds
    for row in rows:
        table.add_row(*(escape(plain(cell)) for cell in row))
    return table


# --- rows side by side ----------------------------------------------------------------------


def _examples(found: Figures, console: Console) -> None:
    for kind, title, head, rows in said.examples(found):
        told = plain(f"{said.KINDS[kind][0]}: {title}")
        console.print(Text(f"\n{told[:TITLE]}", style="bold"), soft_wrap=False)
        table = Table(box=None, pad_edge=False, header_style="dim", expand=console.is_terminal, padding=(0, 2, 0, 0))
        for name in head:
            table.add_column(escape(plain(name)), ratio=1, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in _cells(row, console)))
        console.print(table)


def _cells(row: Sequence[str], console: Console) -> Iterator[str]:
    """The texts of a row, each cut to some lines of its column; without a terminal the first words of each."""
    room = LINES * (console.width // max(1, len(row)) - 3) if console.is_terminal else 200
    for cell in row:
        whole = " ".join(plain(cell).split())
        yield whole if len(whole) <= room else whole[: room - 1].rstrip() + "…"
