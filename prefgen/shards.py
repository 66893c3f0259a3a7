"""A shard: a few whole prompts, what is made of them, and the files that this is written to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Self

import polars as pl

from prefgen.rounds import Count
from prefgen.tablefile import TableFile


@dataclass(frozen=True)
class Made:
    """What one step made of one shard: its table, the rows that are not in it, and what became of all."""

    table: pl.DataFrame
    lost: pl.DataFrame
    count: Count


def in_shards(rows: pl.DataFrame, prompts: int) -> Iterator[pl.DataFrame]:
    """Slices of ``prompts`` whole prompts each; rows of one prompt stand together, prompts in order of
    appearance. A table of no rows is one shard of no rows.
    """
    if rows.is_empty():
        yield rows
        return
    first = pl.col("_row").first().over("prompt_id")
    ordered = rows.with_row_index("_row").with_columns(first).sort("_row", maintain_order=True)
    number = ordered["_row"].rle_id() // prompts
    ordered = ordered.drop("_row")
    starts = [*number.to_frame("n").with_row_index("i").group_by("n", maintain_order=True).first()["i"], rows.height]
    for start, end in pairwise(starts):
        yield ordered.slice(start, end - start)


@dataclass
class Spans:
    """Which of so many prompts are finished: ``[start, end)``, by their places in the table that they come from."""

    prompts: int
    spans: list[list[int]] = field(default_factory=list)
    place: int = 0

    def add(self, shard: pl.DataFrame, finished: int) -> None:
        """The next shard, of which the first so many prompts are finished."""
        start, self.place = self.place, self.place + shard["prompt_id"].n_unique()
        if self.spans and self.spans[-1][1] == start:
            self.spans[-1][1] = start + finished
        elif finished:
            self.spans.append([start, start + finished])

    @property
    def whole(self) -> bool:
        """Whether all are."""
        return sum(end - start for start, end in self.spans) == self.prompts


class Files:
    """The files of some tables and of their lost rows, written in order and only whole."""

    def __init__(self, folder: Path, tables: Sequence[str]) -> None:
        self.tables = {table: TableFile(folder / f"{table}.parquet") for table in tables}
        self.lost = {table: TableFile(folder / f"{table}.dropped.parquet") for table in tables}

    def add(self, made: Mapping[str, Made]) -> None:
        """Writes what a shard made, or a part of it."""
        for table, one in made.items():
            self.tables[table].add(one.table)
            self.lost[table].add(one.lost)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        files = [*self.tables.values(), *self.lost.values()]
        try:
            while files and not kind:
                files[0].close()
                files.pop(0)
        finally:
            for file in files:
                file.abandon()
