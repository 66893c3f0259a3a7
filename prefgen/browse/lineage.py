"""Where a row comes from: the rows that it was made of, table by table up to the prompts, what each step added, and the
replies behind it.

Ids are paths (``<prompt_id>.3.5`` is judgment 5 of response 3), so what a row was made of has its id, or a beginning of
it; of a row that sums others up, theirs begin with its own. ``a-b`` is a pair of two rows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from prefgen.browse.chain import hashed
from prefgen.browse.groups import Groups, Numbers
from prefgen.browse.made import Made, Tables
from prefgen.browse.pairs import PairTable
from prefgen.browse.replies import Replies, keys_of, line
from prefgen.browse.shaping import OF_A_PAIR, Json
from prefgen.conversations import as_text

OWN = ("id", "prompt_id", "pair_id", "response_id", "first_id", "second_id")
"""Columns that say what a row is of."""
LONG = 20_000
"""Characters of a text that a page shows of a row behind a pair."""
MOST = 12
"""Rows of one table that stand below one row; of more it is said how many there are."""


@dataclass(frozen=True)
class Node:
    """A row of a table, ``added``, what is in it and in none of the rows ``of`` which it was made, the journal's keys
    among that, and how many rows ``more`` it was made of. One that stood above already is shown ``again`` without them.
    """

    table: str
    verb: str
    id: str
    added: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    of: Sequence["Node"] = ()
    more: int = 0
    again: bool = False


class Lineage:
    """The rows of a run and what they were made of."""

    def __init__(self, made: Tables) -> None:
        self.made = made
        self.replies = Replies(made.folder)
        self._prompts: dict[str, NDArray[np.uint32]] = {}

    def number(self, table: str, name: str) -> int | None:
        """The number of the row with this id."""
        first = 0
        for some in self.made.steps[table].rows.narrow(["id"]):
            at = (some["id"] == name).arg_true()
            if len(at):
                return first + int(at[0])
            first += some.height
        return None

    def tree(self, table: str, number: int, seen: set[tuple[str, int]] | None = None) -> Node:
        """The row with this number, and all that it comes from."""
        seen = set() if seen is None else seen
        step = self.made.steps[table]
        row = step.rows.take([number], step.rows.columns)[0]
        again = (table, number) in seen
        seen.add((table, number))
        if again:
            return Node(table, step.verb, str(row["id"]), again=True)
        above = [one for found in self._above(step, row) for one in found]
        shown = above[:MOST]
        rows = [self.made.steps[name].rows.take([at], self.made.steps[name].rows.columns)[0] for name, at in shown]
        own = {name: value for name, value in row.items() if name not in OWN and not _is_old(name, value, rows)}
        before = {key for one in rows for keys in keys_of(one).values() for key in keys}
        found = {name: [key for key in keys if key not in before] for name, keys in keys_of(row).items()}
        keys = {name: some for name, some in found.items() if some}
        of = [self.tree(name, at, seen) for name, at in shown]
        values = {name: value for name, value in own.items() if not keys_of({name: value})}
        return Node(table, step.verb, str(row["id"]), values, keys, of, len(above) - len(shown))

    # --- what a row was made of ---

    def _above(self, step: Made, row: Mapping[str, Any]) -> Iterator[list[tuple[str, int]]]:
        """The rows of each input that a row was made of."""
        for place, name in enumerate(step.inputs):
            if step.verb == "concat" and row.get("part", place) != place:
                continue
            rows = self.made.steps[name].rows
            numbers = self._of_prompt(name, rows, row.get("prompt_id"))
            found = _matching(row, rows.take(numbers, [one for one in OWN if one in rows.columns]))
            known = numbers[found] if len(numbers) else self._by_reply(rows, row)
            yield [(name, int(number)) for number in known]

    def _of_prompt(self, table: str, rows: Groups, prompt: Any) -> Numbers:
        """The numbers of a prompt's rows, and of few others."""
        if "prompt_id" not in rows.columns:
            return np.array([], np.int64)
        if table not in self._prompts:
            parts = [_short(some["prompt_id"]) for some in rows.narrow(["prompt_id"])]
            self._prompts[table] = np.concatenate(parts) if parts else np.array([], np.uint32)
        found = np.flatnonzero(self._prompts[table] == _short(pl.Series([prompt], dtype=pl.String))[0])
        there = rows.take(found, ["prompt_id"])
        return found[np.array([one["prompt_id"] == prompt for one in there], bool)] if len(found) else found

    def _by_reply(self, rows: Groups, row: Mapping[str, Any]) -> Numbers:
        """The row that was read of the same reply: of a prompt that was written by a model, which has another id."""
        for name in sorted(set(rows.columns) & set(row)):
            if name.endswith("_reply") and isinstance(row[name], str):
                first = 0
                for some in rows.narrow([name]):
                    if len(at := (some[name] == row[name]).arg_true()):
                        return np.array([first + int(at[0])])
                    first += some.height
        return np.array([], np.int64)

    # --- as a list ---

    def of_pair(self, table: PairTable, pair_id: str) -> list[Json]:
        """The rows behind a pair, one below another: what it was made of, and its judgments. Each has its ``depth``,
        what its step ``added``, its ``replies``, and how many rows ``more`` it was made of.
        """
        found = table.place(pair_id)
        if found is None:
            return []
        seen = set[tuple[str, int]]()
        own = self.tree(found.table, found.row, seen)
        nodes = [replace(own, added={name: one for name, one in own.added.items() if name not in OF_A_PAIR})]
        for step, rows in found.judgments:
            nodes += [self.tree(step, row, seen) for row in rows[:MOST] if (step, row) not in seen]
        return self.listed(nodes)

    def listed(self, nodes: Sequence[Node]) -> list[Json]:
        """Some rows, and all that they come from, one below another, as JSON; each once."""
        every = [(depth, node) for depth, node in _flat(nodes, 0) if not node.again]
        known = self.replies.of([key for _, node in every for keys in node.keys.values() for key in keys])
        return [
            {
                "table": node.table,
                "id": node.id,
                "verb": node.verb,
                "depth": depth,
                "added": dict(node.added),
                "replies": [{"column": name, **known[key]} for name, keys in node.keys.items() for key in keys],
                "more": node.more,
            }
            for depth, node in every
        ]


def _short(ids: pl.Series) -> NDArray[np.uint32]:
    return hashed(ids).astype(np.uint32)


def _is_old(name: str, value: Any, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a row has nothing in a column but what all have there that it was made of."""
    before = [row[name] for row in rows if name in row]
    return value is None or (bool(before) and all(one == value for one in before))


def _matching(row: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> list[int]:
    """The places of those of an input's rows, of the same prompt, that a row was made of."""
    places: dict[str, list[int]] = {}
    for place, one in enumerate(others):
        places.setdefault(str(one["id"]), []).append(place)
    found = [place for name in _names(row, places) for place in places[name]]
    return found or _summed(str(row["id"]), others)


def _names(row: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    """The ids among the known ones that a row's own leads to: itself, its two parts, or the longest beginning."""
    own = str(row["id"])
    if own in known:
        return [own]
    two = [str(row[name]) for name in ("first_id", "second_id") if row.get(name)] or _parted(own, known)
    if two and all(name in known for name in two):
        return two
    shorter = [*_beginnings(own), *_beginnings(f"{own.rpartition('-')[0]}.")]
    return next(([one] for one in shorter if one in known), [])


def _beginnings(name: str) -> Iterator[str]:
    """Of an id its beginnings, the longest first."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _parted(name: str, known: Mapping[str, Any]) -> list[str]:
    """The two ids of ``a-b``, where b is what comes after the part that both have in common."""
    first, dash, rest = name.rpartition("-")
    if not dash:
        return []
    second = next((f"{one}.{rest}" for one in _beginnings(first) if f"{one}.{rest}" in known), None)
    return [first, second] if second else []


def _summed(name: str, others: Sequence[Mapping[str, Any]]) -> list[int]:
    """The places of rows that are of this one: their ids go on from its own, or they name it."""
    names = ("pair_id", "response_id", "first_id", "second_id")
    return [
        place
        for place, one in enumerate(others)
        if str(one["id"]).startswith(f"{name}.") or any(one.get(column) == name for column in names)
    ]


def _flat(nodes: Sequence[Node], depth: int) -> Iterator[tuple[int, Node]]:
    for node in nodes:
        yield depth, node
        yield from _flat(node.of, depth + 1)


def told(row: Json) -> Json:
    """A row of such a list as a page shows it: texts alone, none of them longer than LONG."""
    replies = [{"line": line(one), "text": _cut(one.get("text", ""))} for one in row["replies"]]
    return row | {"added": {name: _cut(spelt(value)) for name, value in row["added"].items()}, "replies": replies}


def spelt(value: Any) -> str:
    """A value as text: a conversation as people read it, other lists and objects as JSON."""
    said = as_text(value)
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, default=str)


def _cut(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:LONG]} … [{len(text) - LONG:,} more characters]"
