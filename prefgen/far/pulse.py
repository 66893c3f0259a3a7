"""How far workers are: what one tells, in plain values, and what a run shows of all of them."""

import os
import socket
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from prefgen.llm.client import Client
from prefgen.llm.outcome import Tally
from prefgen.progress import Progress
from prefgen.rounds import Count

NUMBERS = ("rows_in", "rows_out", "drawn")


def told(client: Client, ranges: Iterable[Progress]) -> dict[str, Any]:
    """What a worker tells of itself, and of the ranges that it makes."""
    found = [*ranges]
    tables = {table: [one for each in found for one in _counts(each, table)] for each in found for table in each.counts}
    return {
        "pid": os.getpid(),
        "node": socket.gethostname(),
        "calls": client.budget.calls,
        "dollars": client.budget.spent,
        "in_flight": client.pace.in_flight,
        "begun": sum(one.begun for one in found),
        "within": dict(sum((Counter(one.within) for one in found), Counter[str]())),
        "counts": {table: {n: sum(getattr(c, n) for c in some) for n in NUMBERS} for table, some in tables.items()},
        "tallies": {table: vars(one.counts[table].tally) for one in found for table in one.counts},
    }


def _counts(progress: Progress, table: str) -> list[Count]:
    """What a table's finished shards have counted, and those under way."""
    return [progress.counts[table], *progress.open.get(table, {}).values()]


def shown(progress: Progress, workers: Mapping[str, Mapping[str, Any]]) -> None:
    """Lets a run's progress tell what these workers told last. What they have counted is no part of the run's counts
    before their ranges have come.
    """
    progress.begun = progress.prompts_done + sum(one["begun"] for one in workers.values())
    progress.within.clear()
    for one in workers.values():
        progress.within.update(one["within"])
    for table in progress.counts:
        come = {place: count for place, count in progress.open.get(table, {}).items() if place >= 0}
        told = {-number: _count(one, table) for number, one in enumerate(workers.values(), 1)}
        progress.open[table] = come | told
    in_flight = sum(one["in_flight"] for one in workers.values())
    progress.waits = lambda: [f"{len(workers):,} workers have {in_flight:,} requests in flight"] if workers else []


def _count(worker: Mapping[str, Any], table: str) -> Count:
    return Count(**worker["counts"].get(table, {}), tally=Tally(**worker["tallies"].get(table, {})))
