"""Some rows in full, to be read side by side: pairs that flipped, other pairs of a prompt, verdicts that differ."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from prefgen.comparison.parts import rows_at
from prefgen.comparison.sides import Paths
from prefgen.conversations import as_text

CUT = 2000
"""Characters of a text that are shown."""
Example = dict[str, Any]


def of_pairs(found: pl.DataFrame, a: Paths, b: Paths) -> list[Example]:
    """Of each row (``row`` in A, ``row_b`` in B) the prompt, and what each of both has for chosen and rejected."""
    wanted = ("prompt_id", "prompt", "chosen", "rejected")
    rows = [rows_at(paths, _places(found, name), wanted) for paths, name in ((a, "row"), (b, "row_b"))]
    told = []
    for one, other in found.select("row", "row_b").iter_rows() if found.width else ():
        first, second = rows[0][one], rows[1][other]
        sides = [{side: text(row[side]) for side in ("chosen", "rejected")} for row in (first, second)]
        told.append({"prompt_id": first["prompt_id"], "prompt": prompt(first), "a": sides[0], "b": sides[1]})
    return told


def of_verdicts(found: pl.DataFrame, a: Paths, b: Paths) -> list[Example]:
    """Of each row the prompt, both responses, what is known, and what either judge said and wrote."""
    wanted = ("prompt_id", "prompt", "response_a", "response_b", "gold", "verdict", "judgment")
    rows = [rows_at(paths, _places(found, name), wanted) for paths, name in ((a, "row"), (b, "row_b"))]
    told = []
    for one, other in found.select("row", "row_b").iter_rows() if found.width else ():
        first, second = rows[0][one], rows[1][other]
        said = [{"verdict": row["verdict"], "judgment": text(row["judgment"])} for row in (first, second)]
        gold = first["gold"] if first["gold"] == second["gold"] else None  # two recipes may have it otherwise
        shown = {name: text(first[name]) for name in ("response_a", "response_b")}
        known = {"prompt_id": first["prompt_id"], "prompt": prompt(first), "gold": gold}
        told.append({**known, **shown, "a": said[0], "b": said[1]})
    return told


def _places(found: pl.DataFrame, column: str) -> list[int]:
    return found[column].to_list() if found.width else []


def text(value: Any) -> str:
    """A response, or the last turn of a conversation, cut where it is long."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[-1]["content"] if value else ""
    whole = value or ""
    return whole if len(whole) <= CUT else f"{whole[:CUT]} … ({len(whole) - CUT:,} more characters)"


def prompt(row: Mapping[str, Any]) -> str:
    """The prompt of a row: its own, or what a conversation holds but for its last turn."""
    talk = row.get("prompt") or (row["chosen"][:-1] if isinstance(row.get("chosen"), list) else [])
    return text(as_text(talk))
