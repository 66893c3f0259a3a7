"""The tables through which a run's pairs went, from where they were made to where they were written.

The pairs of a run are the rows of those tables that hold pairs and are made of none: a pair that a later step dropped
is among them. A row of a later table belongs to the pair whose id its own begins with (``pair_id`` where it has one):
``both_orders`` adds ``.ab``, a draw its number, ``concat`` the number of the table.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from prefgen.browse.groups import Numbers
from prefgen.browse.made import Made, Tables

SIDES = ("chosen", "rejected")
OF_RESPONSES, OF_JUDGMENTS = frozenset(SIDES), frozenset({"chosen_judgment", "rejected_judgment", "asked"})
"""The columns of a pair of responses, and of a pair of judgments."""
Numbered = tuple[NDArray[np.uint64], Numbers]
"""Ids, hashed, and their numbers."""
DEEPEST = 6
"""Parts that an id may have more than its pair's."""


@dataclass(frozen=True)
class Chain:
    """``tables`` hold pairs, from the ``roots`` on, where they were made, to ``last``, whose pairs are kept.
    ``endings`` say how the id of a pair in each table goes on in ``last``. ``columns`` are those by which they are
    known; no table is in it where a run has none.
    """

    tables: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    last: str = ""
    endings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: frozenset[str] = OF_RESPONSES

    @property
    def of_judgments(self) -> bool:
        """Whether it is judgments that are paired."""
        return self.columns == OF_JUDGMENTS

    def ends(self, table: str, made: Tables) -> Sequence[str]:
        """How the ids of pairs go on that any table has: as in the nearest table of the chain that it is made of."""
        above = [table]
        for one in above:
            if one in self.endings:
                return self.endings[one]
            above += [name for name in made.steps[one].inputs if name not in above]
        return ("",)


def chain(made: Tables) -> Chain:
    """The chain of a run's written preferences; where none were written, of the last written table with pairs, or of
    the last table with pairs; where there are no pairs of responses, of the pairs of judgments.
    """
    for columns, config in ((OF_RESPONSES, "preferences"), (OF_JUDGMENTS, "judge_preferences")):
        holding = [table for table, one in made.steps.items() if one.columns >= columns]
        if holding:
            written = [table for table in holding if table in made.write.values()]
            last = made.write.get(config, "")
            return _up_from(last if last in holding else (written or holding)[-1], holding, made, columns)
    return Chain()


def _up_from(last: str, holding: Sequence[str], made: Tables, columns: frozenset[str]) -> Chain:
    endings, made_of_pairs = {last: [""]}, set[str]()
    for table in reversed(holding[: holding.index(last) + 1]):
        for place, one in enumerate(made.steps[table].inputs if table in endings else ()):
            if one in holding and _follows(made.steps[table], made.steps[one]):
                more = f".{place}" if _renames(made.steps[table]) else ""
                made_of_pairs.add(table)
                known = endings.setdefault(one, [])
                known += [more + end for end in endings[table] if more + end not in known]
    tables = tuple(table for table in holding if table in endings)
    roots = tuple(table for table in tables if table not in made_of_pairs)
    return Chain(tables, roots, last, endings, columns)


def _follows(step: Made, before: Made) -> bool:
    """Whether a table's pairs are those of its input. Verbs of ours keep ids; of others it is looked at: one that makes
    new pairs, with ids of their own, begins a chain.
    """
    if step.is_ours or not step.rows.height:
        return True
    column = key(before.columns)
    ids = Ids([(hashed(some[column]), np.zeros(some.height, np.int64)) for some in before.rows.narrow([column])])
    own = key(step.columns)
    return any((ids.of(some[own]) >= 0).any() for some in step.rows.narrow([own]))


def _renames(step: Made) -> bool:
    """Whether a table's ids are those of its inputs with a number more, which says of which."""
    return step.verb == "concat" and "pair_id" not in step.columns


def key(columns: Iterable[str]) -> str:
    """The column that says of which pair a row is."""
    return "pair_id" if "pair_id" in columns else "id"


class Ids:
    """The numbers of pairs by their ids, of which eight bytes each are held: two of a million are taken for one in one
    of 10^7 such tables.
    """

    def __init__(self, known: Sequence[Numbered] = ()) -> None:
        """Takes ids and their numbers."""
        hashes = np.concatenate([np.array([], np.uint64), *(part for part, _ in known)])
        numbers = np.concatenate([np.array([], np.int64), *(part for _, part in known)])
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._numbers = hashes[order], numbers[order]

    def of(self, ids: pl.Series, endings: Sequence[str] = ("",)) -> Numbers:
        """The number of the pair that each id is of, or begins with; -1 where there is none. ``endings`` are what the
        pair's own id has more.
        """
        places = self._places(ids, endings)
        return np.where(places < 0, -1, self._numbers[places]) if len(self._numbers) else places

    def exactly(self, ids: pl.Series) -> Numbers:
        """The number of the pair with each id; -1 where there is none."""
        places = self._exactly(ids) if len(self._numbers) else np.full(len(ids), -1, dtype=np.int64)
        return np.where(places < 0, -1, self._numbers[places]) if len(self._numbers) else places

    def every(self, ids: pl.Series, endings: Sequence[str] = ("",)) -> tuple[Numbers, Numbers]:
        """The places in ``ids`` and the numbers that belong to them, where an id may have several."""
        places = self._places(ids, endings)
        at = np.flatnonzero(places >= 0)
        start = places[at]
        ends = np.searchsorted(self._hashes, self._hashes[start], side="right")
        often = ends - start
        inner = np.arange(often.sum()) - np.repeat(np.cumsum(often) - often, often)
        return np.repeat(at, often), self._numbers[np.repeat(start, often) + inner]

    def _places(self, ids: pl.Series, endings: Sequence[str]) -> Numbers:
        """Where each id, or else the longest part of it that is known, stands first among the known ones; -1 where it
        does not.
        """
        found, at, left = np.full(len(ids), -1, dtype=np.int64), np.arange(len(ids)), ids
        for _ in range(DEEPEST if len(self._hashes) else 0):
            for ending in endings:
                places = self._exactly(left + ending if ending else left)
                found[at] = np.where(found[at] < 0, places, found[at])
            rest = found[at] < 0
            if not rest.any():
                break
            at, left = at[rest], left.filter(pl.Series(rest)).str.replace(r"\.[^.]*$", "")
        return found

    def _exactly(self, ids: pl.Series) -> Numbers:
        hashes = hashed(ids)
        places = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        return np.where(self._hashes[places] == hashes, places, -1)


def hashed(ids: pl.Series) -> NDArray[np.uint64]:
    """64 bits of each id, the same as long as Python runs."""
    return ids.cast(pl.String).fill_null("").hash(seed=0).to_numpy()
