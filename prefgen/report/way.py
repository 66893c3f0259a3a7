"""How much longer chosen responses are, table by table on the way to the pairs that are kept: before and after whatever
drops pairs, or makes other ones.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from prefgen.judged import pair_measures, pair_report
from prefgen.pairs.best_worst import best_worst
from prefgen.report.folder import RunFolder, Table
from prefgen.report.pairs import frames
from prefgen.statistics import Share, share
from prefgen.tablefile import batches

Row = dict[str, Any]
RESPONSES = ("prompt_id", "id", "prompt", "response", "score")
"""What ``best_worst`` looks at, and the prompt."""


def way(run: RunFolder, kept: Mapping[str, Any]) -> list[Row]:
    """A row for each table at which pairs are made or dropped, the last one for those that are ``kept``: how many
    ``pairs``, mean lengths in characters, the share in which the chosen one is ``longer``, and whether its pairs are
    made there (``first``) of no other pairs.

    Before ``length_control`` there are responses and no pairs yet: its ``without`` row tells of the pairs that
    ``best_worst`` would have made of the step's input. A table in which no pair is made and none is dropped has no row.
    """
    if not kept.get("pairs"):
        return []
    rows, pairs = list[Row](), dict[str, int]()
    for table in run.above(kept["table"]):
        rows += _before(run, table)
        if table in run.pairs:
            pairs[table] = _pairs(run.tables[table])
            if [pairs.get(one) for one in run.steps[table].get("inputs", [])] != [pairs[table]]:
                rows.append(_row(table, run.steps[table]["verb"], frames([run.tables[table]])))
    roots = _roots(run, kept["table"])
    rows = [{**row, "first": row["verb"] != "without" and row["table"] in roots} for row in rows]
    same = bool(rows) and rows[-1]["pairs"] == kept["pairs"]
    last = {**_row(kept["table"], "kept", (), kept), "first": same and rows[-1]["first"]}
    return [*(rows[:-1] if same else rows), last]


def _roots(run: RunFolder, table: str) -> set[str]:
    """The tables in which a table's pairs were made: there is none with pairs among those that they are made of. None
    where an older run.json does not say of what.
    """
    if "inputs" not in run.steps.get(table, {}):
        return set()
    before = [one for one in run.steps[table]["inputs"] if one in run.pairs]
    return {root for one in before for root in _roots(run, one)} if before else {table}


def made(rows: Sequence[Row]) -> tuple[int, Share | None]:
    """How many pairs were made, of which the last row of a ``way`` is what was kept; and in which share of them the
    chosen one is longer, or in those that there would be without length control. None where these are what was kept.
    """
    first = [row for row in rows if row["first"]]
    before = [row for row in rows[:-1] if row["verb"] == "without"] or [row for row in first if row is not rows[-1]]
    shares = [one for row in before if (one := row["longer"])]
    n = sum(one["n"] for one in shares)
    return sum(row["pairs"] for row in first), share(round(sum(one["value"] * one["n"] for one in shares)), n)


def _before(run: RunFolder, table: str) -> Iterator[Row]:
    """The pairs that would be made without length control."""
    step = run.steps[table]
    for name in step.get("inputs", []) if step["verb"] == "length_control" else []:
        if name in run.tables and run.tables[name].columns >= {*RESPONSES}:
            yield _row(name, "without", _best_worst(run.tables[name]))


def _best_worst(responses: Table) -> Iterator[pl.DataFrame]:
    for rows in batches(responses.path, columns=RESPONSES):
        yield best_worst(rows)


def _pairs(table: Table) -> int:
    """How many different pairs a table has."""
    columns = ["prompt_id", table.pair]
    return sum(rows[table.pair].n_unique() for rows in batches(table.path, columns=columns))


def _row(table: str, verb: str, pairs: Iterable[pl.DataFrame], known: Mapping[str, Any] | None = None) -> Row:
    found = known or pair_report(map(pair_measures, pairs))
    told = ("pairs", "chosen_characters", "rejected_characters", "longer")
    return {"table": table, "verb": verb, **{name: found.get(name) for name in told}, "pairs": found.get("pairs", 0)}
