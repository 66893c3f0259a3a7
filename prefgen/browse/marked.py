"""The marks of a run's pairs as they are now. Those whose pair is gone or has other texts are counted, and not used."""

import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from prefgen.browse.chain import Ids
from prefgen.browse.groups import Numbers
from prefgen.browse.marks import Mark, Marks, texts_of
from prefgen.browse.shaping import Json

ENOUGH = 100
"""Pairs whose texts are looked at together."""


class Marked:
    """Marks by the numbers of pairs. ``texts`` gives the prompt and both responses of pairs by their numbers."""

    def __init__(self, marks: Marks, ids: Ids, texts: Callable[[Numbers], Sequence[Json]]) -> None:
        self.marks, self.ids, self.texts = marks, ids, texts
        self.gone = self.changed = 0
        self._lock = threading.Lock()
        self._hashes: dict[int, str] = {}
        self._known: Mapping[str, Mark] | None = None
        self._current: dict[int, Mark] = {}

    def current(self) -> Mapping[int, Mark]:
        """The marks that count, by the numbers of their pairs; ``gone`` are those whose pair is, ``changed`` those
        whose pair has other texts now.
        """
        with self._lock:
            self._take(self.marks.known())
            return self._current

    def _take(self, known: Mapping[str, Mark]) -> None:
        if known is not self._known:
            every = list(known.values())
            numbers = self.ids.exactly(pl.Series([one.pair_id for one in every], dtype=pl.String))
            self._look(numbers[numbers >= 0])
            there = {int(number): one for number, one in zip(numbers, every, strict=True) if number >= 0}
            self._current = {number: one for number, one in there.items() if self._hashes[number] == one.texts}
            self.gone, self.changed = len(every) - len(there), len(there) - len(self._current)
            self._known = known

    def numbers(self, mark: str) -> Numbers:
        """The pairs with this mark, or with "any"."""
        found = [number for number, one in self.current().items() if mark in {"any", one.mark}]
        return np.array(sorted(found), np.int64)

    def _look(self, numbers: Numbers) -> None:
        """Looks at texts that were not looked at before."""
        new = np.array([number for number in numbers.tolist() if number not in self._hashes], np.int64)
        for start in range(0, len(new), ENOUGH):
            some = new[start : start + ENOUGH]
            self._hashes |= {int(n): texts_of(row) for n, row in zip(some, self.texts(some), strict=True)}
