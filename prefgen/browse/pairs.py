"""The pairs of a run, a page at a time: every row of the tables that made them, kept or dropped, with the judgments
behind it.

Of each pair some bytes are held: what became of it, its kind, its gap, where its judgments are. Texts are read when a
page of them is wanted, and never all at once.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from prefgen.browse import made
from prefgen.browse.chain import SIDES, chain
from prefgen.browse.finding import Filters, Finder, GoOn, always, spelt
from prefgen.browse.groups import Numbers
from prefgen.browse.index import Index, index
from prefgen.browse.marked import Marked
from prefgen.browse.marks import Marks
from prefgen.browse.shaping import Json, PairRow, columns_of, judgments, looked_at, merged, pair
from prefgen.rows import shuffled

__all__ = ["Filters", "PairTable"]

ENOUGH = 100
"""Pairs whose rows are shaped together."""


class Place(NamedTuple):
    """The ``row`` of a ``table`` that is a pair, and the numbers of its judgments' rows by their tables."""

    table: str
    row: int
    judgments: Sequence[tuple[str, Sequence[int]]]


class PairTable:
    """The pairs of a run's folder, numbered from 0 in the order in which they were made. Raises RunError where no run
    is, or where a table is damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.made = made.opened(folder)
        self.folder, self.chain = Path(folder), chain(self.made)
        self.roots = [self.made.steps[table] for table in self.chain.roots]
        self.starts: Numbers = np.cumsum([0, *(one.rows.height for one in self.roots)], dtype=np.int64)
        self.total = int(self.starts[-1])
        self.marks = Marks(self.folder)

    @cached_property
    def index(self) -> Index:
        """What is held of each pair."""
        return index(self.made, self.chain)

    def facets(self) -> Json:
        """What there is to choose from, with how many pairs there are of each: ``categories``, ``reasons`` ("step:
        reason"), ``states``, ``judges``, and the least and the greatest ``gap`` (None where pairs have no scores); and
        how many pairs there are with a ``disagreement`` of judges, and with ``marks``.
        """
        pairs, told = self.index.pairs, self.index
        kept, gap = pairs["why"].null_count(), pairs["gap"]
        return {
            "categories": _counted(pairs["category"], told.categories),
            "reasons": _counted(pairs["why"], [spelt(one) for one in told.reasons]),
            "states": {"kept": kept, "dropped": self.total - kept},
            "judges": [*told.judges],
            "gap": None if gap.null_count() == self.total else [gap.min(), gap.max()],
            "disagreement": int(pairs["disagreement"].sum()),
            "marks": len(self.marked.current()),
        }

    def page(
        self, filters: Filters, offset: int, limit: int, characters: int | None = None, go_on: GoOn = always
    ) -> Json:
        """``total``, the number of pairs that are so, and ``rows``: of these the ones from ``offset`` on, at most
        ``limit``. Texts are cut to so many ``characters``. Raises GivenUp where a search was not to ``go_on``.
        """
        numbers = self._finder.numbers(filters, go_on)
        total = self.total if numbers is None else len(numbers)
        wanted = np.arange(min(offset, total), min(offset + limit, total))
        return {"total": total, "rows": self.rows(wanted if numbers is None else numbers[wanted], characters)}

    def row(self, name: str, characters: int | None = None) -> PairRow | None:
        """The pair with this id, or None."""
        number = int(self.index.ids.exactly(pl.Series([name]))[0])
        return None if number < 0 else self.rows(np.array([number]), characters)[0]

    def place(self, name: str) -> Place | None:
        """Where the pair with this id stands, or None."""
        number = int(self.index.ids.exactly(pl.Series([name]))[0])
        if number < 0:
            return None
        of = int(np.searchsorted(self.starts, number, side="right")) - 1
        found = [(one.step.table, one.of(np.array([number]))) for one in self.index.links if not one.lost]
        judgments = [(table, rows["row"].to_list()) for table, rows in found]
        return Place(self.roots[of].table, number - int(self.starts[of]), judgments)

    def sample(self, rows: int, seed: int, characters: int) -> Json:
        """So many pairs, drawn by a hash of the seed and the pair's id, in the order in which they were made, and how
        many there are ``of``: the same ones in each run that makes these pairs.
        """
        shown = self.rows(self._drawn(rows, seed), characters)
        return {"rows": shown, "of": self.total, "shown": len(shown), "cut_at": characters, "seed": seed}

    def _drawn(self, rows: int, seed: int) -> Numbers:
        best = pl.DataFrame(schema={"draw": pl.UInt64, "n": pl.Int64})
        for step, start in zip(self.roots, self.starts, strict=False):
            first, ending = int(start), self.chain.endings[step.table][0]
            for some in step.rows.narrow(["id"]):
                ids = some.select(pl.col("id") + ending)
                draws = ids.select(shuffled(seed, "sample").alias("draw"), pl.int_range(pl.len()).alias("n") + first)
                best = pl.concat([best, draws]).bottom_k(rows, by=["draw", "n"])
                first += some.height
        return best["n"].sort().to_numpy()

    @cached_property
    def _finder(self) -> Finder:
        texts = []
        for one in self.roots:
            names = columns_of(one.columns, of_judgments=self.chain.of_judgments)
            texts.append((one.rows, [name for name, new in names.items() if new in {"prompt", *SIDES}]))
        return Finder(self.index, texts, self.marked.numbers)

    @cached_property
    def marked(self) -> Marked:
        """The marks of these pairs."""
        return Marked(self.marks, self.index.ids, self.texts)

    # --- rows ---

    def rows(self, numbers: Numbers, characters: int | None = None) -> list[PairRow]:
        """The pairs of these numbers, in their order."""
        parts = (numbers[start : start + ENOUGH] for start in range(0, len(numbers), ENOUGH))
        return [row for part in parts for row in self._shaped(part, characters)]

    def _shaped(self, numbers: Numbers, characters: int | None) -> Iterable[PairRow]:
        judged = self._judgments(numbers)
        rows = zip(numbers, self._read(numbers), self._told(numbers), strict=True)
        return [pair(row, told, merged(judged.get(int(number), [])), characters) for number, row, told in rows]

    def texts(self, numbers: Numbers) -> list[Json]:
        """The whole prompt and both responses of these pairs, with their ids."""
        return [{"id": row["id"], **looked_at(row)} for row in self._read(numbers)]

    def _read(self, numbers: Numbers) -> list[Json]:
        """The rows of the tables that made these pairs, by the names that a pair has."""
        found: list[Json] = [{} for _ in numbers]
        of = np.searchsorted(self.starts, numbers, side="right") - 1
        for place, step in enumerate(self.roots):
            at = np.flatnonzero(of == place)
            names = columns_of(step.columns, of_judgments=self.chain.of_judgments)
            rows = step.rows.take(numbers[at] - self.starts[place], [*names])
            for where, row in zip(at, rows, strict=True):
                own = {names[name]: value for name, value in row.items()}
                found[where] = own | {"id": own["id"] + self.chain.endings[step.table][0]}
        return found

    def _told(self, numbers: Numbers) -> Iterable[Json]:
        """What is held of these pairs."""
        rows, marks = self.index.pairs[numbers], self.marked.current()
        held = zip(numbers.tolist(), rows["why"].to_list(), rows["disagreement"].to_list(), strict=True)
        for number, why, disagree in held:
            step, reason = (None, None) if why is None else self.index.reasons[why]
            state, mark = "kept" if why is None else "dropped", marks.get(number)
            told = {"state": state, "step": step, "reason": reason, "disagreement": disagree}
            yield told | {"mark": mark.shown() if mark else None}

    def _judgments(self, numbers: Numbers) -> dict[int, list[Json]]:
        found: dict[int, list[Json]] = {}
        for one in self.index.links:
            for number, judgment in judgments(one, one.of(numbers)):
                found.setdefault(number, []).append(judgment)
        return found


def _counted(values: pl.Series, names: Sequence[str]) -> dict[str, int]:
    """How often each name is there, the most frequent first; two places may have one name."""
    found: Counter[str] = Counter()
    for place, often in values.drop_nulls().value_counts().iter_rows():
        found[names[place]] += often
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))
