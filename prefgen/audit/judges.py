"""How judges judge, where a dataset has judgments: ``judge_report`` of what lies there."""

from pathlib import Path
from typing import Any

import polars as pl

from prefgen.judged import PAIRS, SCORES, judge_report
from prefgen.sources._columns import plain
from prefgen.sources._read import Opened, Raw
from prefgen.tablefile import TableFile, batches

_TEXTS = ("response_a", "response_b")


def judged(opened: Opened, place: Path) -> dict[str, Any]:
    """The report of judgments; their numbers go by way of a table on disk, prompts by prompts."""
    names = next((sorted(one) for one in (PAIRS, SCORES) if one <= {*opened.columns}), None)
    if names is None:
        return {}
    file = TableFile(place)
    for raw in opened.chunks():
        file.add(_numbers(raw, names))
    file.close()
    return judge_report(batches(place))


def _numbers(raw: Raw, names: list[str]) -> pl.DataFrame:
    """What the report looks at, of texts their lengths."""
    id_ = "prompt_id" if "prompt_id" in raw.columns else "pair_id" if "pair_id" in names else "response_id"
    found = {name: _column(raw, name) for name in names}
    return pl.DataFrame({"prompt_id": _column(raw, id_).cast(pl.String), **found})


def _column(raw: Raw, name: str) -> pl.Series:
    values = plain(raw.column(name))
    if name in _TEXTS:
        return pl.Series([len(value) if isinstance(value, str) else None for value in values], dtype=pl.Int64)
    if name == "score":
        return pl.Series(values, dtype=pl.Float64, strict=False)
    return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
