"""Prompts of held-out splits that training has too: in the same words, but for case and white space, or nearly."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from prefgen.audit.near import WINDOW, held_out, leaked, windows
from prefgen.audit.part import Part
from prefgen.audit.whole import FOUND

Found = Mapping[str, pl.DataFrame]
"""Of each check what it found, by place and why."""


@dataclass
class How:
    """How near prompts were looked for: in so many ``windows`` at most, and how many had candidates that were not
    looked at (``cut``).
    """

    windows: int = 0
    cut: int = 0

    def saw(self, windows: int, cut: int) -> None:
        """Adds what one more search came to."""
        self.windows, self.cut = max(self.windows, windows), self.cut + cut


def leaks(parts: Sequence[Part], how: How, window: int = WINDOW) -> dict[str, Found]:
    """What is found in each held-out split, by its name. Nothing where no split is held out, or all are."""
    held = held_out([part.split for part in parts])
    train = [part for part in parts if part.split not in held]
    if not held or not train:
        return {}
    known, found = pl.concat([_asks(part) for part in train]), dict[str, Found]()
    for part in (part for part in parts if part.split in held):
        own = _asks(part)
        same = _met(own, known, "p")
        alike = _met(own.join(same, on="n", how="anti"), known, "q")
        rest = own.join(pl.concat([same, alike]), on="n", how="anti")
        near = _near(part, rest, train, how, window)
        found[part.split] = {"leaked": same, "leaked_normalised": alike, "leaked_nearly": near}
    return found


def _asks(part: Part) -> pl.DataFrame:
    """The prompts of a split as numbers, one for each row."""
    own = part.numbers().filter(pl.col("place") == 0, ~pl.col("empty"))
    return own.select("n", "p", "q", "row", split=pl.lit(part.split))


def _met(own: pl.DataFrame, known: pl.DataFrame, by: str) -> pl.DataFrame:
    first = known.unique(by, keep="first", maintain_order=True)
    met = own.select("n", by).join(first.select(by, "row", "split"), on=by, how="inner", maintain_order="left")
    return met.select("n", pl.format("row {} of {}", "row", "split").alias("detail"))


def _near(part: Part, rest: pl.DataFrame, train: Sequence[Part], how: How, window: int) -> pl.DataFrame:
    """Of the rows that are left, those that are near: held against one window of training after another, and so whole
    however many there are.
    """
    found = [pl.DataFrame(schema=FOUND)]
    for own in windows(part.prompts(rest["n"]), window):
        left = own
        for some in windows(_training(train), window):
            near, cut = leaked(some, left)
            found.append(near)
            how.saw(1, cut)
            left = left.join(near, on="n", how="anti", maintain_order="left")
    return pl.concat(found)


def _training(train: Sequence[Part]) -> Iterator[pl.DataFrame]:
    """The different prompts of training, with their rows."""
    for part in train:
        asks = _asks(part).filter(pl.col("q").is_first_distinct())
        for rows in part.prompts(asks["n"]):
            yield rows.join(asks.select("n", "row", "split"), on="n", how="left", maintain_order="left")
