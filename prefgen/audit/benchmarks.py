"""Benchmarks that prompts are held against: those that ship with prefgen, files, and datasets."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from prefgen.audit.opening import Asked, opened
from prefgen.audit.rows import frame
from prefgen.audit.whole import FOUND
from prefgen.filters.decontaminate import decontaminate, prompts_of
from prefgen.resources import resources
from prefgen.rows import DROPPED
from prefgen.sources._read import LoadError

SHIPPED = ("user_oriented_prompts.jsonl",)
"""Self-Instruct's user-oriented instructions (arXiv:2212.10560), which its authors evaluate on. The other files of
recipes/data are seeds, which nobody is measured by.
"""
_READ = {".jsonl", ".json", ".parquet", ".csv", ".txt"}


def shipped(*named: str) -> list[Path]:
    """The benchmarks that ship, but for those that are named: as what is audited itself, or as a benchmark."""
    files, others = [resources("recipes") / "data" / name for name in SHIPPED], {Path(one).resolve() for one in named}
    return [file for file in files if file.resolve() not in others]


def files(against: Sequence[str], place: Path) -> list[Path]:
    """Files of benchmarks' prompts; of datasets, a file of their prompts is made in ``place``. Raises LoadError."""
    found = []
    for one in against:
        path = Path(one).expanduser()
        found.append(_checked(path) if path.is_file() and path.suffix in _READ else _of_dataset(one, place))
    return found


def _checked(path: Path) -> Path:
    try:
        next(prompts_of(path), None)
    except ValueError as e:
        raise LoadError(f"--against {str(e).removeprefix('against ')}") from e
    return path


def _of_dataset(name: str, place: Path) -> Path:
    dataset = opened(Asked(name))
    path = place / f"{name.strip('/').replace('/', '_')}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for split, one in dataset.splits.items():
            for raw in one.chunks():
                rows = frame(raw, dataset.taken, split).filter(pl.col("place") == 0, pl.col("prompt").is_not_null())
                file.writelines(json.dumps({"prompt": text}) + "\n" for text in rows["prompt"])
    return path


def contaminated(prompts: Iterator[pl.DataFrame], against: Sequence[Path]) -> pl.DataFrame:
    """Which prompts (``n``, ``prompt``) stand in a benchmark, and where there."""
    found = [pl.DataFrame(schema=FOUND)]
    for rows in prompts:
        marked = decontaminate.marked(rows, against=list(against)).filter(pl.col(DROPPED).is_not_null())
        found.append(marked.select("n", pl.format("{}, {}", "benchmark", "detail").alias("detail")).cast(FOUND))  # type: ignore[arg-type]
    return pl.concat(found)
