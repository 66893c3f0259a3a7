"""How judges judge: agreement with what is known, bias, strengths from battles.

Every share comes with its 95 % Wilson interval and the number of judgments that it is of; what cannot be told is None,
never a zero or a NaN. Of several draws of one ordered pair the first that could be read stands for it: a stop such as
``first_agreeing`` draws more where a judge was wrong, and draws of one pair are not independent. Nor are verdicts on
one pair in its two orders: an interval is that of as many independent ones as tell as much (Kish's design effect, by
pair: between 1 and the verdicts of a pair).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from prefgen.scores._results import Z, wilson
from prefgen.scores._strength import fit, groups, information

ELO = 400 / 2.302585092994046
"""Elo points in one unit of log-odds: 400 / ln 10."""
PRIOR = 0.01
"""The l2 of ``bradley_terry``: about a hundredth of a battle each, so that one who wins all has a strength."""
FINEST = 12
"""Digits behind the point of a percentage are fewer."""


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


def percent(value: float, digits: int = 0) -> str:
    """A share in percent: 53%, with so many digits more; and with those that it takes where it would read as none or as
    all and is not: 99.97%.
    """
    every = [f"{value:.{more}%}" for more in range(digits, FINEST)]
    return next((told for told in every if float(told[:-1]) not in {0.0, 100.0}), every[0])


@dataclass
class Sums:
    """What a share is made of: of so many ``rows`` that tell, of which something holds of ``right``, the sums by pairs
    of each one's rows and of those of which it holds. Those of two tables add up, if no pair is in both.
    """

    rows: int = 0
    right: int = 0
    pairs: int = 0
    rights: int = 0
    both: int = 0
    sizes: int = 0

    def add(self, told: pl.DataFrame) -> None:
        """Adds the rows of whole pairs (``pair_id``, ``holds``); those that hold null tell nothing."""
        each = (
            told.drop_nulls("holds").group_by("pair_id").agg(pl.len().cast(pl.Int64), pl.col("holds").cast(int).sum())
        )
        n, right = each["len"], each["holds"]
        sums = (n.sum(), right.sum(), each.height, (right * right).sum(), (right * n).sum(), (n * n).sum())
        for name, value in zip(vars(self), sums, strict=True):
            setattr(self, name, getattr(self, name) + value)

    def share(self) -> Share | None:
        """The share of the rows, among those that tell; None where there are none."""
        if not self.rows:
            return None
        value = self.right / self.rows
        return Share(value, *wilson(value, self.rows / self._design_effect(value)), self.rows)

    def _design_effect(self, value: float) -> float:
        """How many of the rows tell as much as one independent row would: their variance by pairs over that of as
        many independent ones (Kish 1965). A pair's rows tell no less than one does; where all say the same they are
        taken so.
        """
        each = self.rows / self.pairs
        if self.pairs == 1 or value in {0.0, 1.0}:
            return each
        apart = self.rights - 2 * value * self.both + value * value * self.sizes
        variance = self.pairs / (self.pairs - 1) * apart
        return min(max(variance / (value * (1 - value) * self.rows), 1.0), each)


def _told(rows: pl.DataFrame, holds: pl.Expr) -> pl.DataFrame:
    return rows.select("pair_id", holds.alias("holds"))


def _share(told: pl.DataFrame) -> Share | None:
    found = Sums()
    found.add(told)
    return found.share()


# --- judges of pairs ------------------------------------------------------------------------


def first_read(rows: pl.DataFrame) -> pl.DataFrame:
    """The first judgment of each ordered pair (``pair_id``, ``gold``) that could be read, of each judge."""
    return rows.filter(pl.col("verdict").is_not_null()).unique(
        ["pair_id", "gold", "judge_model"], keep="first", maintain_order=True
    )


def accuracy(rows: pl.DataFrame) -> Share | None:
    """The share of verdicts that equal ``gold``."""
    return _share(MEASURES["agrees_with_gold"](rows))


def first_shown_share(rows: pl.DataFrame) -> Share | None:
    """The share of verdicts for the response shown first, over the pairs that were judged in both orders: 0.5 for a
    judge that looks at nothing but what is written.
    """
    return _share(MEASURES["first_shown"](rows))


def flip_rate(rows: pl.DataFrame) -> Share | None:
    """Of the pairs judged in both orders, the share in which the preferred response changes with the order. A judge
    whose two verdicts are independent and right with probability p flips in 2p(1 - p) of them.
    """
    return _share(MEASURES["flips"](rows))


def longer_share(rows: pl.DataFrame) -> Share | None:
    """The share of verdicts for the longer response (characters), among unequal ones."""
    return _share(MEASURES["prefers_longer"](rows))


def gold_longer_share(rows: pl.DataFrame) -> Share | None:
    """The share of judged pairs whose known better response is the longer one: what ``longer_share`` would be for a
    judge that is always right.
    """
    return _share(MEASURES["gold_is_longer"](rows))


_A_OR_B = pl.col("verdict").is_in(["A", "B"])
"""Of judges of somebody else's; a tie tells of no place, and of no length."""


def _flips(rows: pl.DataFrame) -> pl.DataFrame:
    said = pl.col("verdict")
    both = _both_orders(rows).group_by("pair_id", "judge_model").agg(_A_OR_B.all().alias("both"), said.n_unique())
    return _told(both, pl.when("both").then(said == 1))  # the same letter in both orders is another response


MEASURES: Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "agrees_with_gold": lambda rows: _told(first_read(rows), pl.col("verdict") == pl.col("gold")),
    "first_shown": lambda rows: _told(_both_orders(rows), pl.when(_A_OR_B).then(pl.col("verdict") == "A")),
    "flips": _flips,
    "prefers_longer": lambda rows: _told(first_read(rows), _longer(rows, "verdict")),
    "gold_is_longer": lambda rows: _told(first_read(rows), _longer(rows, "gold")),
}
"""What is measured of a judge of pairs: rows of whole pairs → ``pair_id``, and whether it ``holds``, for ``Sums``."""


def _longer(rows: pl.DataFrame, column: str) -> pl.Expr:
    """Whether the longer response is the one that a column names; of responses there may be their lengths alone. A tie
    names neither.
    """
    texts = {name: pl.col(name) for name in ("response_a", "response_b")}
    a, b = (of.str.len_chars() if rows.schema[name] == pl.String else of for name, of in texts.items())
    return pl.when(a != b, pl.col(column).is_in(["A", "B"])).then((a > b) == (pl.col(column) == "A"))


def _both_orders(rows: pl.DataFrame) -> pl.DataFrame:
    first = first_read(rows).drop_nulls("gold")
    return first.filter(pl.col("gold").n_unique().over("pair_id", "judge_model") == 2)


# --- strengths ------------------------------------------------------------------------------


def elo_points(strength: Any) -> Any:
    """Log-odds on Elo's scale, whose middle is 1000."""
    return 1000 + ELO * strength


def bradley_terry(battles: pl.DataFrame, *, prior: float = PRIOR) -> pl.DataFrame:
    """Strengths of models from battles: columns ``model_a``, ``model_b`` and ``outcome`` (1 where a won, 0 where b did,
    0.5 for a tie, which is half a win each); and ``n``, where a row is of so many battles.

    Gives model, ``strength`` (log-odds, centred at 0; P(i beats j) = sigmoid(difference)), ``low`` and ``high`` (95 %,
    from the observed information), ``elo`` (1000 + 400/ln 10 strength), ``battles``, and ``group``: strengths of
    different groups, which never met, cannot be compared. ``prior`` is the l2 of the fit. Bradley and Terry 1952.
    """
    import numpy as np

    names = sorted({*battles["model_a"].unique(), *battles["model_b"].unique()})
    place = {name: i for i, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    often = pl.col("n") if "n" in battles.columns else pl.lit(1)
    met = battles.filter(pl.col("model_a") != pl.col("model_b"), pl.col("outcome").is_not_null())
    each = met.group_by("model_a", "model_b").agg(
        (pl.col("outcome") * often).sum(), (often + pl.col("outcome") * 0).sum().alias("n")
    )
    for a, b, won, of in each.iter_rows():
        wins[place[a], place[b]] += won
        wins[place[b], place[a]] += of - won
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
