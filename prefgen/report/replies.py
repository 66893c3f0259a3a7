"""Replies that say nothing on offer, by kind, with some of their texts; and what never came."""

import hashlib
import heapq
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from prefgen.report.folder import RunFolder, Table
from prefgen.tablefile import batches

SHOWN = 3
"""Texts of each kind."""
CUT = 1000
"""Characters of a text that are shown."""

Kind = dict[str, Any]


def unreadable(run: RunFolder) -> list[Kind]:
    """Of each step that could not read some replies, and each kind of them: how many of the ``drawn``, and some
    ``texts``, which the seed chooses; of a long one the beginning, with its whole length.
    """
    return list(_kinds(run, "unreadable"))


def failed(run: RunFolder) -> list[Kind]:
    """The same of replies that never came, or were refused; the texts are what was said of it."""
    return list(_kinds(run, "failed"))


def _kinds(run: RunFolder, what: str) -> Iterator[Kind]:
    for table, step in run.steps.items():
        counts: Mapping[str, int] = step.get(what) or {}
        texts = (
            _texts(run.lost[table], {*counts}, int(run.told.get("seed") or 0)) if run.lost.get(table) and counts else {}
        )
        for kind, n in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
            found = {"table": table, "verb": step["verb"], "kind": kind, "n": n, "drawn": step.get("drawn", 0)}
            yield found | {"texts": texts.get(kind, [])}


def _texts(lost: Table, kinds: set[str], seed: int) -> dict[str, list[dict[str, Any]]]:
    """Some texts of each kind: those whose ids the seed's hash puts first."""
    found: dict[str, list[tuple[str, str, str]]] = {kind: [] for kind in kinds}
    for rows in batches(lost.path, columns=["prompt_id", "id", "dropped", "detail"]):
        told = rows.filter(pl.col("dropped").is_in(kinds), pl.col("detail").is_not_null())
        for kind, row_id, text in told.select("dropped", "id", "detail").iter_rows():
            found[kind] = heapq.nsmallest(SHOWN, [*found[kind], (_place(seed, row_id), row_id, text)])
    return {kind: [_shown(row_id, text) for _, row_id, text in some] for kind, some in found.items()}


def _place(seed: int, row_id: str) -> str:
    return hashlib.blake2b(f"{seed}/report/{row_id}".encode(), digest_size=8).hexdigest()


def _shown(row_id: str, text: str) -> dict[str, Any]:
    return {"id": row_id, "text": text[:CUT], "characters": len(text)}
