"""Which values came before, of many: sorted arrays of numbers, eight bytes each."""

import polars as pl

RUN = 131_072
"""Values in one array at most, or half of all: arrays are few, and two of them take little room to merge."""


class Seen:
    """The numbers that came so far."""

    def __init__(self) -> None:
        self.runs: list[pl.Series] = []

    def add(self, numbers: pl.Series) -> pl.Series:
        """Takes some more (64 bits, unsigned), and says of each whether it is the first of its value."""
        number = pl.col("number")
        new = [number.is_first_distinct(), *(_is_not_in(number, pl.lit(run), len(run)) for run in self.runs)]
        fresh = numbers.alias("number").to_frame().select(pl.all_horizontal(new))["number"]
        if fresh.any():
            self.runs.append(numbers.filter(fresh).sort())
            self._merge()
        return fresh

    def _merge(self) -> None:
        """Makes one array of the last two, as long as they are of about one size, and short."""
        most = max(RUN, sum(map(len, self.runs)) // 2)
        while len(self.runs) > 1 and len(self.runs[-2]) < 2 * len(self.runs[-1]):
            if len(self.runs[-2]) + len(self.runs[-1]) > most:
                return
            self.runs[-2:] = [pl.concat(self.runs[-2:], rechunk=True).sort()]


def _is_not_in(number: pl.Expr, run: pl.Expr, length: int) -> pl.Expr:
    """Whether numbers are none of a sorted array's."""
    return run.gather(run.search_sorted(number).clip(0, length - 1)) != number


def number_of(ids: pl.Series) -> pl.Series:
    """The number that 16 hex digits are."""
    return ids.str.to_integer(base=16, dtype=pl.UInt64)
