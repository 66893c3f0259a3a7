"""How far two runs differ in a share or a mean, with an interval, and how sure it is that they differ at all.

What both have (a pair, a prompt) is held against itself: d = what holds of it in B - what holds in A, each a share of
its verdicts. The difference is the mean of d, its interval that of Bonett and Price (2012): one more of +1 and one of
-1, so that it has a width where no d differs from 0. p is that of the exact test that turns every d's sign by a coin;
where each has one verdict that is McNemar's (1947) exact test. Of what the two do not share, the interval is Newcombe's
(1998, method 10) of two independent shares, from their Wilson intervals. All of it is made of sums.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from prefgen.scores._results import Z
from prefgen.statistics import Share, Sums

EXACT = 1000
"""Units that differ, beyond which the normal distribution will do."""


@dataclass(frozen=True)
class Difference:
    """B less A, with its 95 % interval, over ``n`` units that both have (``paired``), or of two sets of which the
    smaller has ``n``; ``p`` where there is a test; ``a`` and ``b`` are the means that it is of, over the same units.
    """

    value: float
    low: float
    high: float
    n: int
    p: float | None = None
    paired: bool = True
    a: float | None = None
    b: float | None = None


@dataclass
class Paired:
    """Sums of d over what both have: how many there are, of d, of its squares, and how often it was a half, one, or
    another number but 0; and the ``first`` sum, of what holds in A.
    """

    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    halves: int = 0
    wholes: int = 0
    others: int = 0
    first: float = 0.0

    def add(self, a: pl.DataFrame, b: pl.DataFrame, by: str = "pair_id") -> None:
        """Takes what holds (``holds``) of the units of both, by their numbers; those of one alone are left out."""
        each = [rows.drop_nulls("holds").group_by(by).agg(pl.col("holds").cast(pl.Float64).mean()) for rows in (a, b)]
        both = each[0].join(each[1], on=by, suffix="_b").select("holds", d=pl.col("holds_b") - pl.col("holds"))
        d = both["d"]
        self.n, self.first = self.n + d.len(), self.first + float(both["holds"].sum())
        self.total += float(d.sum())
        self.squares += float((d * d).sum())
        halves, wholes, none = (int(((d.abs() - far).abs() < 1e-9).sum()) for far in (0.5, 1.0, 0.0))
        self.halves, self.wholes = self.halves + halves, self.wholes + wholes
        self.others += d.len() - halves - wholes - none

    def difference(self) -> Difference | None:
        """The difference of the two shares; None where they share nothing."""
        if not self.n:
            return None
        more = self.n + 2
        mean = self.total / more
        reach = Z * math.sqrt(max(0.0, (self.squares + 2) / more - mean * mean) / more)
        low, high = max(-1.0, mean - reach), min(1.0, mean + reach)
        return Difference(self.total / self.n, low, high, self.n, self.p(), a=self._a(), b=self._b())

    def _a(self) -> float:
        return self.first / self.n

    def _b(self) -> float:
        return (self.first + self.total) / self.n

    def of_means(self) -> Difference | None:
        """The difference of two means of numbers of any size: by the normal distribution, without more units."""
        if self.n < 2:
            return None
        mean = self.total / self.n
        reach = Z * math.sqrt(max(0.0, self.squares - self.n * mean * mean) / (self.n * (self.n - 1)))
        return Difference(mean, mean - reach, mean + reach, self.n, a=self._a(), b=self._b())

    def p(self) -> float:
        """How often a coin for each unit would give as large a difference, either way."""
        if not self.halves + self.wholes + self.others:
            return 1.0
        if not self.others and self.halves + self.wholes <= EXACT:
            return _coins(self.halves, self.wholes, abs(round(2 * self.total)))
        return math.erfc(abs(self.total) / math.sqrt(2 * self.squares))


def _coins(ones: int, twos: int, far: int) -> float:
    """P(|S| >= far) for the sum S of so many steps of 1 and of 2, each up or down by a fair coin."""
    import numpy as np

    def steps(number: int, size: int) -> Any:
        found = np.zeros(2 * number * size + 1)
        found[:: 2 * size] = [math.comb(number, up) / 2**number for up in range(number + 1)]
        return found

    chance = np.convolve(steps(ones, 1), steps(twos, 2))
    reach = len(chance) // 2
    places = np.abs(np.arange(-reach, reach + 1))
    return min(1.0, float(chance[places >= far].sum()))


def apart(a: Share | None, b: Share | None) -> Difference | None:
    """The difference of two shares of different units (Newcombe 1998, method 10)."""
    if a is None or b is None:
        return None
    down = math.hypot(b.value - b.low, a.high - a.value)
    up = math.hypot(b.high - b.value, a.value - a.low)
    value, n = b.value - a.value, min(a.n, b.n)
    return Difference(value, value - down, value + up, n, paired=False, a=a.value, b=b.value)


def measure(a: Sums, b: Sums, both: Paired) -> dict[str, Any]:
    """A share in A, that in B, and how they differ: over the pairs that both have where these are at least half of the
    smaller side's, and else as two independent shares.
    """
    shares = [one.share() for one in (a, b)]
    paired = both.n and 2 * both.n >= min(a.pairs, b.pairs)
    found = both.difference() if paired else apart(*shares)
    told = [one and asdict(one) for one in (*shares, found)]
    return dict(zip(("a", "b", "difference"), told, strict=True))
