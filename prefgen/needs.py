"""What a verb needs of rows and settings, told by its own name where it is not there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import Parameter, signature
from typing import Any

import polars as pl

from prefgen.errors import PrefgenError, nearest

MANY = 30
"""Columns that are named at most."""


class MissingColumn(PrefgenError, KeyError, pl.exceptions.ColumnNotFoundError):
    """Rows without ``columns`` that a verb looks at."""

    __str__ = Exception.__str__  # a KeyError would show its words as code

    def __init__(self, words: str, columns: Sequence[str] = ()) -> None:
        self.columns = tuple(columns)
        super().__init__(words)


def check_columns(verb: str, needed: Sequence[str], there: Sequence[str]) -> None:
    """Raises MissingColumn where rows have not all of the columns that a verb needs."""
    if lacking := [name for name in dict.fromkeys(needed) if name not in there]:
        raise _missing(verb, lacking, there)


@contextmanager
def told(verb: str, there: Callable[[], Sequence[str]]) -> Iterator[None]:
    """Raises MissingColumn in the place of what polars says of a column that it does not find."""
    try:
        yield
    except MissingColumn:
        raise
    except pl.exceptions.ColumnNotFoundError as e:
        raise _missing(verb, [column_of(e)], there()) from e


def column_of(error: Exception) -> str:
    """The column that polars does not find."""
    words = (str(error).splitlines() or [""])[0]
    return words.split('"')[1] if words.count('"') > 1 else words


def _missing(verb: str, lacking: Sequence[str], there: Sequence[str]) -> MissingColumn:
    more = ", …" if len(there) > MANY else ""
    have = f"they have {', '.join(there[:MANY])}{more}" if there else "they have no columns"
    return MissingColumn(f"{verb} needs {' and '.join(lacking)}, which these rows have not; {have}", lacking)


def check_settings(verb: str, takes: Callable[..., Any], args: Sequence[Any], given: Mapping[str, Any]) -> None:
    """Raises TypeError where these are not a verb's settings."""
    try:
        signature(takes).bind(*args, **given)
    except TypeError as e:
        raise TypeError(f"{verb}{_wrong(verb, signature(takes).parameters, given) or f': {e}'}") from None


def _wrong(verb: str, known: Mapping[str, Parameter], given: Mapping[str, Any]) -> str:
    """What is wrong with the settings given by name."""
    for name in given:
        if name not in known:
            return f" has no setting {name!r:.60}; {nearest(name, known)}"
    for name, one in known.items():
        if one.default is one.empty and name not in given:
            return f" needs the setting {name}; write {verb}(rows, {name}=…)"
    return ""
