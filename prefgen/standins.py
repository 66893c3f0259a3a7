"""Rows that stand in for those that are not known yet, so that what is below them can be counted.

They are such as filters keep where they can, and say how long a reply may be.
"""

import hashlib
import re
from typing import Any

import polars as pl

from prefgen.asker import Row
from prefgen.llm.client import Client
from prefgen.planned import Planned

CHARACTERS = 4
"""Characters in one token, about; the usual rule of thumb for English."""
_MARK = re.compile(r"\ue000(\d+)\ue000")
"""How a stand-in says how many characters long it may be."""


def stand_in(step: Planned, row: Row, name: str, client: Client) -> Row:
    """A row such as the asker might make: every text its own, scores of a row's neighbours far apart, and a judge that
    is always right.
    """
    own = f"{row['id']}.{name}"
    limits = [client.provider(model).limit(model) or 0 for model in step.models]
    text = f"\ue000{max(limits, default=0) * CHARACTERS}\ue000{_own_words(own)}"
    new = {column: _value(kind, text, row["id"]) for column, kind in step.schema.items() if column not in row}
    if "verdict" in new and row.get("gold"):
        new["verdict"] = row["gold"]
    if "response_id" in new:
        new["response_id"] = own if "." in name else row["id"]
    return {c: {**row, **new, "id": own}.get(c) for c in step.schema}


def _own_words(name: str) -> str:
    """Words that no other stand-in has, so that none is nearly the same as another."""
    digest = hashlib.blake2b(name.encode(), digest_size=32).hexdigest()
    return " ".join(digest[i : i + 8] for i in range(0, len(digest), 8))


def _value(kind: pl.DataType, text: str, row_id: str) -> Any:
    """A value of this type. Numbers are high and low by turns of the row's place among its neighbours."""
    last = row_id.rpartition(".")[2]
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") / 2**32
    high = last.isdigit() and int(last) % 2 == 0
    if kind.is_float():
        return 5 - number / 100 if high else number / 100
    if kind.is_integer():
        return int(high)
    if kind == pl.Boolean:
        return False
    return text if kind == pl.String else []


def length(text: str) -> int:
    """Characters of a text, with what its stand-ins may come to; one that is not ASCII may be a token of its own."""
    rare = len(text) - len(text.encode("ascii", "ignore"))
    return len(text) + (CHARACTERS - 1) * rare + sum(int(mark[1]) for mark in _MARK.finditer(text))


def stand_ins(rows: pl.DataFrame) -> pl.Series:
    """Which rows hold a stand-in's text."""
    texts = [
        pl.col(c).str.contains(_MARK.pattern).fill_null(value=False) for c, t in rows.schema.items() if t == pl.String
    ]
    return rows.select(pl.any_horizontal(pl.lit(value=False), *texts)).to_series()
