"""Which of very many texts may be near one another, or near some others: what leaves few to be looked at one by one.

Texts are cut into runs of words as ``_shingles`` cuts them, and each run is a number of 64 bits. Equal runs have one
number; different ones hardly ever have, and then one text more is looked at. Nothing here decides: it passes over texts
that cannot be near any other.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from prefgen.filters._lots import MANY, Lots
from prefgen.filters._shingles import words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.uint64]
    Places = NDArray[np.int64]
    Flags = NDArray[np.bool_]

Found = TypeVar("Found")
Again = Callable[[], Iterable[pl.Series]]
"""Texts, some at a time, as often as they are asked for."""

ODD = 0x9E3779B97F4A7C15
"""Odd, with its bits well mixed: what numbers are spread by."""
PIECE = 4_000_000
"""Bytes of text that a thread cuts up at once: what bounds memory."""
ROW, OFTEN, TABLE = 17, 4, 24
"""Bits of a text's place in its piece; of how often a run comes, which is counted up to 15; and of the beginning of a
run's number, by which it is counted.
"""
MOST, LEFT = (1 << OFTEN) - 1, 64 - ROW - OFTEN


# --- texts near one another -----------------------------------------------------------------


def suspects(texts: pl.Series, threshold: float, n: int, *, piece: int = PIECE) -> pl.Series:
    """Places of texts, among which are all that are ``threshold`` alike to another one: Jaccard of their runs of n."""
    import numpy as np

    return pl.Series(np.unique(edges(lambda: [texts], threshold, n, piece=piece)), dtype=pl.UInt32)


def edges(texts: Again, threshold: float, n: int, *, piece: int = PIECE, most: int = MANY) -> "NDArray[np.uint32]":
    """Two texts' places for each number that they share of those that tell who may be alike: of any two texts that are,
    one leads to the other over such edges. The texts are gone over twice; of numbers there are ``most`` held.

    Sets of a and b runs that are so alike have threshold * max(a, b) in common. So of each set all but as many runs and
    one may be left out, the last in an order that is the same for all, and the two still share one (the prefix filter:
    Chaudhuri et al. 2006, Bayardo et al. 2007). Runs that come seldom go first: hardly any two texts share one.
    """
    import numpy as np

    often = np.zeros(1 << TABLE, np.uint8)
    for _, (place, more) in _each(texts(), lambda some: _counted(some, n), piece):
        often[place] = np.minimum(often[place] + np.minimum(more, MOST), MOST)
    lots = Lots(most)
    for start, (row, number) in _each(texts(), lambda some: _begun(some, n, often, threshold), piece):
        lots.add((row + start).astype(np.uint32), number)
    return np.concatenate([np.zeros((2, 0), np.uint32), *(_edges(*lot) for lot in lots.each())], axis=1)


def _edges(row: "NDArray[np.uint32]", number: "Numbers") -> "NDArray[np.uint32]":
    """The places of every two rows that stand beside one another, by their numbers, and have the same one."""
    import numpy as np

    order = np.argsort(number, kind="stable")
    row, number = row[order], number[order]
    same = np.flatnonzero(number[1:] == number[:-1])
    return np.stack([row[same], row[same + 1]])


def _counted(texts: pl.Series, n: int) -> "tuple[Numbers, Places]":
    """How many texts have runs, by the beginnings of these."""
    import numpy as np

    different = _distinct(*runs(texts, n))
    return np.unique((different >> np.uint64(LEFT - TABLE)) & np.uint64((1 << TABLE) - 1), return_counts=True)


def _begun(texts: pl.Series, n: int, often: "NDArray[np.uint8]", threshold: float) -> "tuple[Places, Numbers]":
    """The runs of each text that may not be left out: the texts' places, and the runs' numbers."""
    import numpy as np

    row, number = runs(texts, n)
    key = _distinct(row, number, often[number >> np.uint64(64 - TABLE)].astype(np.uint64))
    own = np.bincount(_row(key), minlength=len(texts))
    kept = own - np.ceil(threshold * own - 1e-9).astype(np.int64) + 1
    stays = np.arange(len(key)) - np.repeat(own.cumsum() - own, own) < np.repeat(kept, own)
    return _row(key)[stays], key[stays] & np.uint64((1 << (64 - ROW)) - 1)


# --- texts near some others -----------------------------------------------------------------


class Known:
    """What some texts are made of: their runs of ``n`` words, and their pairs of words."""

    def __init__(self, texts: pl.Series, n: int, pair: int) -> None:
        import numpy as np

        self.n, self.pair = n, pair
        found = list(_each([texts], lambda some: (runs(some, n)[1], runs(some, pair)[1])))
        self.runs = np.unique(np.concatenate([some for _, (some, _) in found]))
        self.has_run, self.has_pair = (_table([both[which] for _, both in found]) for which in (0, 1))

    def suspects(self, texts: pl.Series, threshold: float, *, piece: int = PIECE) -> pl.Series:
        """Places of texts, among which are all that have a run of these, and all that are ``threshold`` alike to one of
        them by their pairs: so much of a text's own pairs must be among theirs.
        """
        import numpy as np

        found = [row + start for start, row in _each([texts], lambda some: self._suspects(some, threshold), piece)]
        return pl.Series(np.concatenate([np.zeros(0, np.int64), *found]), dtype=pl.UInt32)

    def _suspects(self, texts: pl.Series, threshold: float) -> "Places":
        import numpy as np

        said = _said(texts)
        row, number = _runs(*said, self.n)
        may = _among(number, self.has_run)
        row, number = row[may], number[may]
        place = np.searchsorted(self.runs, number).clip(max=len(self.runs) - 1)
        alike = self._alike(*_runs(*said, self.pair), len(texts), threshold)
        alike[row[self.runs[place] == number]] = True
        return np.flatnonzero(alike)

    def _alike(self, row: "Places", number: "Numbers", texts: int, threshold: float) -> "Flags":
        import numpy as np

        known = _among(number, self.has_pair)
        some = (np.bincount(row[known], minlength=texts) > 0)[row]
        key = _distinct(row[some], number[some], known[some].astype(np.uint64))
        theirs = (key >> np.uint64(LEFT)) & np.uint64(1)
        own, shared = (np.bincount(_row(key), weights=of, minlength=texts) for of in (None, theirs))
        alike: Flags = (shared > 0) & (shared >= threshold * own - 1e-9)
        return alike


def _table(numbers: "list[Numbers]") -> "Flags":
    """Which beginnings some numbers have."""
    import numpy as np

    table = np.zeros(1 << TABLE, np.bool_)
    for some in numbers:
        table[some >> np.uint64(64 - TABLE)] = True
    return table


def _among(number: "Numbers", table: "Flags") -> "Flags":
    import numpy as np

    among: Flags = table[number >> np.uint64(64 - TABLE)]
    return among


# --- texts as numbers -----------------------------------------------------------------------


def runs(texts: pl.Series, n: int) -> "tuple[Places, Numbers]":
    """All runs of n words of each text, of a shorter one the whole: the text's place, and the run's number."""
    return _runs(*_said(texts), n)


def _said(texts: pl.Series) -> "tuple[Places, Numbers]":
    """How many words each text has, and all words as numbers."""
    import numpy as np

    cut = _words(texts)
    return cut.list.len().to_numpy().astype(np.int64), cut.explode(empty_as_null=False).hash(seed=1).to_numpy()


def _words(texts: pl.Series) -> pl.Series:
    """The words of each text; those of ASCII, of which no two libraries could think differently, by polars."""
    cut = texts.str.to_lowercase().str.extract_all("[a-z0-9]+")
    others = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()
    if others.is_empty():
        return cut
    told = pl.Series([words(text) for text in texts.gather(others).to_list()], dtype=pl.List(pl.String))
    place = pl.int_range(len(cut), eager=True).scatter(others, pl.int_range(len(told), eager=True) + len(cut))
    return pl.concat([cut, told]).gather(place)


def _runs(counts: "Places", said: "Numbers", n: int) -> "tuple[Places, Numbers]":
    import numpy as np

    ends = counts.cumsum()
    number = np.where(counts > n, counts - n + 1, counts > 0)  # runs of each text
    row = np.repeat(np.arange(len(counts)), number)
    first = np.arange(len(row)) + np.repeat(ends - counts - number.cumsum() + number, number)
    made, left = np.zeros(len(row), np.uint64), ends[row] - first
    short = bool((counts < n).any())
    for k in range(n):
        if not short:
            made = made * np.uint64(ODD) + said[first + k]
            continue
        here = k < left
        made[here] = made[here] * np.uint64(ODD) + said[first[here] + k]
    return row, (made ^ (made >> np.uint64(29))) * np.uint64(ODD)


def _distinct(row: "Places", number: "Numbers", first: "Numbers | None" = None) -> "Numbers":
    """The different runs of each text, in order: bits of the text's place, of what goes ``first``, of the run."""
    import numpy as np

    key = (row.astype(np.uint64) << np.uint64(64 - ROW)) | (number >> np.uint64(ROW + OFTEN))
    if first is not None:
        key |= first << np.uint64(LEFT)
    key.sort()
    return key[np.append(True, key[1:] != key[:-1])] if len(key) else key


def _row(key: "Numbers") -> "Places":
    import numpy as np

    return (key >> np.uint64(64 - ROW)).astype(np.int64)


def _each(
    texts: Iterable[pl.Series], work: Callable[[pl.Series], Found], piece: int = PIECE
) -> Iterator[tuple[int, Found]]:
    """What comes of each piece, in order, with the place of its first text; several threads work, and no more pieces
    are held than they have at hand.
    """
    cut, waiting = _cut(texts, piece), deque[tuple[int, Future[Found]]]()
    first = list(islice(cut, 2))
    if len(first) < 2:
        yield from ((start, work(some)) for start, some in first)
        return
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        for start, some in chain(first, cut):
            waiting.append((start, pool.submit(work, some)))
            if len(waiting) > threads:
                yield waiting[0][0], waiting.popleft()[1].result()
        yield from ((start, one.result()) for start, one in waiting)


def _cut(texts: Iterable[pl.Series], piece: int) -> Iterator[tuple[int, pl.Series]]:
    """Texts in pieces, each with the place of its first."""
    place = 0
    for some in texts:
        for start, size in _pieces(some, piece):
            yield place + start, some.slice(start, size)
        place += len(some)


def _pieces(texts: pl.Series, piece: int) -> Iterator[tuple[int, int]]:
    """Slices of about ``piece`` bytes: the place of the first text, and how many they are."""
    ends, start, said = texts.str.len_bytes().cast(pl.Int64).cum_sum(), 0, 0
    while start < len(texts):
        end = max(int(ends.search_sorted(said + piece, "right")), start + 1)
        end = min(end, start + (1 << ROW))
        yield start, end - start
        start, said = end, int(ends[end - 1])
