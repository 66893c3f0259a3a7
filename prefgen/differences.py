"""Two forms of a table, row by row: what is gone, what is new, and what is another in which columns."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal

import polars as pl

Kind = Literal["gone", "new", "changed"]
Row = Mapping[str, Any]

IDS: Mapping[str, Sequence[str]] = {
    "preferences": ("pair_id",),
    "judgments": ("judgment_id",),
    "judge_sft": ("judgment_id",),
    "judge_preferences": ("judge_pair_id",),
    "responses": ("response_id",),
    "results": ("kind", "name", "judge_model"),
}
"""What names a row of each config."""


@dataclass(frozen=True)
class Change:
    """One row that is not as it was. ``columns`` holds what each was and what it is: of a row that is gone or new, all
    of them.
    """

    table: str
    id: str
    kind: Kind
    columns: Mapping[str, tuple[Any, Any]]


def differences(table: str, before: pl.DataFrame, now: pl.DataFrame, by: Sequence[str] = ("id",)) -> list[Change]:
    """Every row that differs: in the order in which they stood, then the new ones."""
    old, new = dict(_named(before, by)), dict(_named(now, by))
    found = []
    for name, row in old.items():
        columns = _columns(row, new.get(name, {}))
        if columns:
            found.append(Change(table, name, "changed" if name in new else "gone", columns))
    return found + [Change(table, name, "new", _columns({}, row)) for name, row in new.items() if name not in old]


def _named(rows: pl.DataFrame, by: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """Each row with its name; of several with one name, the later ones are numbered."""
    seen = Counter[str]()
    for row in rows.iter_rows(named=True):
        name = " / ".join(str(row[column]) for column in by if row[column] is not None)
        seen[name] += 1
        yield (name if seen[name] == 1 else f"{name} #{seen[name]}"), row


def _columns(old: Row, new: Row) -> dict[str, tuple[Any, Any]]:
    """The columns that differ; a column that is not there holds nothing."""
    names = dict.fromkeys([*old, *new])
    return {name: (old.get(name), new.get(name)) for name in names if not _same(old.get(name), new.get(name))}


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) or all(isinstance(one, float) and isnan(one) for one in (a, b))
