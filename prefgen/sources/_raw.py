"""The rows of a source as they stand there, and which of them are wanted."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from prefgen.asker import Row
from prefgen.errors import PrefgenError


class LoadError(PrefgenError):
    """A source that cannot be read, or holds no prompts where they were said to be: ``what; cure`` in one line."""


Rows = pl.DataFrame | list[Row]
"""Some rows of a source: a frame where it has types, dicts where it is JSON."""

CHUNK = 4096
"""Rows that are read and looked at together."""
BYTES = 8_000_000
"""Bytes of text in such rows, about: fewer rows are taken together where they are long."""


@dataclass(frozen=True)
class Raw:
    """Some rows of a source, behind ``start`` others. ``columns`` are all that the source has; the rows hold at least
    those asked for.
    """

    name: str
    columns: Sequence[str]
    rows: Rows
    start: int = 0

    def column(self, name: str) -> pl.Series | list[Any]:
        """The values of one column, null where a row lacks it."""
        return self.rows[name] if isinstance(self.rows, pl.DataFrame) else [row.get(name) for row in self.rows]

    def place(self, number: int) -> str:
        """How a message calls one of these rows, the first being 1."""
        return f"{self.name}, row {self.start + number}"


@dataclass(frozen=True)
class Opened:
    """A source that was gone through once: what it is called, which columns it has, how many rows are wanted of it.
    ``rows`` goes through them again, some at a time, as often as it is called. ``samples`` are rows with one kept
    value of each likeness, where a source has no types.
    """

    name: str
    columns: Sequence[str]
    height: int
    rows: Callable[[], Iterator[Rows]]
    samples: list[Row] | None = None

    def sampled(self) -> "Opened":
        """What stands for all rows where the kept columns' types are asked."""
        return self if self.samples is None else replace(self, rows=lambda: iter([self.samples or []]))

    def chunks(self) -> Iterator[Raw]:
        """All rows, in their order."""
        start = 0
        for rows in self.rows():
            yield Raw(self.name, self.columns, rows, start)
            start += len(rows)

    def whole(self) -> Raw:
        """All rows at once."""
        every = [*self.rows()]
        frames = [rows for rows in every if isinstance(rows, pl.DataFrame)]
        listed = [row for rows in every if isinstance(rows, list) for row in rows]
        return Raw(self.name, self.columns, pl.concat(frames) if frames else listed)


@dataclass(frozen=True)
class Wanted:
    """Which columns to read, and how many rows; of a dataset also which split, config, revision and folder.
    ``texts`` are the paths of what stays text wherever it comes from; ``kept`` are those that are carried along.
    ``chunk`` is how many rows are read together, which changes nothing but memory.
    """

    texts: tuple[str, ...]
    kept: frozenset[str]
    limit: int | None = None
    split: str = "train"
    config: str | None = None
    revision: str | None = None
    data_dir: str | None = None
    chunk: int = CHUNK

    def roots(self) -> set[str]:
        """The columns that may hold what is carried along."""
        return {name for path in self.kept for name in (path, path.partition(".")[0])}

    def of(self, columns: Sequence[str]) -> list[str]:
        """The columns that hold a wanted path, in the source's order."""
        names = {name for path in self.texts for name in (path, path.partition(".")[0])} | self.roots()
        return [name for name in columns if name in names]


def first_line(error: BaseException) -> str:
    """The beginning of what an error says."""
    return str(error).partition("\n")[0][:300]


def in_chunks(rows: Iterable[tuple[Row, int]], chunk: int) -> Iterator[list[Row]]:
    """Rows, each given with its size in bytes, in lists of so many; of fewer where they are long."""
    some: list[Row] = []
    size = 0
    for row, length in rows:
        some.append(row)
        size += length
        if len(some) >= chunk or size >= BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def slices(rows: Rows, chunk: int) -> Iterator[Rows]:
    """Rows that are held already, so many at a time."""
    for start in range(0, max(1, len(rows)), chunk):
        yield rows[start : start + chunk]
