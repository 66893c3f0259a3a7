"""Which values came before, of many: sorted arrays of numbers, eight bytes each."""

import polars as pl

RUN = 65_536
"""Values in one array at least; an eighth of all where they are many, so that there are never many arrays."""


class Seen:
    """The numbers that came so far."""

    def __init__(self) -> None:
        self.runs: list[pl.Series] = []

    def add(self, numbers: pl.Series) -> pl.Series:
        """Takes some more (64 bits, unsigned), and says of each whether it is the first of its value."""
        fresh = numbers.is_first_distinct()
        for run in self.runs:
            places = run.search_sorted(numbers).clip(0, len(run) - 1)
            fresh &= run.gather(places) != numbers
        if fresh.any():
            self.runs.append(numbers.filter(fresh).sort())
            self._merge()
        return fresh

    def _merge(self) -> None:
        """Makes one array of the last two, as long as these are short and of about one size."""
        most = max(RUN, sum(map(len, self.runs)) // 8)
        while len(self.runs) > 1 and len(self.runs[-2]) <= 2 * len(self.runs[-1]):
            if len(self.runs[-2]) + len(self.runs[-1]) > most:
                return
            self.runs[-2:] = [pl.concat(self.runs[-2:], rechunk=True).sort()]


def number_of(ids: pl.Series) -> pl.Series:
    """The number that 16 hex digits are."""
    return ids.str.to_integer(base=16, dtype=pl.UInt64)
