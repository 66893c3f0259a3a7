"""A run that is over: some of its pairs, its results, and whether all of it is still as it was written."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from prefgen import folders
from prefgen.errors import RunError
from prefgen.run import Run, home_of, journal_of, locked
from prefgen.verify import Verified, verify


def verified(folder: str | Path, *, mend: bool = False) -> Verified:
    """Whether a run's journal and files are as they were written. Raises RunError where no run is, or one is going
    on.
    """
    place = Path(folder)
    home = home_of(place)
    if not (journal_of(home).exists() or (place / "run.json").exists()):
        raise RunError(f"{place}: no run is here; name a run's folder, such as runs/quickstart")
    folders.check(home, named=True, cure="take it away")
    with locked(home):
        return verify(place, journal_of(home), mend=mend)


def pairs(done: Run, most: int) -> list[dict[str, Any]]:
    """The first pairs of a run's dataset, to look at."""
    files = sorted((done.dataset / "preferences").glob("*.parquet")) if "preferences" in done.configs else []
    return pl.read_parquet(files[0], n_rows=most).to_dicts() if files else []


def results(done: Run) -> list[dict[str, Any]]:
    """A benchmark's numbers, of a run that has any."""
    found: list[dict[str, Any]] = []
    if "results" in done.configs:
        found = json.loads((done.folder / "results.json").read_text(encoding="utf-8"))
    return found
