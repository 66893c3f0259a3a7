"""A run's pairs with what people say of them: marks are set, exported as a table of human labels, and held against the
judges.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from prefgen.browse.humans import LABELS, Agreement, label, said, verdicts
from prefgen.browse.marks import texts_of
from prefgen.browse.pairs import PairTable
from prefgen.browse.shaping import Json
from prefgen.conversations import as_text
from prefgen.errors import RunError
from prefgen.folders import no_room, swept
from prefgen.tablefile import TableFile

ENOUGH = 100
"""Pairs that are read together."""


class Labels:
    """The marks of one table of pairs."""

    def __init__(self, table: PairTable) -> None:
        self.table = table
        self._heard: dict[int, Json] = {}

    def mark(self, pair_id: str, mark: str, text: str = "") -> Json | None:
        """Saves a mark and gives it back; None where there is no such pair."""
        row = self.table.row(pair_id)
        if row is None:
            return None
        return self.table.marks.put(pair_id, mark, text, texts_of(row)).shown()

    def take_back(self, pair_id: str) -> None:
        """Takes a mark away, where there is one."""
        self.table.marks.take_back(pair_id)

    def agreement(self) -> Json:
        """How far people agree with labels and judges (``humans.Agreement``); how many marks do not count, for their
        pair is ``gone`` or ``changed`` or their line is ``damaged``; and all of it in words (``said``).
        """
        current, found = self.table.marked.current(), Agreement()
        self._hear(sorted(current.keys() - self._heard.keys()))
        for number, mark in sorted(current.items()):
            found.add(self._heard[number], mark.mark)
        marked = self.table.marked
        lost = {"gone": marked.gone, "changed": marked.changed, "damaged": self.table.marks.damaged}
        told = found.told() | lost
        return told | {"said": said(told)}

    def _hear(self, numbers: list[int]) -> None:
        for start in range(0, len(numbers), ENOUGH):
            some = np.array(numbers[start : start + ENOUGH], np.int64)
            for number, row in zip(some, self.table.rows(some), strict=True):
                own = {"id": row["id"], "category": row["category"], "verdicts": [*verdicts(row["judgments"])]}
                self._heard[int(number)] = own

    def rows(self) -> Iterator[list[Json]]:
        """The human labels, in the order of the pairs, some at a time."""
        current = self.table.marked.current()
        numbers = sorted(current)
        for start in range(0, len(numbers), ENOUGH):
            some = numbers[start : start + ENOUGH]
            texts = self.table.texts(np.array(some, np.int64))
            yield [label(row, current[number]) for number, row in zip(some, texts, strict=True)]

    def write(self, path: Path) -> int:
        """Writes the human labels as .parquet, .jsonl or .csv, whole or not at all, and says how many there are. Raises
        RunError for another ending, and for a full disk.
        """
        write = WRITERS.get(path.suffix.lower())
        if write is None:
            raise RunError(f"{path}: human labels are written as {', '.join(WRITERS)}; name such a file")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return write(path, self.rows())
        except OSError as e:
            raise no_room(path, e) from e


# --- files ----------------------------------------------------------------------------------


def _parquet(path: Path, rows: Iterator[list[Json]]) -> int:
    file, number = TableFile(path), 0
    try:
        file.add(pl.DataFrame(schema=LABELS))
        for some in rows:
            file.add(pl.DataFrame(some, schema=LABELS))
            number += len(some)
        file.close()
    finally:
        file.abandon()
    return number


def _jsonl(path: Path, rows: Iterator[list[Json]]) -> int:
    return _lines(path, rows, lambda file: lambda one: file.write(json.dumps(one, ensure_ascii=False) + "\n"))


def _csv(path: Path, rows: Iterator[list[Json]]) -> int:
    def writer(file: Any) -> Callable[[Mapping[str, Any]], object]:
        out = csv.DictWriter(file, LABELS, lineterminator="\n")
        out.writeheader()
        return lambda one: out.writerow({name: _cell(value) for name, value in one.items()})

    return _lines(path, rows, writer)


def _lines(path: Path, rows: Iterator[list[Json]], writer: Callable[[Any], Callable[[Json], object]]) -> int:
    partial, number = path.with_name(f".{path.name}.partial"), 0
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            write = writer(file)
            for some in rows:
                number += len(some)
                for one in some:
                    write({name: one[name] for name in LABELS})
        partial.replace(path)
    finally:
        swept(partial)
    return number


def _cell(value: Any) -> str:
    """A text that no spreadsheet takes for a formula."""
    found = str(as_text(value)) if value is not None else ""
    return f"'{found}" if found.startswith(("=", "+", "-", "@", "\t", "\r")) else found


WRITERS: Mapping[str, Callable[[Path, Iterator[list[Json]]], int]] = {
    ".parquet": _parquet,
    ".jsonl": _jsonl,
    ".csv": _csv,
}
