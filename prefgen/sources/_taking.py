"""The first so many prompts or pairs of a source, in its order or as a seed shuffles them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl

from prefgen.rows import DROPPED, shuffled
from prefgen.sources._read import LoadError, Raw, Wanted, read

Marked = Callable[[Raw], pl.DataFrame]
"""All rows of a source, each with its reason to go or with null in ``dropped``."""


def first(
    source: object, wanted: Wanted, folder: Path, marked: Marked, *, take: int | None, seed: int | None, of: str
) -> pl.DataFrame:
    """The marked rows of a source: with ``take``, those that have the first so many values of ``of``. A seed shuffles
    the prompts. Where the rows wanted at first do not hold enough, more are read.
    """
    if take is not None and take < 1:
        raise LoadError(f"take is {take}; take 1 or more, or leave it out for all")
    while True:
        try:
            raw = read(source, wanted, folder)
            rows = marked(raw)
        except RecursionError as e:
            raise LoadError(f"{str(source)[:200]} holds a value that is nested too deeply; leave it out") from e
        have = rows.filter(pl.col(DROPPED).is_null())[of].n_unique()
        if wanted.limit is None or take is None or len(raw.rows) < wanted.limit or have >= take:
            return _taken(rows, take, seed, of)
        wanted = replace(wanted, limit=4 * wanted.limit + 1000)  # some of the first rows go; more are needed


def _taken(marked: pl.DataFrame, take: int | None, seed: int | None, of: str) -> pl.DataFrame:
    """The rows that are taken, and those that go: of a shuffled source all, else those met on the way."""
    stays = pl.col(DROPPED).is_null()
    if seed is not None:
        kept = marked.filter(stays).sort(shuffled(seed, "load", of="prompt_id"), maintain_order=True)
        return pl.concat([_up_to(kept, take, of), marked.filter(~stays)])
    return _up_to(marked, take, of)


def _up_to(rows: pl.DataFrame, take: int | None, of: str) -> pl.DataFrame:
    if take is None:
        return rows
    stays = pl.col(DROPPED).is_null()
    new = stays & pl.struct(stays, of).is_first_distinct()
    numbered = rows.with_columns(_number=new.cum_sum())
    number = pl.when(stays).then(pl.col("_number").first().over(stays, of)).otherwise(pl.col("_number") + 1)
    return numbered.filter(number <= take).drop("_number")
