"""A shard: a few whole prompts, what is made of them, and the files that this is written to."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import polars as pl

from prefgen.engines.local import BACKLOG
from prefgen.llm.pace import most_in_flight
from prefgen.planned import Plan
from prefgen.rounds import Count
from prefgen.tablefile import TableFile

SHARD = 8
"""Prompts in one shard at most, where a run may end between two of them."""
WRITTEN = 128
"""Prompts in one shard at most, where it may not."""
FEWEST, MORE = 64, 1.5
"""Prompts under way at once: so many at least, or so many for each request that may be in flight, for some prompts are
between two requests. This is what bounds memory.
"""


def under_way(plan: Plan, tables: Sequence[str]) -> int:
    """How many prompts may be under way, for the models of these tables to have enough to do."""
    return max(FEWEST, int(MORE * most_in_flight(model for table in tables for model in plan.steps[table].models)))


def shard_size(prompts: int, places: int, *, limited: bool) -> int:
    """Prompts in a shard, where so many may be under way: few where there are few, or where money or a target may end
    the run between two shards.
    """
    return max(1, min(SHARD if limited else WRITTEN, prompts // FEWEST, places // 2))


def prompts_in(rows: pl.DataFrame) -> int:
    """How many prompts some rows are of."""
    return rows["prompt_id"].n_unique()


@dataclass(frozen=True)
class Cut:
    """A root's table in shards: how many ``places`` there are for them, and how many of these each takes (``size``);
    so many times as many items may wait for a slow one before them (``backlog``).
    """

    shards: Iterable[pl.DataFrame]
    places: int
    size: Callable[[pl.DataFrame], int]
    backlog: int = BACKLOG


@dataclass(frozen=True)
class Made:
    """What one step made of one shard: its table, the rows that are not in it, and what became of all."""

    table: pl.DataFrame
    lost: pl.DataFrame
    count: Count


@dataclass
class Spans:
    """Which of so many prompts are finished: ``[start, end)``, by their places in the table that they come from."""

    prompts: int
    spans: list[list[int]] = field(default_factory=list)
    place: int = 0

    def add(self, shard: pl.DataFrame, finished: int) -> None:
        """The next shard, of which the first so many prompts are finished."""
        start, self.place = self.place, self.place + prompts_in(shard)
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
