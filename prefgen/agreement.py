"""How far judges agree with one another, beyond chance: what cannot be told is None, never a zero or a NaN."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

DRAWS = 1000
"""Bootstrap samples."""


def cohens_kappa(a: Sequence[Any], b: Sequence[Any]) -> float | None:
    """Agreement of two raters beyond chance, (p_o - p_e) / (1 - p_e), over the units that both rated (None: not
    rated). None where there is no such unit, or where chance explains all (one class). Cohen 1960, by statsmodels.
    """
    from statsmodels.stats.inter_rater import cohens_kappa as kappa

    both = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    classes = sorted({value for pair in both for value in pair})
    if len(classes) < 2:
        return None
    place = {value: i for i, value in enumerate(classes)}
    table = [[0] * len(classes) for _ in classes]
    for x, y in both:
        table[place[x]][place[y]] += 1
    if {x for x, _ in both} == {y for _, y in both} and len({x for x, _ in both}) < 2:
        return None
    return float(kappa(table, return_results=False))


def fleiss_kappa(ratings: Sequence[Sequence[Any]]) -> float | None:
    """Agreement of several raters beyond chance. ``ratings`` has a row for each unit, with as many ratings in each, of
    whichever raters. None where there is no unit, one rating each, or one class. Fleiss 1971, by statsmodels.
    Raises ValueError for units with unequal numbers of ratings: see ``krippendorff_alpha``.
    """
    from statsmodels.stats.inter_rater import fleiss_kappa as kappa

    counts = _counts(ratings)
    each = set(counts.sum(1).tolist())
    if len(each) > 1:
        raise ValueError("units must have as many ratings each; krippendorff_alpha takes any")
    if not each or each.pop() < 2 or counts.shape[1] < 2:
        return None
    return float(kappa(counts))


def _counts(ratings: Sequence[Sequence[Any]]) -> Any:
    """How often each unit was given each value: an array of units by values in order."""
    import numpy as np

    place = {value: i for i, value in enumerate(sorted({v for unit in ratings for v in unit if v is not None}))}
    given = [(u, place[value]) for u, unit in enumerate(ratings) for value in unit if value is not None]
    counts = np.zeros((len(ratings), len(place)), np.int64)
    np.add.at(counts, tuple(np.array(given, np.int64).reshape(-1, 2).T), 1)
    return counts


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha with its 95 % bootstrap interval over ``units``; 1 is agreement, 0 is chance."""

    value: float
    low: float
    high: float
    units: int


def krippendorff_alpha(
    ratings: Sequence[Sequence[Any]],
    *,
    level: Literal["nominal", "interval"] = "nominal",
    same: Sequence[Any] | None = None,
    seed: int = 0,
) -> Alpha | None:
    """Agreement beyond chance of any number of raters, with ratings missing (None). ``ratings`` has a row for each
    unit. None where no unit has two ratings, or all of those are one value. Krippendorff 2011, by ``krippendorff``;
    the interval is of DRAWS resamplings of the units, those without two values left out. Units with the ``same`` value
    are drawn together, for they are not independent.
    """
    import numpy as np

    domain = sorted({value for unit in ratings for value in unit if value is not None})
    numbers = domain if level == "interval" else list(range(len(domain)))
    many = level == "interval" and len(domain) > MOST_VALUES
    counts = _moments(ratings) if many else _counts(ratings)
    each = np.array([1, 0, 0]) if many else np.ones(len(domain))
    apart = (
        OF_MOMENTS
        if many
        else np.subtract.outer(numbers, numbers) ** 2
        if level == "interval"
        else 1 - np.eye(len(domain))
    )
    told = counts @ each > 1
    counts, names = counts[told], [name for name, kept in zip(same or range(len(ratings)), told, strict=True) if kept]
    sums = _sums(counts, np.array(apart), each, names)
    value = _alpha_of(sums.sum(0), np.array(apart), each)
    if value is None:
        return None
    if not many and len(counts) <= MANY:
        value = _alpha(counts, numbers, level)
    alphas = [one for one in _resampled(sums, np.array(apart), each, seed) if one is not None]
    low, high = np.quantile(alphas, [0.025, 0.975]) if alphas else (value, value)
    return Alpha(value, float(low), float(high), len(counts))


MOST_VALUES = 1000
"""Different values beyond which units are their moments: numbers, sums and sums of squares, whose ``apart`` this is."""
OF_MOMENTS = ((0, 0, 1), (0, -2, 0), (1, 0, 0))
MANY = 10_000
"""Units or bundles of them beyond which alike ones are counted, and how often each kind comes is drawn."""


def _moments(ratings: Sequence[Sequence[Any]]) -> Any:
    """How many ratings each unit has, their sum and that of their squares; of ratings less the mean of all."""
    import numpy as np

    unit = [u for u, given in enumerate(ratings) for value in given if value is not None]
    value = np.array([value for given in ratings for value in given if value is not None], float)
    value -= value.mean()
    powers = (np.ones(len(value)), value, value**2)
    return np.column_stack([np.bincount(unit, weights=power, minlength=len(ratings)) for power in powers])


def _sums(counts: Any, apart: Any, each: Any, names: Sequence[Any]) -> Any:
    """For each bundle of units with one name the sum of d_u, and how often each value was given: what alpha is made of,
    1 - (n - 1) sum_u d_u / sum_cd n_c n_d apart_cd, with d_u a unit's disagreement and n_c how often value c was given.
    """
    import numpy as np

    disagreement = np.einsum("ui,ij,uj->u", counts, apart, counts) / (counts @ each - 1)
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    sums = np.zeros((len(places), 1 + counts.shape[1]))
    np.add.at(sums, [places[name] for name in names], np.column_stack([disagreement, counts]))
    return sums


def _alpha_of(sums: Any, apart: Any, each: Any) -> float | None:
    observed, given = sums[0], sums[1:]
    chance = given @ apart @ given
    return float(1 - (given @ each - 1) * observed / chance) if chance > 0 else None


def _resampled(sums: Any, apart: Any, each: Any, seed: int) -> Iterator[float | None]:
    """The alphas of DRAWS samples of bundles, each a weighing of their sums; None for a sample of one value."""
    import numpy as np

    generator, size = np.random.default_rng(seed), len(sums)
    kinds, known = np.unique(sums, axis=0, return_counts=True) if size > MANY else (sums, np.ones(size))
    alike = len(kinds) < size // 4
    for _ in range(DRAWS):
        if alike:
            yield _alpha_of(generator.multinomial(size, known / size) @ kinds, apart, each)
        else:
            often = np.bincount(generator.integers(size, size=size), minlength=size)
            yield _alpha_of(often @ sums, apart, each)


def _alpha(counts: Any, domain: Sequence[float], level: Literal["nominal", "interval"]) -> float:
    import krippendorff

    return float(krippendorff.alpha(value_counts=counts, value_domain=list(domain), level_of_measurement=level))
