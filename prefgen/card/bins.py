"""Bins: numbers of pairs counted in frames, so that a picture of a million is no larger than one of a hundred."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import polars as pl

BINS = 24

Frames = Iterable[pl.DataFrame]
"""Numbers of pairs, in frames, which can be gone through more than once."""
Square = tuple[int, int, int]
"""A bin of the rejected one's length, one of the chosen one's, and how many pairs are in both."""
SCORES = ("chosen_score", "rejected_score")
LARGEST = 1e300
"""A score that is no smaller is none: two of these are infinitely far apart, or a million of them come to."""


def scored(pairs: Frames) -> Iterator[pl.DataFrame]:
    """The pairs whose responses have a score both, of which the difference is a number."""
    for rows in pairs:
        yield rows.select(SCORES).drop_nulls().filter(pl.all_horizontal(pl.all().abs() < LARGEST))


def edges(frames: Frames) -> list[float]:
    """Edges of equal bins of all that frames hold; where values are few different ones, each is in the middle of a bin
    of its own.
    """
    values = list[float]()
    for rows in frames:
        values = sorted({*values, *(value for column in rows for value in column.unique())})
        few = len(values) <= BINS + 1  # as many as there can be with a bin each
        values = values if few else [values[0], *values[len(values) - BINS - 1 :]]
    low, high = values[0], values[-1]
    nearest = min((later - one for one, later in pairwise(values)), default=0.0)
    if nearest and (high - low) / nearest <= BINS:
        width, low, bins = nearest, low - nearest / 2, round((high - low) / nearest) + 1
    else:
        width, bins = ((high - low) or 1.0) / BINS, BINS
    cuts = [low + width * place for place in range(bins + 1)]
    return [*cuts[:-1], max(cuts[-1], high)]  # rounding must not leave the highest one outside


def counted(frames: Frames, column: str, edges: Sequence[float]) -> list[int]:
    """How many values of a column are in each bin; the last one has its upper edge too."""
    import numpy as np

    counts = [np.histogram(rows[column].to_numpy(), bins=edges)[0] for rows in frames]
    return [int(n) for n in np.sum(counts, axis=0)]


def squares(pairs: Frames) -> tuple[list[float], list[Square]]:
    """How many pairs have a rejected response of one length and a chosen one of another: edges of equal ratio, the same
    for both, and the squares that are not empty.
    """
    import numpy as np

    sides = ("rejected_characters", "chosen_characters")
    ends = [(float(rows[side].min()), float(rows[side].max())) for rows in pairs for side in sides]  # type: ignore[arg-type]
    low, high = max(min(low for low, _ in ends), 1.0), max(*(high for _, high in ends), 1.0)
    middle, reach = (low * high) ** 0.5, max((high / low) ** 0.5, 1.25) * 1.05
    cuts = np.geomspace(middle / reach, middle * reach, BINS + 5)
    counts: Any = 0
    for rows in pairs:
        rejected, chosen = (np.maximum(rows[side].to_numpy(), 1) for side in sides)
        counts += np.histogram2d(rejected, chosen, bins=[cuts, cuts])[0]
    found = zip(*np.nonzero(counts), strict=True)
    return [float(cut) for cut in cuts], [(int(i), int(j), int(counts[i, j])) for i, j in found]
