"""Which pairs a person asks to see: by kind, state, gap, marks, and by a text that is looked for in theirs."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from prefgen.browse.groups import Groups, Numbers
from prefgen.browse.index import Index
from prefgen.browse.states import Why
from prefgen.conversations import as_texts
from prefgen.errors import PrefgenError, RunError, nearest

HELD = 16
"""Sets of filters whose pairs are remembered."""
STATES = ("kept", "dropped")
SORTS = ("order", "gap", "-gap", "disagreement")
MARKED = ("agree", "disagree", "edit", "any", "none")


GoOn = Callable[[], bool]
"""Whether somebody still waits for what is looked for."""


def always() -> bool:
    """Somebody does."""
    return True


class GivenUp(PrefgenError):
    """Nobody waits any more."""


@dataclass(frozen=True)
class Filters:
    """What pairs must be: ``q`` is looked for in the prompt and both responses, whatever its case, and at the start of
    the id; ``reason`` is "step: reason"; gaps are those between, ends included; ``mark`` is one, or "any" or "none";
    ``sort`` is by "gap", "-gap" (widest first) or "disagreement", else as they were made. Empty is any. Raises RunError
    for a word that there is not.
    """

    q: str = ""
    category: str = ""
    reason: str = ""
    state: str = ""
    min_gap: float | None = None
    max_gap: float | None = None
    disagreement: bool | None = None
    mark: str = ""
    sort: str = ""

    def __post_init__(self) -> None:
        for name, known in (("state", STATES), ("sort", SORTS), ("mark", MARKED)):
            if (said := getattr(self, name)) and said not in known:
                raise RunError(f"{name} is '{said:.60}'; {nearest(said, known)}")


class Finder:
    """Finds the numbers of pairs; those of the last filters are held. ``texts`` are the tables of pairs with the
    columns to look in, ``marked`` gives the numbers of the pairs with each mark.
    """

    def __init__(
        self, index: Index, texts: Sequence[tuple[Groups, Sequence[str]]], marked: Callable[[str], Numbers]
    ) -> None:
        self.index, self.texts, self.marked = index, texts, marked
        self._lock = threading.Lock()
        self._held: OrderedDict[Filters, Numbers] = OrderedDict()

    def numbers(self, filters: Filters, go_on: GoOn = always) -> Numbers | None:
        """The pairs, in the order that is asked for; None for all of them as they were made. Raises GivenUp."""
        if filters in {Filters(), Filters(sort="order")}:
            return None
        found = self._found(replace(filters, mark=""), go_on)
        if filters.mark in {"", "any", "none"}:
            every = self.marked("any") if filters.mark else found
            return found if not filters.mark else found[np.isin(found, every, invert=filters.mark == "none")]
        return found[np.isin(found, self.marked(filters.mark))]

    def _found(self, filters: Filters, go_on: GoOn) -> Numbers:
        with self._lock:
            if filters in self._held:
                self._held.move_to_end(filters)
                return self._held[filters]
        found = self._sought(filters, go_on)
        with self._lock:
            self._held[filters] = found
            while len(self._held) > HELD:
                self._held.popitem(last=False)
        return found

    def _sought(self, filters: Filters, go_on: GoOn) -> Numbers:
        rows = self.index.pairs.with_row_index("n").filter(*self._conditions(filters))
        numbers: Numbers = rows["n"].to_numpy().astype(np.int64)
        if filters.q:
            numbers = np.concatenate([np.array([], np.int64), *self._holding(filters.q, numbers, go_on)])
        if filters.sort in {"", "order"}:
            return numbers
        by = filters.sort.removeprefix("-")
        down = filters.sort != "gap"
        order = self.index.pairs[by].gather(numbers).arg_sort(descending=down, nulls_last=True)
        sorted_numbers: Numbers = numbers[order.to_numpy()]
        return sorted_numbers

    def _conditions(self, filters: Filters) -> Iterator[pl.Expr]:
        if filters.category:
            yield pl.col("category") == _place(filters.category, self.index.categories)
        if filters.reason:
            yield pl.col("why").is_in([n for n, one in enumerate(self.index.reasons) if spelt(one) == filters.reason])
        if filters.state:
            yield pl.col("why").is_null() if filters.state == "kept" else pl.col("why").is_not_null()
        if filters.min_gap is not None:
            yield pl.col("gap") >= filters.min_gap
        if filters.max_gap is not None:
            yield pl.col("gap") <= filters.max_gap
        if filters.disagreement is not None:
            yield pl.col("disagreement") == filters.disagreement

    def _holding(self, q: str, numbers: Numbers, go_on: GoOn) -> Iterator[Numbers]:
        """Those of these pairs that hold a text; one row group is read after another."""
        first = 0
        for groups, names in self.texts:
            own = numbers[(numbers >= first) & (numbers < first + groups.height)] - first
            for some, rows in groups.pieces(["id", *names], own):
                if not go_on():
                    raise GivenUp
                yield some[rows.select(_holds(rows, q, names)).to_series().to_numpy()] + first
            first += groups.height


def spelt(why: Why) -> str:
    """``agreed: verdict differs from gold``; a step that gives no reason stands alone."""
    return f"{why[0]}: {why[1]}" if why[1] is not None else why[0]


def _place(name: str, names: Sequence[str]) -> int:
    return names.index(name) if name in names else len(names)


def _holds(rows: pl.DataFrame, q: str, names: Sequence[str]) -> pl.Expr:
    pattern = f"(?i){pl.escape_regex(q)}"
    texts = [pl.lit(as_texts(rows[name])).str.contains(pattern) for name in names]
    return pl.any_horizontal(*texts, pl.col("id").str.starts_with(q)).fill_null(value=False)
