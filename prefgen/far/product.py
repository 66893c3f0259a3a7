"""What was made of a range, in one file: its tables, and what became of every row. A zip without compression, for
Parquet has its own; each part of it has a checksum.

    responses.parquet  responses.dropped.parquet  counts.json  responses.keys
"""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.errors import RunError
from prefgen.llm.drawn import Drawn
from prefgen.llm.outcome import Tally
from prefgen.planned import Plan
from prefgen.rounds import Count
from prefgen.saved import Saved
from prefgen.shards import Made

COUNTS = "counts.json"
NUMBERS = ("rows_in", "rows_used", "rows_out", "unanswered", "drawn", "read")
SAVED = ("asked", "fixed", "audited", "changed")
REASONS = ("dropped", "unreadable", "failed")


@dataclass(frozen=True)
class Product:
    """A range's tables, with their counts; what was spent on it, by table, and from when to when each table was made,
    in seconds since 1970.
    """

    made: Mapping[str, Made]
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    spans: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def is_of(self, keys: AbstractSet[bytes]) -> bool:
        """Whether it was made of a reply under one of these keys."""
        return any(one.count.replies.has_any(keys) for one in self.made.values())


def failed(counts: Mapping[str, Count]) -> bool:
    """Whether requests failed, which may be had another time."""
    return any(count.failed for count in counts.values())


def packed(folder: Path, counts: Mapping[str, Count], spans: Mapping[str, tuple[float, float]]) -> bytes:
    """The tables that lie in a folder, as ``Files`` wrote them, and their counts."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as file:
        for table, count in counts.items():
            for name in (f"{table}.parquet", f"{table}.dropped.parquet"):
                file.write(folder / name, name)
            file.writestr(f"{table}.keys", b"".join(sorted(count.replies.held)))
            if count.replies.spool:
                file.writestr(f"{table}.numbers", count.replies.spool.all().tobytes())
        told = {table: {**_told(count), "span": spans.get(table)} for table, count in counts.items()}
        file.writestr(COUNTS, json.dumps(told))
    return held.getvalue()


def unpacked(content: bytes, plan: Plan, name: str) -> Product:
    """The product. Raises RunError for a file that is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            told = json.loads(file.read(COUNTS))
            made = {table: _made(file, table, one, plan) for table, one in told.items()}
        tallies = {table: Tally(**one["tally"]) for table, one in told.items()}
        spans = {table: (one["span"][0], one["span"][1]) for table, one in told.items() if one["span"]}
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, OSError, pl.exceptions.PolarsError) as e:
        raise RunError(f"{name}: is damaged ({e}); take it away, and run the same command again") from e
    return Product(made, tallies, spans)


def _told(count: Count) -> dict[str, Any]:
    saved = {"stops": count.saved.stop is not None, **{name: getattr(count.saved, name) for name in SAVED}}
    canaries = [[*ends, number] for ends, number in count.canaries.items()]
    numbers = {name: getattr(count, name) for name in NUMBERS}
    reasons = {name: dict(getattr(count, name)) for name in REASONS}
    return {**numbers, **reasons, "canaries": canaries, "saved": saved, "tally": vars(count.tally)}


def _made(file: zipfile.ZipFile, table: str, told: Mapping[str, Any], plan: Plan) -> Made:
    rows, lost = (pl.read_parquet(io.BytesIO(file.read(f"{table}{end}.parquet"))) for end in ("", ".dropped"))
    return Made(rows, lost, _count(told, plan.steps[table].stop, _drawn(file, table)))


def _count(told: Mapping[str, Any], stop: Any, drawn: Drawn) -> Count:
    canaries = Counter({(kind, end): number for kind, end, number in told["canaries"]})
    numbers = {name: int(told[name]) for name in NUMBERS}
    reasons = {name: Counter(told[name]) for name in REASONS}
    saved = Saved(stop if told["saved"]["stops"] else None, **{name: told["saved"][name] for name in SAVED})
    return Count(**numbers, **reasons, canaries=canaries, replies=drawn, saved=saved)  # type: ignore[arg-type]


KEY = 32
"""Bytes of a journal's key."""


def _drawn(file: zipfile.ZipFile, table: str) -> Drawn:
    """The keys of what was drawn: all of each, or of very many the beginnings."""
    import numpy as np

    drawn, keys = Drawn(), file.read(f"{table}.keys")
    if f"{table}.numbers" in file.namelist():
        drawn.spooled().add(np.frombuffer(file.read(f"{table}.numbers"), [("key", np.uint64)]))
    drawn.update(keys[start : start + KEY] for start in range(0, len(keys), KEY))
    return drawn
