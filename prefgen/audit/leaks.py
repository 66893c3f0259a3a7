"""Prompts of held-out splits that training has too: in the same words, but for case and white space, or nearly."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from prefgen.audit.near import WINDOW, held_out, leaked, windows
from prefgen.audit.part import Part

Found = Mapping[str, pl.DataFrame]
"""Of each check what it found, by place and why."""


def leaks(parts: Sequence[Part], window: int = WINDOW) -> tuple[dict[str, Found], int]:
    """What is found in each held-out split, by its name, and in how many windows it was looked for. Nothing where no
    split is held out, or all are.
    """
    held = held_out([part.split for part in parts])
    train = [part for part in parts if part.split not in held]
    if not held or not train:
        return {}, 1
    known, most = pl.concat([_asks(part) for part in train]), 1
    found: dict[str, Found] = {}
    for part in (part for part in parts if part.split in held):
        own = _asks(part)
        same = _met(own, known, "p")
        alike = _met(own.join(same, on="n", how="anti"), known, "q")
        rest = own.join(pl.concat([same, alike]), on="n", how="anti")
        near, number = _near(part, rest, train, window)
        most = max(most, number)
        found[part.split] = {"leaked": same, "leaked_normalised": alike, "leaked_nearly": near}
    return found, most


def _asks(part: Part) -> pl.DataFrame:
    """The prompts of a split as numbers, one for each row."""
    own = part.numbers().filter(pl.col("place") == 0, ~pl.col("empty"))
    return own.select("n", "p", "q", "row", split=pl.lit(part.split))


def _met(own: pl.DataFrame, known: pl.DataFrame, by: str) -> pl.DataFrame:
    first = known.unique(by, keep="first", maintain_order=True)
    met = own.select("n", by).join(first.select(by, "row", "split"), on=by, how="inner", maintain_order="left")
    return met.select("n", pl.format("row {} of {}", "row", "split").alias("detail"))


def _near(part: Part, rest: pl.DataFrame, train: Sequence[Part], window: int) -> tuple[pl.DataFrame, int]:
    """Of the rows that are left, those that are near: each held against one window of training after another."""
    found, number = list[pl.DataFrame](), 0
    for own in windows(part.prompts(rest["n"]), window):
        number = 0
        left = own
        for some in windows(_training(train), window):
            number += 1
            near = leaked(some, left)
            found.append(near)
            left = left.join(near, on="n", how="anti", maintain_order="left")
    return (pl.concat(found) if found else rest.select("n", detail=pl.lit("")).clear()), number


def _training(train: Sequence[Part]) -> Iterator[pl.DataFrame]:
    """The different prompts of training, with their rows."""
    for part in train:
        asks = _asks(part).filter(pl.col("q").is_first_distinct())
        for rows in part.prompts(asks["n"]):
            yield rows.join(asks.select("n", "row", "split"), on="n", how="left", maintain_order="left")
