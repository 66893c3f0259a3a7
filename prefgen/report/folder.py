"""A run's folder, as a report reads it: what run.json says, and those tables that are of the run it tells of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from prefgen import folders
from prefgen.tablefile import parquet

LOSSES = ("dropped", "unreadable", "failed")
"""How rows, and replies, are lost."""
PAIRS = frozenset({"chosen", "rejected"})
"""The columns by which a table of pairs is known."""

Step = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A table on disk: where it lies, its rows, its columns."""

    path: Path
    rows: int
    columns: frozenset[str]

    @property
    def pair(self) -> str:
        """The column that names a pair: its rows may be judgments of it."""
        return "pair_id" if "pair_id" in self.columns else "id"


@dataclass(frozen=True)
class RunFolder:
    """A run's folder, and what its run.json tells."""

    place: Path
    told: Mapping[str, Any]

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """What became of each table, in the recipe's order."""
        return {step["table"]: step for step in self.told["steps"]}

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        """The run's tables. One with other rows than run.json counts is not among them: a run that was stopped leaves
        what an earlier one had written.
        """
        found = {name: _table(self.place / "tables" / f"{name}.parquet") for name in self.steps}
        return {name: one for name, one in found.items() if one and one.rows == self.steps[name]["rows_out"]}

    @cached_property
    def lost(self) -> Mapping[str, Table]:
        """The rows that are in none of them, by the table that they would be in."""
        found = {name: _table(self.place / "tables" / f"{name}.dropped.parquet") for name in self.steps}
        return {name: one for name, one in found.items() if one and one.rows == lost(self.steps[name])}

    @cached_property
    def written(self) -> Sequence[Table]:
        """The files of the preferences that this run wrote; none where it wrote none."""
        rows = sum(((self.told.get("dataset") or {}).get("preferences") or {}).values())
        paths = sorted((self.place / "dataset" / "preferences").glob("*.parquet")) if rows else []
        found = [one for path in paths if (one := _table(path))]
        return found if sum(one.rows for one in found) == rows else []

    @property
    def pairs(self) -> Sequence[str]:
        """The tables of pairs, in the recipe's order."""
        return [name for name, one in self.tables.items() if one.columns >= PAIRS]

    @property
    def last_pairs(self) -> str | None:
        """The table whose pairs are written, or else the last table of pairs; of a benchmark the pairs that it asks
        about, which are the first.
        """
        writes = self.told.get("write") or {}
        if writes.get("preferences") in self.pairs:
            return str(writes["preferences"])
        asked = "results" in writes and "preferences" not in writes
        return next(iter(self.pairs) if asked else reversed(self.pairs), None)

    def above(self, table: str) -> list[str]:
        """The tables of which this one is made, and itself, in the recipe's order; all of them where an older run.json
        does not say.
        """
        if any("inputs" not in step for step in self.steps.values()):
            return list(self.steps)
        found = {table}
        for name in reversed([*self.steps]):
            found |= set(self.steps[name]["inputs"]) if name in found else set()
        return [name for name in self.steps if name in found]


def opened(folder: str | Path) -> RunFolder:
    """A run's folder. Raises RunError where there is no run, or what it tells cannot be read."""
    place = Path(folder)
    told = folders.account(place)
    if told is None:
        raise folders.untold(place)
    if not isinstance(told.get("steps"), list):
        raise folders.damaged(place / "run.json")
    return RunFolder(place, told)


def lost(step: Step) -> int:
    """How many rows and replies of a step are lost."""
    return sum(sum((step.get(kind) or {}).values()) for kind in LOSSES)


def _table(path: Path) -> Table | None:
    """A table; None where there is none, or a part of one."""
    try:
        with parquet().ParquetFile(path, pre_buffer=False) as file:
            return Table(path, file.metadata.num_rows, frozenset(file.schema_arrow.names))
    except (OSError, ValueError):  # Arrow's own errors are these
        return None
