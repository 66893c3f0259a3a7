"""How judges judge, where a dataset has judgments: ``judge_report`` of what lies there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.judged import PAIRS, SCORES, judge_report
from prefgen.rows import finite
from prefgen.sources._columns import plain
from prefgen.sources._read import Opened, Raw
from prefgen.tablefile import TableFile, batches

_TEXTS = ("response_a", "response_b")


def judged(splits: Sequence[Opened], place: Path) -> dict[str, Any]:
    """The report of the judgments of some splits; their numbers go by way of a table on disk, prompts by prompts."""
    names = _looked_at(splits)
    if not names:
        return {}
    file = TableFile(place)
    for raw in (raw for opened in splits for raw in opened.chunks()):
        file.add(_numbers(raw, names))
    file.close()
    return judge_report(batches(place))


def _looked_at(splits: Sequence[Opened]) -> list[str]:
    """The columns of verdicts on two responses, or of scores of one. What prefgen writes has both, and the first rows
    say which they are.
    """
    kinds = [of for of in (PAIRS, SCORES) if of <= {*splits[0].columns}]
    if len(kinds) == 2:
        first = next((raw for one in splits for raw in one.chunks() if len(raw.rows)), None)
        two = first is not None and any(value is not None for value in plain(first.column("response_a")))
        return sorted(PAIRS if two else SCORES)
    return sorted(kinds[0]) if kinds else []


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
        return pl.DataFrame({name: values}, schema={name: pl.Float64}, strict=False).select(finite(name)).to_series()
    return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
