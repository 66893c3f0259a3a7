"""Values that are alike have one type, so one of each likeness stands for all, and a source's rows need not be held."""

from collections.abc import Hashable, Iterable
from math import isfinite
from typing import Any

from prefgen.asker import Row

DEEPEST = 32
"""Lists and objects within one another that a column's type may have; at some hundred polars ends the process."""
_HALF = 2**63


class Samples:
    """Of some columns the first value of each likeness."""

    def __init__(self, names: Iterable[str]) -> None:
        self.found: dict[str, dict[Hashable, Any]] = {name: {} for name in names}

    def see(self, row: Row) -> None:
        """Looks at another row."""
        for name, found in self.found.items():
            if name in row:
                found.setdefault(likeness(row[name]), row[name])

    def rows(self) -> list[Row]:
        """A row for each value."""
        return [{name: value} for name, found in self.found.items() for value in found.values()]


def likeness(value: Any, levels: int = DEEPEST + 1) -> Hashable:
    """What decides a value's type: kinds, sizes of numbers, names of fields, and those of what is within. What JSON
    cannot say is like nothing else.
    """
    if isinstance(value, list | dict):
        return _within(value, levels) if levels else "deep"
    if value is None or isinstance(value, str | bool):
        return str(type(value))
    if isinstance(value, int):
        return "int" if -_HALF <= value < _HALF else ("large", value.bit_length(), value < 0)
    return "float" if isinstance(value, float) and isfinite(value) else id(value)


def _within(value: list[Any] | dict[str, Any], levels: int) -> Hashable:
    if isinstance(value, list):
        return (list, *dict.fromkeys(likeness(one, levels - 1) for one in value))
    return (dict, *((name, likeness(one, levels - 1)) for name, one in value.items()))
