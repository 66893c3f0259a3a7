"""Pairs read column by column, where all rows are alike: texts with a prompt of text, or two conversations that are the
same up to the last turn. Row by row they take five times as long, and come to the same.
"""

from typing import Any

import polars as pl

from prefgen.audit.taken import Taken
from prefgen.conversations import as_texts
from prefgen.sources._columns import cells, plain, there
from prefgen.sources._read import Raw
from prefgen.sources._sides import Sides, number

TURN = {"role", "content"}
ROLES = ["system", "user", "assistant", "tool"]


def in_columns(raw: Raw, taken: Taken) -> pl.DataFrame | None:
    """The rows in the audit's shape; None where some of them must be looked at one by one."""
    reading = taken.pairs.reading if taken.pairs else None
    if not isinstance(reading, Sides) or reading.pool:
        return None
    texts = _texts(raw, taken.prompt, reading) if taken.prompt else _talks(raw, reading)
    if texts is None:
        return None
    models = {name: _any(raw, path, pl.String) for name, path in zip(MODELS, reading.models, strict=True)}
    scores = {name: _any(raw, path, pl.Float64) for name, path in zip(SCORES, reading.scores or ("", ""), strict=True)}
    row = pl.int_range(raw.start + 1, raw.start + len(raw.rows) + 1, dtype=pl.UInt64, eager=True)
    told = pl.DataFrame({"row": row, **texts, **models, **scores})
    return told.with_columns(
        place=pl.lit(0, pl.UInt32),
        first=pl.lit(None, pl.Boolean),
        truncated=pl.lit(None, pl.Boolean),
        why=pl.lit(None, pl.String),
    )


MODELS = ("chosen_model", "rejected_model")
SCORES = ("chosen_score", "rejected_score")


def _any(raw: Raw, path: str, kind: Any) -> pl.Series:
    """A column in a type, null where its values have none in it; nothing where it is not there."""
    found = plain(cells(raw, path)) if path and there(raw, path) else [None] * len(raw.rows)
    if kind == pl.Float64:
        return pl.Series([number(value) for value in found], dtype=pl.Float64)
    return pl.Series([None if value is None else str(value) for value in found], dtype=pl.String)


def _texts(raw: Raw, prompt: str, reading: Sides) -> dict[str, pl.Series] | None:
    """Prompts and responses of texts alone."""
    every = [_text(raw, path) for path in (prompt, *reading.of)]
    told = [column.fill_null("") for column in every if column is not None]
    return (
        dict(zip(("prompt", "asked", "chosen", "rejected"), (told[0], *told), strict=True)) if len(told) == 3 else None
    )


def _text(raw: Raw, path: str) -> pl.Series | None:
    found = cells(raw, path)
    if isinstance(found, pl.Series):
        return found if found.dtype == pl.String else None
    alone = all(value is None or isinstance(value, str) for value in found)
    return pl.Series(found, dtype=pl.String) if alone else None


def _talks(raw: Raw, reading: Sides) -> dict[str, pl.Series] | None:
    """Conversations of the same length that differ in their last turn alone, before which the user spoke."""
    sides = [cells(raw, path) for path in reading.of]
    chosen, rejected = (side for side in sides) if len(sides) == 2 else (None, None)
    if not (isinstance(chosen, pl.Series) and isinstance(rejected, pl.Series) and _plain(chosen) and _plain(rejected)):
        return None
    both = pl.DataFrame([chosen.alias("c"), rejected.alias("r")]).with_columns(n=pl.col("c").list.len() - 1)
    start = both.select(c=pl.col("c").list.head(pl.col("n")), r=pl.col("r").list.head(pl.col("n")))
    ends = {"chosen": both["c"].list.last(), "rejected": both["r"].list.last(), "asked": start["c"].list.last()}
    if not (_same(both, start) and _known(start["c"]) and all(map(_said, ends, ends.values()))):
        return None
    texts = {name: end.struct.field("content").alias(name) for name, end in ends.items()}
    return {"prompt": as_texts(start["c"]), **texts}


def _plain(talks: pl.Series) -> bool:
    """Whether a column holds messages of role and content, and at least two in each row."""
    inner = talks.dtype.inner if isinstance(talks.dtype, pl.List) else None
    fields = {field.name: field.dtype for field in inner.fields} if isinstance(inner, pl.Struct) else {}
    whole = {*fields} == TURN and set(fields.values()) == {pl.String()}
    return whole and not talks.null_count() and bool((talks.list.len() > 1).all())


def _same(both: pl.DataFrame, start: pl.DataFrame) -> bool:
    length = (both["c"].list.len() == both["r"].list.len()).all()
    return bool(length and (start["c"] == start["r"]).all())


def _known(talks: pl.Series) -> bool:
    """Whether every turn has a role of the one spelling, and a text."""
    turns = talks.explode(empty_as_null=False)
    texts, roles = turns.struct.field("content"), turns.struct.field("role")
    return not texts.null_count() and bool(roles.is_in(ROLES).all())


def _said(name: str, turns: pl.Series) -> bool:
    """Whether the assistant, or the user who asked, spoke each of these turns."""
    who = "user" if name == "asked" else "assistant"
    return bool((turns.struct.field("role") == who).all()) and not turns.struct.field("content").null_count()
