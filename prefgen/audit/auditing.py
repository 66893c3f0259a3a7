"""An audit from end to end: rows go by, then all of them are looked at by their numbers, then it is told."""

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from prefgen.audit import benchmarks, opening
from prefgen.audit.bias import biases
from prefgen.audit.found import Audit, findings, not_written, prompts, splits
from prefgen.audit.judges import judged
from prefgen.audit.near import WINDOW
from prefgen.audit.opening import Asked, Dataset
from prefgen.audit.part import FLAGS, Part
from prefgen.audit.pictures import pictures
from prefgen.audit.rows import frame
from prefgen.audit.taken import Taken
from prefgen.audit.thresholds import Limit, held
from prefgen.audit.together import together
from prefgen.audit.trl import Looked
from prefgen.sources._read import Opened
from prefgen.tablefile import TableFile

TOLD = 100_000
"""Rows after which it is told how far it is."""
WRITTEN = "findings.parquet"
Tell = Callable[[str], None]


def audit(
    asked: Asked,
    *,
    against: Sequence[str] = (),
    fail_on: Sequence[Limit] = (),
    out: Path | None = None,
    tell: Tell = lambda _: None,
    charts: bool = False,
    window: int = WINDOW,
) -> Audit:
    """Looks at a dataset. ``against`` names benchmarks beside those that ship; ``out`` is a folder in which every row
    that is found is written down; ``charts`` are made for a page. ``tell`` is told what it is taken for, and how far
    it is. Raises LoadError for what cannot be read, RunError for a full disk.
    """
    with TemporaryDirectory(prefix="prefgen-audit-") as name:
        room, dataset = Path(name), opening.opened(asked)
        files = {
            "shipped_prompts": benchmarks.shipped(asked.source, *against),
            "contaminated": benchmarks.files(against, room),
        }
        if out is not None:
            _room(out)
        of = dataset.taken
        tell(f"{asked.source}: takes it for {of.named}")
        looked, parts = _rows(dataset, room, tell)
        notes = [*_notes(asked, dataset), *together(parts, of.kind, files, window, tell)]
        found = _told(asked, dataset, parts, looked, room)
        found.against, found.notes = _against([*chain(*files.values())], parts), notes
        found.gone, found.prompts = sum(part.gone for part in parts), prompts(parts)
        found.charts = pictures(parts, found.biases) if charts else []
        found.held = [held(limit, found.findings, found.measures()) for limit in fail_on]
        if out is not None:
            _written(parts, room, out)
    return found


def _against(files: Sequence[Path], parts: Sequence[Part]) -> dict[str, int]:
    """How many rows were found in each benchmark."""
    names = {file.name: 0 for file in files} if parts else {}
    for part in parts:
        for name, number in part.benchmarks.items():
            names[name] += number
    return names


def _rows(dataset: Dataset, room: Path, tell: Tell) -> tuple[Looked, list[Part]]:
    """Goes through all rows, split by split."""
    looked, parts = Looked(), list[Part]()
    if dataset.taken.kind == "judgments":
        return looked, parts
    flags = TableFile(room / WRITTEN)
    flags.add(pl.DataFrame(schema=FLAGS))
    for number, (split, one) in enumerate(dataset.splits.items()):
        part = Part(dataset.config, split, room / f"{number}.parquet", flags)
        _through(part, one, dataset.taken, looked, tell)
        parts.append(part)
    return looked, parts


def _through(part: Part, opened: Opened, of: Taken, looked: Looked, tell: Tell) -> None:
    for raw in opened.chunks():
        looked.add(raw)
        part.add(frame(raw, of, part.split))
        if raw.start // TOLD < (end := raw.start + len(raw.rows)) // TOLD:
            tell(f"{part.split}: {end:,} of {opened.height:,} rows")
    part.close()


def _told(asked: Asked, dataset: Dataset, parts: Sequence[Part], looked: Looked, room: Path) -> Audit:
    """What was found, put together."""
    judges, gone = _judges(dataset, asked, room), sum((part.unread for part in parts), Counter[str]())
    trl, every = looked.told(dataset.taken, gone), splits(parts, dataset)
    return Audit(asked.source, dataset, every, findings(parts), biases(parts), judges, trl)


def _judges(dataset: Dataset, asked: Asked, room: Path) -> dict[str, Any]:
    """The reports of judgments: of those that are audited, by split, or of those that lie beside pairs."""
    if dataset.taken.kind == "judgments":
        every = enumerate(dataset.splits.items())
        found = {split: judged([one], room / f"judged-{n}.parquet") for n, (split, one) in every}
    else:
        beside = opening.judgments(dataset, asked) if dataset.taken.kind == "pairs" else []
        found = {"judgments": judged(beside, room / "judged.parquet")} if beside else {}
    return {name: report for name, report in found.items() if report}


def _notes(asked: Asked, dataset: Dataset) -> list[str]:
    """What is to be known of what was looked at."""
    others = [one for one in dataset.configs if one != dataset.config]
    told = [f"other configs, not audited: {', '.join(others)} (--config)"] if others else []
    return told + ([f"the first {asked.take:,} rows of each split alone (--take)"] if asked.take is not None else [])


def _room(out: Path) -> None:
    """Makes the folder for what is found, before there is work that would be lost."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise not_written(out, e) from e


def _written(parts: Sequence[Part], room: Path, out: Path) -> None:
    """Puts what was found where it was asked for."""
    try:
        if parts:
            parts[0].flags.close()
            shutil.copyfile(room / WRITTEN, out / WRITTEN)
    except OSError as e:
        raise not_written(out, e) from e
