"""What a verb makes of an empty table: the columns of its own, or what is wrong with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from prefgen import verbs
from prefgen.asker import MESSAGES, Asker
from prefgen.settings import parameters
from prefgen.told import columns_of, line_of

OWN = ("prompt_id", "id")
"""What every table has."""
KINDS = (pl.String, pl.Float64, pl.Boolean, MESSAGES, pl.Int64, pl.List(pl.String))
"""What a column may hold."""
STAND_INS = {float: 0.3, int: 1}
"""For settings without a default; one of text may name a column."""


@dataclass(frozen=True)
class Made:
    """A table's columns; the columns that a verb ``lacks``; what else is wrong, each with what would do."""

    schema: pl.Schema | None = None
    lacks: Sequence[str] = ()
    wrong: Sequence[tuple[str, str]] = ()


def on_nothing(word: str, verb: Callable[..., Any], frames: Sequence[pl.Schema], *, ids: bool = True) -> Made:
    """What a verb makes of tables of these columns, which hold no rows. ``ids``: whether it must keep a row's."""
    try:
        made = verb(*(pl.DataFrame(schema=rows) for rows in frames))
    except pl.exceptions.ColumnNotFoundError as e:
        return Made(lacks=columns_of(e))
    except Exception as e:  # noqa: BLE001  # whatever a verb raises on no rows, it would raise in the run
        own = isinstance(e, ValueError) and word in verbs.names()  # a setting's value, in the verb's own words
        what = f"{word}: " if own else f"{word} fails on an empty table: {type(e).__name__}: "
        return Made(wrong=[(what + line_of(e), "")])
    if not isinstance(made, pl.DataFrame):
        return Made(wrong=[(f"{word} gives a {type(made).__name__}", "a table verb gives a polars DataFrame")])
    lost = [column for column in OWN if ids and made.schema.get(column) != pl.String]
    wrong = [(f"{word} loses the text column {column}", "every table has prompt_id and id") for column in lost]
    return Made(made.schema, wrong=wrong)


def needed(verb: Callable[..., Any]) -> Sequence[str]:
    """The columns without which a verb cannot do, its settings as they are by default; a setting in <angles> names one.
    Nothing where that cannot be found out without rows.
    """
    stand_ins = {name: p for name, p in parameters(verb).items() if p.default is p.empty}
    settings: dict[str, Any] = {name: STAND_INS.get(p.annotation, f"<{name}>") for name, p in stand_ins.items()}
    try:
        if isinstance(verb, type) and issubclass(verb, Asker):
            return sorted(verb(**settings).needed())
        return sorted(_looked_at(verb, settings))
    except Exception:  # noqa: BLE001  # a setting may have to be another, and a verb may be anybody's
        return ()


def _looked_at(verb: Callable[..., Any], settings: dict[str, Any]) -> set[str]:
    """The columns that a verb asks for, one after another; each of the first kind that it can do with."""
    schema: dict[str, Any] = {}
    lacks: Sequence[str] = ()
    kinds = iter(KINDS)
    while True:
        try:
            verb(pl.DataFrame(schema=schema), **settings)
        except pl.exceptions.ColumnNotFoundError as e:
            lacks, kinds = [column for column in columns_of(e) if column not in schema], iter(KINDS)
            if not lacks:
                raise
        except Exception:  # of a column of the wrong kind
            if not lacks:
                raise
        else:
            return set(schema)
        schema |= dict.fromkeys(lacks, next(kinds))
