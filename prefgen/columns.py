"""Tables on a screen: a number is shown whole, or in a shorter form, and never cut."""

import math
from collections.abc import Callable, Collection, Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

SHORT = 10_000
"""Numbers below are never shortened."""


def columns(names: Sequence[str], *, left: Collection[str] = (), folds: Collection[str] = ()) -> Table:
    """A table of these columns, as yet without rows; of numbers, but for those on the ``left``. What ``folds`` may go
    over lines.
    """
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, justify="left" if name in left else "right", no_wrap=name not in folds, overflow="fold")
    return table


def show(console: Console, *forms: Callable[[], Table]) -> None:
    """Prints the first form of a table that fits a terminal, or else the last one; without a terminal the first, as
    wide as it is.
    """
    table, *others = (form() for form in forms)
    while console.is_terminal and others and not _fits(table, console):
        table = others.pop(0)
    if not (console.is_terminal and _fits(table, console)):
        table.width = _measured(table, console).maximum
    console.print(table, crop=False)


def _fits(table: Table, console: Console) -> bool:
    """Whether no more must be folded than what may be."""
    needs = _measured(table, console)
    folds = not all(column.no_wrap for column in table.columns)
    return (needs.minimum if folds else needs.maximum) <= console.width


def _measured(table: Table, console: Console) -> Measurement:
    return table.__rich_measure__(console, console.options.update(width=1_000_000))


def short(number: float, *, most: bool = False) -> str:
    """64.4M for 64,428,123; the ``most`` that there may be is rounded up."""
    if number < SHORT:
        return f"{number:,.0f}"
    power = min(4, int(math.log10(number) // 3))
    shown = number / 1000**power
    digits = 2 - min(2, int(math.log10(shown)))
    shown = math.ceil(shown * 10**digits) / 10**digits if most else shown
    return f"{shown:,.{digits}f}{' kMBT'[power]}"
