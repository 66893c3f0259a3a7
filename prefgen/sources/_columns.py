"""Columns out of raw rows: which are carried along, dotted paths into nested values, one type for each."""

import contextlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn

import polars as pl

from prefgen.errors import nearest
from prefgen.sources._alike import DEEPEST
from prefgen.sources._read import LoadError, Raw, kind
from prefgen.texts import is_deeper

# fmt: off
RESERVED = frozenset({
    "prompt_id", "id", "prompt", "dropped", "response", "response_id", "response_model", "response_reply", "truncated",
    "chosen", "rejected", "chosen_model", "rejected_model", "chosen_reply", "rejected_reply", "chosen_score",
    "rejected_score", "modified_prompt", "pair_id", "response_a", "response_b", "gold", "asked", "verdict", "judgment",
    "judgment_id", "judgments", "judgment_reply", "judgment_replies", "judge_model", "score", "score_a", "score_b",
    "score_sd", "candidates", "picked", "credit", "credit_official", "credit_robust", "credit_mode", "unreadable",
    "elo", "part", "side", "turn", "entry", "shots", "detail", "benchmark", "rouge_l", "draft", "draft_model",
    "draft_reply", "revisions", "judgment_a", "judgment_b",
})
# fmt: on
"""Columns that prefgen makes itself; a kept column needs another name."""

NESTED = frozenset({"a list", "an object"})
"""Kinds of values that hold others."""

Keep = str | Sequence[str] | Mapping[str, str]
"""Columns or paths to carry along: one, several, or new names with their paths."""


def named(keep: Keep, reserved: Collection[str] = RESERVED) -> dict[str, str]:
    """New name to path, for each column that is carried along."""
    paths = [keep] if isinstance(keep, str) else keep
    found = [(name, paths[name]) if isinstance(paths, Mapping) else (name.split(".")[-1], name) for name in paths]
    names = [name for name, _ in found]
    for name, path in found:
        wrong = "which prefgen makes itself" if name in reserved else ""
        wrong = "which is taken twice" if names.count(name) > 1 else wrong
        wrong = "which is no name" if not name.strip("-0123456789") else wrong
        if wrong:
            raise LoadError(f"cannot keep {path!r} as {name!r}, {wrong}; rename it: keep: {{source_{name}: {path}}}")
    return dict(found)


def there(raw: Raw, path: str) -> bool:
    """Whether a source has the column that a path begins with."""
    return path in raw.columns or path.partition(".")[0] in raw.columns


def values(raw: Raw, path: str) -> pl.Series | list[Any]:
    """The values under a dotted path, of a source's every row; a column of that very name comes first. Raises
    LoadError where there is no such column, or no row has anything there.
    """
    found = cells(raw, path)
    if path not in raw.columns and isinstance(found, list) and found and all(value is None for value in found):
        nothing_there(raw.name, path, plain(raw.column(path.partition(".")[0])))
    return found


def cells(raw: Raw, path: str) -> pl.Series | list[Any]:
    """The values under a dotted path, of some rows. Raises LoadError where there is no such column."""
    root, _, rest = path.partition(".")
    if path in raw.columns:
        return raw.column(path)
    if not rest or root not in raw.columns:
        raise LoadError(f"{raw.name} has no {path!r}; {nearest(root, raw.columns)}")
    return [_under(value, rest.split(".")) for value in plain(raw.column(root))]


def nothing_there(name: str, path: str, roots: Sequence[Any]) -> NoReturn:
    """Raises LoadError for a path that leads nowhere in any of these values."""
    held = next((value for value in roots if value is not None), None)
    fields = f" with {', '.join(held)}" if isinstance(held, dict) else ""
    root = path.partition(".")[0]
    raise LoadError(f"no row of {name} has {path!r}; {root!r} holds {kind(held)}{fields}")


def plain(column: pl.Series | list[Any]) -> list[Any]:
    """A column's values as Python has them, lists and objects included."""
    return column.to_list() if isinstance(column, pl.Series) else column


def _under(value: Any, path: Sequence[str]) -> Any:
    """Where a path leads inside a value; a number counts into a list, from 0, or back from the end below 0."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and re.fullmatch(r"-?\d{1,9}", step) and -len(value) <= int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def typed(found: pl.Series | list[Any]) -> pl.Series:
    """A column with one type that Parquet can hold. Values of several kinds, and those that are nested too deeply for
    one, become text, those that are not text as JSON; polars alone would lose some of them.
    """
    if isinstance(found, pl.Series):
        return found
    kinds = {kind(value) for value in found if value is not None}
    if kinds <= {"text"}:
        return pl.Series(found, dtype=pl.String)
    if len(kinds) == 1 and not any(is_deeper(value, DEEPEST) for value in found):
        with contextlib.suppress(pl.exceptions.PolarsError):
            column = _nested(found) if kinds <= NESTED else pl.Series(found, strict=False)
            if not re.search(r"Struct\(\{\}\)|Int128|Object", str(column.dtype)):
                return column
    return _text(found)


def as_type(found: pl.Series | list[Any], dtype: pl.DataType) -> pl.Series:
    """Some of a column's values, in the type that ``typed`` gave the whole."""
    if isinstance(found, pl.Series):
        return found
    if dtype == pl.String:
        return _text(found)
    nested = isinstance(dtype, pl.List | pl.Struct)
    return _nested(found, dtype) if nested else pl.Series(found, dtype=dtype, strict=False)


def _text(found: list[Any]) -> pl.Series:
    return pl.Series([v if v is None or isinstance(v, str) else _json(v) for v in found], dtype=pl.String)


def _nested(found: list[Any], dtype: pl.DataType | None = None) -> pl.Series:
    """Lists and objects by way of JSON: all rows are looked at, and objects get the fields of all."""
    lines = "\n".join(_json({"_": value}) for value in found)
    schema = None if dtype is None else {"_": dtype}
    return pl.read_ndjson(lines.encode(), schema=schema, infer_schema_length=None)["_"]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
