"""How judges judge: agreement with what is known, bias, agreement with one another, strengths from battles.

Every share comes with its 95 % Wilson interval and the number of judgments that it is of; what cannot be told is None,
never a zero or a NaN. Of several draws of one ordered pair the first that could be read stands for it: a stop such as
``first_agreeing`` draws more where a judge was wrong, and draws of one pair are not independent. Nor are verdicts on
one pair in its two orders: an interval is that of as many independent ones as tell as much (Kish's design effect, by
pair: between 1 and the verdicts of a pair).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from prefgen.scores._results import wilson
from prefgen.scores._strength import fit, groups, information

Z = 1.959963984540054
"""The 97.5 % point of the normal distribution."""
DRAWS = 1000
"""Bootstrap samples."""
ELO = 400 / 2.302585092994046
"""Elo points in one unit of log-odds: 400 / ln 10."""
PRIOR = 0.01
"""The l2 of ``bradley_terry``: about a hundredth of a battle each, so that one who wins all has a strength."""


@dataclass(frozen=True)
class Share:
    """A share of ``n``, with its 95 % Wilson interval."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}, n {self.n:,})"


def share(right: int, n: int) -> Share | None:
    """``right`` of ``n`` as a Share; None where n is 0."""
    return Share(right / n, *wilson(right / n, n), n) if n else None


def _shared(rows: pl.DataFrame, holds: pl.Expr) -> Share | None:
    """The share of the rows, among those that tell, of which something holds."""
    told = rows.select("pair_id", holds.cast(pl.Float64).alias("holds")).drop_nulls("holds")
    if told.is_empty():
        return None
    value = told.select(pl.col("holds").mean()).item()
    return Share(value, *wilson(value, told.height / _design_effect(told, value)), told.height)


def _design_effect(told: pl.DataFrame, value: float) -> float:
    """How many of the rows tell as much as one independent row would: their variance by pairs over that of as many
    independent ones (Kish 1965). A pair's rows tell no less than one does; where all say the same they are taken so.
    """
    apart = told.group_by("pair_id").agg((pl.col("holds") - value).sum())["holds"]
    pairs, each = len(apart), told.height / len(apart)
    if pairs == 1 or value in {0.0, 1.0}:
        return each
    variance = pairs / (pairs - 1) * float((apart**2).sum())
    return min(max(variance / (value * (1 - value) * told.height), 1.0), each)


# --- judges of pairs ------------------------------------------------------------------------


def first_read(rows: pl.DataFrame) -> pl.DataFrame:
    """The first judgment of each ordered pair (``pair_id``, ``gold``) that could be read, of each judge."""
    return rows.filter(pl.col("verdict").is_not_null()).unique(
        ["pair_id", "gold", "judge_model"], keep="first", maintain_order=True
    )


def accuracy(rows: pl.DataFrame) -> Share | None:
    """The share of verdicts that equal ``gold``."""
    return _shared(first_read(rows), pl.col("verdict") == pl.col("gold"))


def first_shown_share(rows: pl.DataFrame) -> Share | None:
    """The share of verdicts for the response shown first, over the pairs that were judged in both orders: 0.5 for a
    judge that looks at nothing but what is written.
    """
    return _shared(_both_orders(rows), pl.col("verdict") == "A")


def flip_rate(rows: pl.DataFrame) -> Share | None:
    """Of the pairs judged in both orders, the share in which the preferred response changes with the order. A judge
    whose two verdicts are independent and right with probability p flips in 2p(1 - p) of them.
    """
    both = _both_orders(rows).group_by("pair_id", "judge_model").agg(pl.col("verdict").n_unique().alias("verdicts"))
    return _shared(both, pl.col("verdicts") == 1)  # the same letter in both orders is another response


def longer_share(rows: pl.DataFrame) -> Share | None:
    """The share of verdicts for the longer response (characters), among unequal ones."""
    return _shared(first_read(rows), _longer(rows, "verdict"))


def gold_longer_share(rows: pl.DataFrame) -> Share | None:
    """The share of judged pairs whose known better response is the longer one: what ``longer_share`` would be for a
    judge that is always right.
    """
    return _shared(first_read(rows), _longer(rows, "gold"))


def _longer(rows: pl.DataFrame, column: str) -> pl.Expr:
    """Whether the longer response is the one that a column names; of responses there may be their lengths alone."""
    texts = {name: pl.col(name) for name in ("response_a", "response_b")}
    a, b = (of.str.len_chars() if rows.schema[name] == pl.String else of for name, of in texts.items())
    return pl.when(a != b).then((a > b) == (pl.col(column) == "A"))


def _both_orders(rows: pl.DataFrame) -> pl.DataFrame:
    first = first_read(rows)
    return first.filter(pl.col("gold").n_unique().over("pair_id", "judge_model") == 2)


# --- agreement ------------------------------------------------------------------------------


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

    counts = _counts(ratings)
    told = counts.sum(1) > 1
    counts, names = counts[told], [name for name, kept in zip(same or range(len(ratings)), told, strict=True) if kept]
    if not len(counts) or (counts.sum(0) > 0).sum() < 2:
        return None
    domain = sorted({value for unit in ratings for value in unit if value is not None})
    numbers = domain if level == "interval" else list(range(len(domain)))
    apart = np.subtract.outer(numbers, numbers) ** 2 if level == "interval" else 1 - np.eye(len(numbers))
    sums = _sums(counts, apart, names)
    value = _alpha(counts, numbers, level) if len(counts) <= MANY else _alpha_of(sums.sum(0), apart) or 0.0
    alphas = [one for one in _resampled(sums, apart, seed) if one is not None]
    low, high = np.quantile(alphas, [0.025, 0.975]) if alphas else (value, value)
    return Alpha(value, float(low), float(high), len(counts))


MANY = 10_000
"""Units or bundles of them beyond which alike ones are counted, and how often each kind comes is drawn."""


def _sums(counts: Any, apart: Any, names: Sequence[Any]) -> Any:
    """For each bundle of units with one name the sum of d_u, and how often each value was given: what alpha is made of,
    1 - (n - 1) sum_u d_u / sum_cd n_c n_d apart_cd, with d_u a unit's disagreement and n_c how often value c was given.
    """
    import numpy as np

    disagreement = np.einsum("ui,ij,uj->u", counts, apart, counts) / (counts.sum(1) - 1)
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    sums = np.zeros((len(places), 1 + counts.shape[1]))
    np.add.at(sums, [places[name] for name in names], np.column_stack([disagreement, counts]))
    return sums


def _alpha_of(sums: Any, apart: Any) -> float | None:
    observed, given = sums[0], sums[1:]
    chance = given @ apart @ given
    return float(1 - (sum(given) - 1) * observed / chance) if chance > 0 else None


def _resampled(sums: Any, apart: Any, seed: int) -> Iterator[float | None]:
    """The alphas of DRAWS samples of bundles, each a weighing of their sums; None for a sample of one value."""
    import numpy as np

    generator, size = np.random.default_rng(seed), len(sums)
    kinds, known = np.unique(sums, axis=0, return_counts=True) if size > MANY else (sums, np.ones(size))
    alike = len(kinds) < size // 4
    for _ in range(DRAWS):
        if alike:
            yield _alpha_of(generator.multinomial(size, known / size) @ kinds, apart)
        else:
            often = np.bincount(generator.integers(size, size=size), minlength=size)
            yield _alpha_of(often @ sums, apart)


def _alpha(counts: Any, domain: Sequence[float], level: Literal["nominal", "interval"]) -> float:
    import krippendorff

    return float(krippendorff.alpha(value_counts=counts, value_domain=list(domain), level_of_measurement=level))


# --- strengths ------------------------------------------------------------------------------


def elo_points(strength: Any) -> Any:
    """Log-odds on Elo's scale, whose middle is 1000."""
    return 1000 + ELO * strength


def bradley_terry(battles: pl.DataFrame, *, prior: float = PRIOR) -> pl.DataFrame:
    """Strengths of models from battles: columns ``model_a``, ``model_b`` and ``outcome`` (1 where a won, 0 where b did,
    0.5 for a tie, which is half a win each).

    Gives model, ``strength`` (log-odds, centred at 0; P(i beats j) = sigmoid(difference)), ``low`` and ``high`` (95 %,
    from the observed information), ``elo`` (1000 + 400/ln 10 strength), ``battles``, and ``group``: strengths of
    different groups, which never met, cannot be compared. ``prior`` is the l2 of the fit. Bradley and Terry 1952.
    """
    import numpy as np

    names = sorted({*battles["model_a"], *battles["model_b"]})
    place = {name: i for i, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    told = battles.filter(pl.col("model_a") != pl.col("model_b"), pl.col("outcome").is_not_null())
    won = told.group_by("model_a", "model_b", maintain_order=True).agg(pl.col("outcome").sum(), pl.len())
    for a, b, outcome, fought in won.select("model_a", "model_b", "outcome", "len").iter_rows():
        wins[place[a], place[b]] += outcome
        wins[place[b], place[a]] += fought - outcome
    strength = fit(wins, prior)
    centre = np.eye(len(names)) - 1 / max(1, len(names))
    cover = centre @ np.linalg.inv(information(wins, strength, prior)) @ centre.T
    reach = Z * np.sqrt(np.diag(cover))
    columns = {
        "model": pl.Series(names, dtype=pl.String),
        "strength": strength,
        "low": strength - reach,
        "high": strength + reach,
        "elo": elo_points(strength),
        "battles": (wins + wins.T).sum(1).round().astype(int),
        "group": pl.Series(groups(wins + wins.T) if names else [], dtype=pl.Int64),
    }
    return pl.DataFrame(columns).sort("strength", descending=True, maintain_order=True)
