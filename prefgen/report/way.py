"""How much longer chosen responses are, table by table on the way to the pairs that are kept: before and after whatever
drops pairs, or makes other ones.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from prefgen.judged import pair_measures, pair_report
from prefgen.pairs.best_worst import best_worst
from prefgen.report.folder import RunFolder, Table
from prefgen.report.pairs import frames
from prefgen.tablefile import batches

Row = dict[str, Any]
RESPONSES = ("prompt_id", "id", "prompt", "response", "score")
"""What ``best_worst`` looks at, and the prompt."""


def way(run: RunFolder, kept: Mapping[str, Any]) -> list[Row]:
    """A row for each table at which pairs are made or dropped, the last one for those that are ``kept``: how many
    ``pairs``, mean lengths in characters, and the share in which the chosen one is ``longer``.

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
    last = _row(kept["table"], "kept", (), kept)
    return [*(rows[:-1] if rows and rows[-1]["pairs"] == kept["pairs"] else rows), last]


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
