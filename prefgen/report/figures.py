"""All that a report says, in numbers: a run's folder in, a dict that JSON can spell out.

What the run computed already is taken from its run.json; the rest is counted from its tables, batch by batch, so that
memory does not grow with them.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from prefgen.browse.ending import ending
from prefgen.judged import judge_report, looked_at
from prefgen.kept import RECIPE
from prefgen.report import replies, spending
from prefgen.report.categories import Categories
from prefgen.report.folder import RunFolder, Step, Table, opened
from prefgen.report.pairs import kept
from prefgen.report.way import way
from prefgen.tablefile import batches

Figures = dict[str, Any]

ABOUT = (
    "recipe",
    "about",
    "paper",
    "status",
    "take",
    "target",
    "max_cost",
    "seconds",
    "seed",
    "prefgen",
    "models",
    "write",
)


def figures(folder: str | Path) -> Figures:
    """The numbers of a run that is over, however it ended. Every share has its interval and its ``n``; what cannot be
    told is None, or is not there, and never a zero. Raises RunError where no run is.
    """
    run = opened(folder)
    categories = Categories(run)
    pairs = kept(run, categories)
    return {
        "run": {name: run.told.get(name) for name in ABOUT} | {"ending": ending(run.place, run.told)},
        "funnel": [_step(run, step) for step in run.steps.values()],
        "written": run.told.get("dataset") or {},
        "results": _results(run),
        "pairs": pairs,
        "way": way(run, pairs),
        "judges": _judges(run),
        "categories": categories.told(),
        "unreadable": replies.unreadable(run),
        "failed": replies.failed(run),
        "canaries": [{"table": one["table"], **one["canaries"]} for one in run.steps.values() if one.get("canaries")],
        "spending": spending.spending(run, pairs["pairs"] if pairs.get("written") else 0),
        "saved": spending.saved(run),
        "gates": {table: _gate(run, table, asked) for table, asked in (run.told.get("gates") or {}).items()},
        "splits": run.told.get("splits") or {},
        "text": _recipe(run),
    }


def _step(run: RunFolder, step: Step) -> Figures:
    """What became of a step's rows, in = used + dropped + unanswered, and of its replies, drawn = read + unreadable +
    failed; and how many prompts its table has.
    """
    table, counts = step["table"], ("dropped", "unreadable", "failed")
    dropped, unread, failed = (sum((step.get(name) or {}).values()) for name in counts)
    unanswered, drawn = step.get("unanswered", 0), step.get("drawn", 0)
    return {
        "table": table,
        "verb": step["verb"],
        "inputs": step.get("inputs"),
        "rows_in": step["rows_in"],
        "used": step["rows_in"] - dropped - unanswered,
        "unanswered": unanswered,
        "rows_out": step["rows_out"],
        "drawn": drawn,
        "read": drawn - unread - failed,
        **{name: step.get(name) or {} for name in counts},
        "prompts": _prompts(run.tables[table]) if table in run.tables else None,
    }


def _prompts(table: Table) -> int:
    """How many prompts a table has."""
    return sum(rows["prompt_id"].n_unique() for rows in batches(table.path, columns=["prompt_id"]))


def _judges(run: RunFolder) -> Figures:
    """Each table of judgments and how it was judged, as run.json has it; of a run that came to no end, as its tables
    have it.
    """
    told: Figures = run.told.get("judges") or {}
    if not told and run.told.get("status") != "finished":
        asked = {name: one for name, one in run.tables.items() if run.steps[name].get("drawn")}
        told = {name: judge_report(looked_at(one.path)) for name, one in asked.items()}
    return {table: report for table, report in told.items() if report.get("judges")}


def _gate(run: RunFolder, table: str, asked: Figures) -> Figures:
    """What a judge's gate asked for, and how right its judges were there, where they judged pairs."""
    path = run.place / "gates" / table / "judgments.parquet"
    report = judge_report(looked_at(path)) if path.is_file() else {}
    right = {judge: one.get("agrees_with_gold") for judge, one in report.get("judges", {}).items()}
    return {"calls": asked["calls"], "right": {judge: found for judge, found in right.items() if found}}


LONGEST = 20_000
"""Characters of a recipe that are shown."""


def _recipe(run: RunFolder) -> str:
    """The recipe as it ran, with its own words; nothing where the run did not come so far as to keep it."""
    if run.told.get("status") == "finished" or run.told.get("dataset"):
        with suppress(OSError, ValueError):
            return (run.place / RECIPE).read_text(encoding="utf-8")[:LONGEST]
    return ""


def _results(run: RunFolder) -> list[Figures]:
    """A benchmark's numbers, of a run that wrote any."""
    found: list[Figures] = []
    if (run.told.get("dataset") or {}).get("results"):
        with suppress(OSError, ValueError):
            found = json.loads((run.place / "results.json").read_text(encoding="utf-8"))
    return found
