"""What a finished run puts in its dataset folder, read from its tables in batches: memory is bounded by the rows of one
prompt, not by those of the run.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from prefgen import dataset, manifest, splits
from prefgen.card.page import Page
from prefgen.planned import Plan
from prefgen.progress import Progress
from prefgen.tablefile import batches


@dataclass
class Done:
    """What is known of a run when it ends."""

    configs: dict[str, dict[str, int]] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=lambda: {"judges": {}, "authors": [], "pairs": {}, "costs": {}})
    seconds: float = 0.0


def write(plan: Plan, place: Path, progress: Progress, text: str, done: Done) -> None:
    """The dataset folder, with its card and the recipe's ``text``; all of it, or what was there before. The bytes do
    not depend on the batches in which tables are read. Raises RunError.
    """
    tables = place / "tables"
    done.reports["judges"] = manifest.judged(plan, tables)
    if not plan.recipe.write:
        return
    frames: dict[str, Iterable[pl.DataFrame]] = {
        config: map(dataset.CONFIGS[config], batches(tables / f"{table}.parquet"))
        for config, table in plan.recipe.write.items()
    }
    parted, funnel = splits.of_run(plan, tables), manifest.funnel(plan, progress)
    page = Page(plan.recipe, text, funnel, done.reports, kept=place / ".pictures")
    if "results" in frames:
        frames["results"] = _told(place, frames["results"])
    frames = {config: page.noting(config, rows) for config, rows in frames.items()}

    def readme(configs: dataset.Rows) -> str:
        if parted:
            done.reports["splits"] = splits.told(parted, configs)
        return page.readme(configs)

    done.configs = dataset.write(place / "dataset", frames, readme=readme, beside=page.beside, splits=parted)


def _told(place: Path, frames: Iterable[pl.DataFrame]) -> list[pl.DataFrame]:
    """A benchmark's numbers; also written to results.json."""
    found = list(frames)
    manifest.write_json(place / "results.json", [row for rows in found for row in rows.to_dicts()])
    return found
