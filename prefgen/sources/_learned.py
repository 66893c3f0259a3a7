"""What only all rows of a source can tell: whether a path leads anywhere, and the type of a column without one."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from prefgen.sources._alike import likeness
from prefgen.sources._columns import cells, nothing_there, plain, typed
from prefgen.sources._raw import Opened, Raw


def check_there(opened: Opened, path: str) -> None:
    """Raises LoadError where there is no such column, or no row has anything under the path."""
    _learn(opened, [_Column(path, typed=False)])


def types(opened: Opened, paths: Iterable[str]) -> Mapping[str, pl.DataType]:
    """The type of what stands under each path. Raises LoadError as ``check_there`` does."""
    columns = [*map(_Column, dict.fromkeys(paths))]
    if columns:
        _learn(opened.sampled(), columns)
    return {column.path: column.type() for column in columns}


def _learn(opened: Opened, columns: "Sequence[_Column]") -> None:
    for raw in opened.chunks():
        for column in columns:
            column.see(raw)
        if all(column.known for column in columns):
            break
    if opened.height:
        for column in columns:
            column.check(opened.name)


@dataclass
class _Column:
    """One path's values: the first of each likeness; the type, where the source has one. ``roots`` holds the first
    value in which a path leads nowhere.
    """

    path: str
    typed: bool = True
    dtype: pl.DataType | None = None
    some: bool = False
    alike: dict[Hashable, Any] = field(default_factory=dict)
    roots: list[Any] = field(default_factory=list)

    @property
    def known(self) -> bool:
        """Whether more rows can tell no more."""
        return self.some and not (self.typed and self.dtype is None)

    def see(self, raw: Raw) -> None:
        """Looks at some more rows."""
        found = cells(raw, self.path)
        if isinstance(found, pl.Series):
            self.some, self.dtype = True, found.dtype
            return
        for value in found if self.typed else ():
            self.alike.setdefault(likeness(value), value)
        self.some = self.some or self.path in raw.columns or any(value is not None for value in found)
        if not self.some and not self.roots:
            self.roots = [v for v in plain(raw.column(self.path.partition(".")[0])) if v is not None][:1]

    def check(self, name: str) -> None:
        """Raises LoadError where no row has anything here."""
        if not self.some:
            nothing_there(name, self.path, self.roots)

    def type(self) -> pl.DataType:
        """The type of all values."""
        return typed([*self.alike.values()]).dtype if self.dtype is None else self.dtype
