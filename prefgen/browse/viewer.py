"""A run as the server shows it: its pairs, and what people say of them, read anew when the run was run again."""

import threading
from functools import cached_property
from pathlib import Path

from prefgen.browse.ending import ending
from prefgen.browse.finding import Filters, GoOn
from prefgen.browse.labels import Labels
from prefgen.browse.lineage import Lineage, told
from prefgen.browse.pairs import PairTable
from prefgen.browse.shaping import Json


class Viewer:
    """One run's folder. Raises RunError where no run is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._stamp, self._open = self._now(), _Open(folder)
        self._open.table.facets()  # a damaged table is told before anybody looks

    @property
    def title(self) -> str:
        """The recipe's name."""
        return str(self._open.table.made.told.get("recipe") or self.folder.resolve().name)

    @property
    def about(self) -> str:
        """How many pairs there are."""
        table = self._open.table
        kind = "pairs of judgments" if table.chain.of_judgments else "pairs"
        return f"{table.total:,} {kind} of {self.folder}. {self.ending}".removesuffix(". ")

    @property
    def ending(self) -> str:
        """What is said of a run that came to no end."""
        return ending(self.folder, self._open.table.made.told)

    @property
    def table(self) -> PairTable:
        """The pairs, as they are now."""
        return self._fresh().table

    @property
    def labels(self) -> Labels:
        """What people say of them."""
        return self._fresh().labels

    def page(self, filters: Filters, offset: int, limit: int, characters: int, go_on: GoOn) -> Json:
        """A page of pairs, as ``PairTable.page`` has it."""
        return self.table.page(filters, offset, limit, characters, go_on)

    def whole(self, pair_id: str) -> Json | None:
        """One pair uncut, and what it came from; None where there is none."""
        now = self._fresh()
        row = now.table.row(pair_id)
        return row and {"row": row, "lineage": [told(one) for one in now.lineage.of_pair(now.table, pair_id)]}

    def _fresh(self) -> "_Open":
        with self._lock:
            if (stamp := self._now()) != self._stamp:
                self._stamp, self._open = stamp, _Open(self.folder)
            return self._open

    def _now(self) -> int:
        """When the run was written last; 0 where it was ended before it could tell."""
        try:
            return (self.folder / "run.json").stat().st_mtime_ns
        except OSError:
            return 0


class _Open:
    """What is read of a run, as long as it stays as it is."""

    def __init__(self, folder: Path) -> None:
        self.table = PairTable(folder)

    @cached_property
    def labels(self) -> Labels:
        return Labels(self.table)

    @cached_property
    def lineage(self) -> Lineage:
        return Lineage(self.table.made)
