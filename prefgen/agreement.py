"""How far judges agree with one another beyond chance: Cohen's and Fleiss' kappa, and Krippendorff's alpha with its
interval. What cannot be told is None, never a zero or a NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

DRAWS = 1000
"""Bootstrap samples."""
MANY = 10_000
"""Units beyond which a sample's sums are drawn from the normal distribution that they come to, and no unit is held."""


def cohens_kappa(a: Sequence[Any], b: Sequence[Any], often: Sequence[int] | None = None) -> float | None:
    """Agreement of two raters beyond chance, (p_o - p_e) / (1 - p_e), over the units that both rated (None: not
    rated), each of which there may be ``often``. None where there is no such unit, or where chance explains all (one
    class). Cohen 1960.
    """
    every = zip(a, b, often or [1] * len(a), strict=True)
    both = [(x, y, n) for x, y, n in every if x is not None and y is not None]
    classes, units = sorted({value for x, y, _ in both for value in (x, y)}), sum(n for *_, n in both)
    if len(classes) < 2:
        return None
    observed = sum(n for x, y, n in both if x == y)
    given = [[sum(n for *pair, n in both if pair[rater] == value) for value in classes] for rater in (0, 1)]
    return _beyond(observed / units, sum(x * y for x, y in zip(*given, strict=True)) / units**2)


def fleiss_kappa(ratings: Sequence[Sequence[Any]], often: Sequence[int] | None = None) -> float | None:
    """Agreement of several raters beyond chance. ``ratings`` has a row for each unit, with as many ratings in each, of
    whichever raters; there may be ``often`` each. None where there is no unit, one rating each, or one class.
    Fleiss 1971. Raises ValueError for units with unequal numbers of ratings: see ``krippendorff_alpha``.
    """
    counts, often = _counts(ratings), often or [1] * len(ratings)
    if len({sum(row) for row in counts}) > 1:
        raise ValueError("units must have as many ratings each; krippendorff_alpha takes any")
    if not counts or sum(counts[0]) < 2 or len(counts[0]) < 2:
        return None
    n, units = sum(counts[0]), sum(often)
    alike = sum(times * (sum(c * c for c in row) - n) for times, row in zip(often, counts, strict=True))
    given = [sum(times * c for times, c in zip(often, column, strict=True)) for column in zip(*counts, strict=True)]
    return _beyond(alike / (n * (n - 1) * units), sum(c * c for c in given) / (n * units) ** 2)


def _beyond(observed: float, chance: float) -> float:
    return (observed - chance) / (1 - chance)


def _counts(ratings: Sequence[Sequence[Any]]) -> list[list[int]]:
    """How often each unit was given each value."""
    values = sorted({value for unit in ratings for value in unit if value is not None})
    return [[sum(rating == value for rating in unit) for value in values] for unit in ratings]


# --- Krippendorff's alpha -------------------------------------------------------------------


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha with its 95 % bootstrap interval over ``units``; 1 is agreement, 0 is chance."""

    value: float
    low: float
    high: float
    units: int


Level = Literal["nominal", "interval"]


def krippendorff_alpha(
    ratings: Sequence[Sequence[Any]], *, level: Level = "nominal", same: Sequence[Any] | None = None, seed: int = 0
) -> Alpha | None:
    """Agreement beyond chance of any number of raters, with ratings missing (None). ``ratings`` has a row for each
    unit. None where no unit has two ratings, or all of those are one value. Krippendorff 2011; the interval is of
    DRAWS resamplings of the units, those without two values left out. Units with the ``same`` value are drawn together,
    for they are not independent.
    """
    import numpy as np

    found = Units(level)
    if level == "interval":
        values = [[rating for rating in unit if rating is not None] for unit in ratings]
        moments = [(len(unit), sum(unit), sum(x * x for x in unit)) for unit in _centred(values)]
        found.add(np.array(moments, np.float64).reshape(-1, 3), same)
    else:
        counts = _counts(ratings)
        found.add(np.array(counts, np.float64).reshape(len(counts), -1), same)
    return found.alpha(seed)


def _centred(units: Sequence[Sequence[float]]) -> list[list[float]]:
    """The same, less one of the values: squares of what is far from 0 hide what is between them."""
    origin = next(chain.from_iterable(units), 0.0)
    return [[value - origin for value in unit] for unit in units]


class Units:
    """What alpha is made of, summed over units as they come; memory does not grow with them.

    Of a unit whose ratings have no order (nominal) it takes how often each value was given; of one of numbers
    (interval) how many there are, their sum and the sum of their squares.
    """

    def __init__(self, level: Level) -> None:
        self.level, self.units, self.bundles = level, 0, 0
        self.held: list[Matrix] = []
        self.sums: Any = 0.0
        self.squares: Any = 0.0

    def add(self, given: "Matrix", same: Sequence[Any] | None = None) -> None:
        """Takes units, a row each; those with the ``same`` value, which all come at once, are drawn together. Other
        values of a nominal scale may come later, as more columns.
        """
        import numpy as np

        sizes = given[:, 0] if self.level == "interval" else given.sum(1)
        told = sizes > 1
        given, sizes = given[told], sizes[told]
        rows = np.column_stack([self._apart(given) / np.maximum(sizes - 1, 1), given])
        if same is not None:
            names = [name for name, kept in zip(same, told, strict=True) if kept]
            places = {name: place for place, name in enumerate(dict.fromkeys(names))}
            bundled = np.zeros((len(places), rows.shape[1]))
            np.add.at(bundled, [places[name] for name in names], rows)
            rows = bundled
        self.units += len(given)
        self._sum(rows)

    def _sum(self, rows: "Matrix") -> None:
        """Adds bundles; holds them while they are few."""
        width = max(rows.shape[1], *(one.shape[1] for one in self.held[:1]), len(self.sums) if self.bundles else 0)
        rows = _wide(rows, width)
        if self.bundles:
            self.sums, self.squares = _wide(self.sums[None], width)[0], _wide(_wide(self.squares, width).T, width).T
        self.sums, self.squares = self.sums + rows.sum(0), self.squares + rows.T @ rows
        self.bundles += len(rows)
        self.held = [_wide(one, width) for one in (*self.held, rows)] if self.bundles <= MANY else []

    def _apart(self, given: "Matrix") -> "Matrix":
        """Of each row, how far its ratings are apart, summed over all pairs of two."""
        found: Matrix
        if self.level == "interval":
            n, total, squares = given.T
            found = 2 * (n * squares - total * total)
        else:
            found = given.sum(1) ** 2 - (given**2).sum(1)
        return found

    def alpha(self, seed: int = 0) -> Alpha | None:
        """1 - (n - 1) sum_u d_u / sum_cd n_c n_d apart_cd, with d_u a unit's disagreement and n_c how often value c was
        given; None where it cannot be told.
        """
        import numpy as np

        if not self.units or not (value := self._alphas(self.sums[None])):
            return None
        low, high = np.quantile(self._alphas(self._samples(seed)) or value, [0.025, 0.975])
        return Alpha(value[0], float(low), float(high), self.units)

    def _alphas(self, sums: "Matrix") -> list[float]:
        """The alpha of each row of sums; those of one value are left out."""
        given = sums[:, 1:]
        n = given[:, 0] if self.level == "interval" else given.sum(1)
        chance = self._apart(given)
        told = chance > 1e-9 * abs(n)  # a sum of squares of one value is not zero to the last digit
        return [float(x) for x in 1 - (n[told] - 1) * sums[told, 0] / chance[told]]

    def _samples(self, seed: int) -> "Matrix":
        """The sums of DRAWS samples of the bundles."""
        import numpy as np

        generator, found = np.random.default_rng(seed), np.empty((DRAWS, len(self.sums)))
        if self.bundles > MANY:
            mean = self.sums / self.bundles
            cover = self.squares - self.bundles * np.outer(mean, mean)
            return generator.multivariate_normal(self.sums, cover, DRAWS, check_valid="ignore")
        rows = np.concatenate(self.held)
        for place in range(DRAWS):
            often = np.bincount(generator.integers(len(rows), size=len(rows)), minlength=len(rows))
            found[place] = often @ rows
        return found


def _wide(rows: "Matrix", width: int) -> "Matrix":
    """The rows with so many columns; what is not known is 0."""
    import numpy as np

    return np.pad(rows, ((0, 0), (0, width - rows.shape[1]))) if rows.shape[1] < width else rows
