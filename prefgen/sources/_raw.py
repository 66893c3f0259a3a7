"""The rows of a source as they stand there, and which of them are wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from prefgen.asker import Row
from prefgen.errors import PrefgenError


class LoadError(PrefgenError):
    """A source that cannot be read, or holds no prompts where they were said to be: ``what; cure`` in one line."""


@dataclass(frozen=True)
class Raw:
    """The first rows of a source. ``columns`` are all that it has; ``rows`` hold at least those asked for,
    as a frame where the source has types and as dicts where it is JSON.
    """

    name: str
    columns: Sequence[str]
    rows: pl.DataFrame | list[Row]

    def column(self, name: str) -> pl.Series | list[Any]:
        """The values of one column, null where a row lacks it."""
        return self.rows[name] if isinstance(self.rows, pl.DataFrame) else [row.get(name) for row in self.rows]


@dataclass(frozen=True)
class Wanted:
    """Which columns to read, and how many rows; of a dataset also which split, config, revision and folder.
    ``texts`` are the paths of what stays text wherever it comes from; ``kept`` are those that are carried along.
    """

    texts: tuple[str, ...]
    kept: frozenset[str]
    limit: int | None = None
    split: str = "train"
    config: str | None = None
    revision: str | None = None
    data_dir: str | None = None

    def of(self, columns: Sequence[str]) -> list[str]:
        """The columns that hold a wanted path, in the source's order."""
        names = {name for path in (*self.texts, *self.kept) for name in (path, path.partition(".")[0])}
        return [name for name in columns if name in names]


def first_line(error: BaseException) -> str:
    """The beginning of what an error says."""
    return str(error).partition("\n")[0][:300]
