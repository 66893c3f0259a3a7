"""The first so many prompts or pairs of a source, in its order or as a seed shuffles them.

A source is a function of its settings that says how its rows come: called, it gives them as one frame; ``chunks``
gives them some at a time, for who cannot hold a million.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import update_wrapper
from pathlib import Path
from typing import Any, Generic, ParamSpec, cast

import polars as pl

from prefgen.rows import DROPPED, shuffled
from prefgen.sources._read import LoadError, Opened, Wanted, read

P = ParamSpec("P")

Marked = Callable[[Opened], Iterator[pl.DataFrame]]
"""All rows of a source, some at a time, each with its reason to go or with null in ``dropped``."""


@dataclass(frozen=True)
class Chunks:
    """A source's marked rows: with ``take``, those that have the first so many values of ``of``. A ``seed`` shuffles
    the prompts. Where the rows wanted at first do not hold enough, more are read.
    """

    source: object
    wanted: Wanted
    folder: Path
    marked: Marked
    take: int | None
    seed: int | None
    of: str

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows in the source's order, some at a time: with a seed all of them, else those that are taken and those
        that go before them. Raises LoadError.
        """
        if self.take is not None and self.take < 1:
            raise LoadError(f"take is {self.take}; take 1 or more, or leave it out for all")
        try:
            opened = self._opened()
            yield from self.marked(opened) if self.seed is not None else self._first(opened)
        except RecursionError as e:
            what = "holds a value that is nested too deeply; leave it out"
            raise LoadError(f"{str(self.source)[:200]} {what}") from e

    def _opened(self) -> Opened:
        """As many rows of the source as hold what is to be taken, or all."""
        wanted = self.wanted
        while True:
            opened = read(self.source, wanted, self.folder)
            if wanted.limit is None or self.take is None or opened.height < wanted.limit or self._enough(opened):
                return opened
            wanted = replace(wanted, limit=4 * wanted.limit + 1000)  # some of the first rows go; more are needed

    def _enough(self, opened: Opened) -> bool:
        """Whether these rows hold what is to be taken."""
        have = 0
        for rows in self.marked(opened):
            have += rows.filter(pl.col(DROPPED).is_null())[self.of].n_unique()
        return have >= (self.take or 0)

    def _first(self, opened: Opened) -> Iterator[pl.DataFrame]:
        left = self.take
        for marked in self.marked(opened):  # to the end, for a fault that a larger chunk would have come upon
            if left == 0:
                continue
            rows = _up_to(marked, left, self.of)
            yield rows
            if left is not None:
                left -= rows.filter(pl.col(DROPPED).is_null())[self.of].n_unique()

    def collected(self) -> pl.DataFrame:
        """All at once, shuffled where there is a seed: then the rows that go are the last."""
        rows = pl.concat(self.frames())
        if self.seed is None:
            return rows
        stays = pl.col(DROPPED).is_null()
        kept = rows.filter(stays).sort(self.order(), maintain_order=True)
        return pl.concat([_up_to(kept, self.take, self.of), rows.filter(~stays)])

    def order(self) -> pl.Expr:
        """What a seed sorts the prompts by."""
        return shuffled(self.seed or 0, "load", of="prompt_id")

    def places(self, kept: pl.DataFrame) -> pl.Series:
        """Where a seed puts each of the rows that stay, null for those that are not taken. Of a row ``key`` is its
        order, and ``prompt`` stands for its prompt.
        """
        rows = kept.with_row_index("row").sort("key", maintain_order=True).drop("key")
        if self.take is not None:
            marked = rows.with_columns(pl.lit(None).alias(DROPPED))
            rows = _up_to(marked, self.take, "prompt" if self.of == "prompt_id" else "row")
        none = pl.Series("place", [None], dtype=pl.UInt32).new_from_index(0, kept.height)
        return none.scatter(rows["row"], pl.int_range(rows.height, dtype=pl.UInt32, eager=True))


class Source(Generic[P]):
    """A function that loads rows, made of one that says how they come."""

    __name__: str

    def __init__(self, chunks: Callable[P, Chunks]) -> None:
        self.chunks = chunks
        update_wrapper(cast("Any", self), cast("Any", chunks))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> pl.DataFrame:
        """The marked rows. Raises LoadError."""
        return self.chunks(*args, **kwargs).collected()


def once(tell: Callable[[str], None] | None) -> Callable[[str], None]:
    """What tells a thing the first time that it is told."""
    told: set[str] = set()

    def tells(what: str) -> None:
        if tell and what not in told:
            told.add(what)
            tell(what)

    return tells


def _up_to(rows: pl.DataFrame, take: int | None, of: str) -> pl.DataFrame:
    if take is None:
        return rows
    stays = pl.col(DROPPED).is_null()
    new = stays & pl.struct(stays, of).is_first_distinct()
    numbered = rows.with_columns(_number=new.cum_sum())
    number = pl.when(stays).then(pl.col("_number").first().over(stays, of)).otherwise(pl.col("_number") + 1)
    return numbered.filter(number <= take).drop("_number")
