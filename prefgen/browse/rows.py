"""The rows of a run as ``prefgen show`` gives them: its tables, some rows of one, or one row with what is behind it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from prefgen.browse import made
from prefgen.browse.ending import ending
from prefgen.browse.groups import Groups, Numbers
from prefgen.browse.lineage import Lineage
from prefgen.browse.made import Tables
from prefgen.browse.pairs import PairTable
from prefgen.browse.shaping import Json
from prefgen.browse.where import matching
from prefgen.errors import RunError, nearest
from prefgen.rows import DROPPED

GONE = ".dropped"
"""How the name ends of a table of what was lost."""


def tables(folder: Path) -> Json:
    """The tables of a run in their order: each with its verb, its inputs, its rows, how many went and why, the configs
    that it is written as, and its columns with their types. Raises RunError where no run is.
    """
    found = made.opened(folder)
    listed = [_told(found, name) for name in found.steps]
    about = {name: found.told[name] for name in ("recipe", "status") if name in found.told}
    return {"run": str(folder), **about, "ending": ending(folder, found.told), "tables": listed}


def _told(found: Tables, name: str) -> Json:
    step = found.steps[name]
    return {
        "table": name,
        "verb": step.verb,
        "inputs": list(step.inputs),
        "rows": step.rows.height,
        **{kind: dict(step.told.get(kind) or {}) for kind in (DROPPED, "unreadable", "failed")},
        "lost": step.lost.height if step.lost else 0,
        "written": [config for config, table in found.write.items() if table == name],
        "columns": {column: _type(str(kind)) for column, kind in step.rows.schema.items()},
    }


def _type(kind: str) -> str:
    return "conversation" if kind == "List(Struct({'role': String, 'content': String}))" else kind.lower()


def some(folder: Path, table: str, where: str | None, limit: int) -> Json:
    """The first rows of a table, or those that are so: ``of`` how many, ``found`` how many are so, and ``rows``. Raises
    RunError for a table or a condition that is none.
    """
    groups = _groups(made.opened(folder), table)
    if where is None:
        numbers: Numbers = np.arange(min(limit, groups.height))
        found = groups.height
    else:
        parts = list(matching(where, groups))
        numbers = np.concatenate([np.array([], np.int64), *parts])
        found, numbers = len(numbers), numbers[:limit]
    rows = [{"row": int(n), **row} for n, row in zip(numbers, groups.take(numbers, groups.columns), strict=True)]
    return {"table": table, "of": groups.height, "found": found, "columns": list(groups.columns), "rows": rows}


def _groups(found: Tables, table: str) -> Groups:
    step = found.steps.get(table.removesuffix(GONE))
    groups = None if step is None else step.lost if table.endswith(GONE) else step.rows
    if groups is None:
        raise RunError(f"{found.folder}: has no table '{table:.60}'; {nearest(table, _names(found))}")
    return groups


def _names(found: Tables) -> list[str]:
    return [*found.steps, *(f"{name}{GONE}" for name, step in found.steps.items() if step.lost and step.lost.height)]


def one(folder: Path, name: str, table: str | None = None) -> Json:
    """One row whole: of the last table that has it, or of this one. ``also_in`` are the tables that it went through,
    ``others`` those that have another row of this id; ``dropped`` says where it went, and why; ``pair`` is what a pair
    is as one, with its judgments; ``lineage`` is as ``Lineage.listed`` has it. Raises RunError where there is none.
    """
    pairs = PairTable(folder)
    found = pairs.made
    if table:
        _groups(found, table)
    lineage, lost = Lineage(found), _lost(found, name)
    among = [table] if table and not table.endswith(GONE) else [] if table else list(found.steps)
    there = {one: number for one in among if (number := lineage.number(one, name)) is not None}
    if not there:
        return _gone(found, name, table, lost)
    last = next(reversed(there))
    rows = found.steps[last].rows
    row = rows.take([there[last]], rows.columns)[0]
    pair = pairs.row(name) if last in pairs.chain.tables else None
    whole = lineage.listed([lineage.tree(last, there[last])])
    way = _way(name, whole)
    return {
        "table": last,
        "verb": found.steps[last].verb,
        "id": name,
        "also_in": way[1:],
        "others": [one for one in there if one not in way],
        "row": row,
        "pair": pair,
        "dropped": [one for one in lost if {*found.steps[one["table"]].inputs} & {*way}],
        "lineage": lineage.of_pair(pairs, name) if pair else whole,
    }


def _way(name: str, lineage: Sequence[Json]) -> list[str]:
    """The tables through which a row went as it is, the last one first."""
    way = list[str]()
    for depth, one in enumerate(lineage):
        if one["id"] != name or one["depth"] != depth:
            break
        way.append(one["table"])
    return way


def _gone(found: Tables, name: str, table: str | None, lost: Sequence[Json]) -> Json:
    """A row that stands in no table, but among those that went."""
    of = table and table.removesuffix(GONE)
    own = [one for one in lost if of in {None, one["table"]}]
    if not own:
        where = table or str(found.folder)
        raise RunError(f"{where}: has no row '{name:.80}'; `prefgen show {found.folder} --table NAME` shows some")
    nothing: Json = {"verb": "", "also_in": [], "others": [], "row": {}, "pair": None, "lineage": []}
    return {"table": f"{own[0]['table']}{GONE}", "id": name, "dropped": own, **nothing}


def _lost(found: Tables, name: str) -> list[Json]:
    """Where rows of this id went."""
    told = list[Json]()
    for table, step in found.steps.items():
        first = 0
        for some in step.lost.narrow(["id"]) if step.lost else ():
            at = (some["id"] == name).arg_true().to_numpy()
            told += [_why(table, row) for row in step.lost.take(at + first, step.lost.columns)] if step.lost else []
            first += some.height
    return told


def _why(table: str, row: Json) -> Json:
    return {"table": table, "reason": row.get(DROPPED), "detail": row.get("detail")}
