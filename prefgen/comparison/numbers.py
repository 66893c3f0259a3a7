"""Numbers of a comparison in words, each with its interval and what it is of."""

from collections.abc import Mapping, Sequence
from typing import Any

from prefgen.statistics import percent

Figures = Mapping[str, Any]
NOUGHT = "-"
"""Where there is no number."""
NEAR = 1e-9
IN_BOTH = "of these in both"
"""What stands before the numbers of those rows of the line above that both have."""


def measured(name: str, told: Figures, *, brief: bool = False) -> list[tuple[str, ...]]:
    """A share of A, that of B, their difference in points, and over what and how sure it is. Where the difference is of
    other rows than the shares are, it has a line of its own, with both shares of the rows that it is of.
    """
    found = told["difference"]
    short = [percent(told[place]["value"], 1) if brief and told[place] else share(told[place]) for place in "ab"]
    sides = [f"{one} n {told[place]['n']:,}" if told[place] else one for one, place in zip(short, "ab", strict=True)]
    if not found:
        return [(name, *sides, NOUGHT, "", "")]
    points = _minus(f"{100 * found['value']:+.1f} ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})")
    if of_all(told):
        return [(name, *sides, points, *over(found))]
    return apart((name, *sides), [percent(found[place], 1) for place in "ab"], found, points)


def of_all(told: Figures) -> bool:
    """Whether a difference is that of the two numbers beside it."""
    found = told["difference"]
    return all(told[place] and abs(told[place]["value"] - found[place]) < NEAR for place in "ab")


def apart(whole: tuple[str, ...], both: Sequence[str], found: Figures, difference: str) -> list[tuple[str, ...]]:
    """A line for what either has, and one for the rows that both have, of which the difference is."""
    shared = [f"{one} n {found['n']:,}" for one in both]
    return [(*whole, "", "", ""), (IN_BOTH, *shared, difference, *over(found))]


def share(one: Figures | None) -> str:
    """56.2% (52.2 to 60.1)."""
    if not one:
        return NOUGHT
    value, low, high = (percent(one[name], 1) for name in ("value", "low", "high"))
    return f"{value} ({low[:-1]} to {high[:-1]})"


def over(found: Figures) -> tuple[str, str]:
    """How many of both a difference is of, and how sure it is that there is one."""
    if not found["paired"]:
        return "unpaired", ""
    sure = "" if found["p"] is None else "<0.001" if found["p"] < 0.001 else f"{found['p']:.3f}"
    return f"{found['n']:,}", sure


def interval(found: Figures) -> str:
    """0.60 (0.25 to 0.93)."""
    return _minus(f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})")


def plainly(found: Figures) -> str:
    """A difference of two means, with its interval."""
    return _minus(f"{found['value']:+.2f} ({found['low']:+.2f} to {found['high']:+.2f})")


def _minus(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")


def some(number: int, one: str) -> str:
    """1 pair, 2 pairs."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def money(dollars: float) -> str:
    """$1.23, or $0.0123: three digits that say something."""
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.3g}"
