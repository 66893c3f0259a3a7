"""How judges judge: agreement with what is known, bias, agreement with one another, strengths from battles.

Every share comes with its 95 % Wilson interval and the number of judgments that it is of; what cannot be told is None,
never a zero or a NaN. Of several draws of one ordered pair the first that could be read stands for it: a stop such as
``first_agreeing`` draws more where a judge was wrong, and draws of one pair are not independent. Nor are verdicts on
one pair in its two orders: an interval is that of as many independent ones as tell as much (Kish's design effect, by
pair: between 1 and the verdicts of a pair).
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

from prefgen.agreement import Alpha as Alpha  # noqa: PLC0414  # the door to all that is measured
from prefgen.agreement import cohens_kappa as cohens_kappa  # noqa: PLC0414
from prefgen.agreement import fleiss_kappa as fleiss_kappa  # noqa: PLC0414
from prefgen.agreement import krippendorff_alpha as krippendorff_alpha  # noqa: PLC0414
from prefgen.scores._results import wilson
from prefgen.scores._strength import fit, groups, information

Z = 1.959963984540054
"""The 97.5 % point of the normal distribution."""
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
