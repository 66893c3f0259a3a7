"""A run that is over: some of its pairs, its results, and whether all of it is still as it was written."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from prefgen import folders
from prefgen.errors import RunError
from prefgen.folders import home_of, journal_of, locked
from prefgen.run import Run

if TYPE_CHECKING:
    from prefgen.verify import Verified


def verified(folder: str | Path, *, mend: bool = False) -> "Verified":
    """Whether a run's journal and files are as they were written. Raises RunError where no run is, or one is going
    on.
    """
    from prefgen.verify import verify

    place = Path(folder)
    home = home_of(place)
    if not (journal_of(home).exists() or (place / "run.json").exists()):
        raise RunError(f"{place}: no run is here; name a run's folder, such as runs/quickstart")
    folders.check(home, named=True, cure="take it away")
    with locked(home) if mend or folders.writable(home) else nullcontext():  # where nobody writes, no run does
        return verify(place, journal_of(home), mend=mend)


def pairs(done: Run, most: int) -> list[dict[str, Any]]:
    """The first pairs of a run's dataset, to look at: of those to train on, where there are any."""
    for split in done.configs.get("preferences", {}):
        files = sorted((done.dataset / "preferences").glob(f"{split}-*.parquet"))
        return pl.read_parquet(files[0], n_rows=most).to_dicts()
    return []


def results(done: Run) -> list[dict[str, Any]]:
    """A benchmark's numbers, of a run that has any."""
    found: list[dict[str, Any]] = []
    if "results" in done.configs:
        found = json.loads((done.folder / "results.json").read_text(encoding="utf-8"))
    return found


REFUSED = frozenset({"bad_request", "bad_text", "content_filter", "context_too_long", "not_scored", "prompt_too_long"})
"""Failures that the same request meets again."""


def failures(done: Run) -> list[str]:
    """Which requests failed, each kind with the words of its first, where the others stand, and what would do."""
    told, kinds = [], set[str]()
    for table, count in done.counts.items():
        path = done.folder / "tables" / f"{table}.dropped.parquet"
        for reason, number in sorted(count.failed.items()):
            told.append(f"{table}: {number:,} failed ({reason}), the first: {_words(path, reason)}; see {path}")
            kinds.add(reason)
    if kinds - REFUSED:
        told.append("run the same command again to ask anew what failed in passing")
    return told


def _words(path: Path, reason: str) -> str:
    """What was said of the first row that went for this reason."""
    rows = pl.scan_parquet(path).filter(pl.col("dropped") == reason, pl.col("detail").is_not_null())
    said: list[str] = rows.select("detail").head(1).collect()["detail"].to_list()
    return said[0] if said else "nothing was said"
