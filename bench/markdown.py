"""Figures as Markdown."""

from collections.abc import Iterable, Sequence
from statistics import median


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is words and whose others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """The median, and the least and the most where there are several."""
    middle = format(median(values), form)
    low, high = format(min(values), form), format(max(values), form)
    return middle if low == high else f"{middle} ({low}\u2013{high})"


def times(value: float, of: float) -> str:
    """One as a multiple of another."""
    return f"{value / of:.2f}" if of else ""
