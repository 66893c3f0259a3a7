"""What an audit found, and how it is told in JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from prefgen import __version__
from prefgen.audit.checks import CHECKS, WHOLE, Check
from prefgen.audit.opening import Dataset
from prefgen.audit.part import EXAMPLES, Part
from prefgen.audit.pictures import Picture
from prefgen.audit.taken import Taken
from prefgen.audit.thresholds import Held, aside
from prefgen.errors import RunError


@dataclass
class Audit:
    """What an audit found. ``parts`` tell of each split, ``findings`` of each check, ``biases``, ``judges`` and ``trl``
    what they say, ``against`` which benchmarks prompts were held against and how many are there; ``notes`` are what is
    to be known of how it was looked. ``held`` are limits beside what was found, ``charts`` what a page shows, ``gone``
    is how many rows could not be read at all, ``prompts`` how many different ones there are in all splits together.
    """

    source: str
    dataset: Dataset
    parts: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    biases: dict[str, Any]
    judges: dict[str, Any]
    trl: dict[str, Any]
    against: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    charts: list[Picture] = field(default_factory=list)
    gone: int = 0
    prompts: int = 0

    @property
    def taken(self) -> Taken:
        """What the dataset is taken for."""
        return self.dataset.taken

    @property
    def crossed(self) -> list[Held]:
        """The limits that are crossed."""
        return [one for one in self.held if one.crossed]

    def told(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        about = {"kind": self.taken.kind, "layout": self.taken.layout, "reads": self.taken.told}
        configs = {"config": self.dataset.config or None, "configs": list(self.dataset.configs)}
        limits = [{"limit": one.limit.told(), "value": one.value, "crossed": one.crossed} for one in self.held]
        return {
            "prefgen": __version__, "source": self.source, "taken": {**about, **configs}, "splits": self.parts,
            "findings": self.findings, **self.biases, "judges": self.judges, "trl": self.trl,
            "against": self.against, "notes": self.notes, "limits": limits,
        }  # fmt: skip

    def measures(self) -> Mapping[str, float | None]:
        """The shares for which limits can be set, where they can be told."""
        rows = sum(part["rows"] for part in self.parts)
        return {
            "longer": _value((self.biases["lengths"] or {}).get("longer")),
            "author": _value(self.biases["author"]),
            "first": aside(_value(self.biases["first"])),
            "first_shown": max((aside(one) or 0.0 for one in self._judged("first_shown")), default=None),
            "flips": max(self._judged("flips"), default=None),
            "unread": self.gone / rows if rows else None,
        }

    def _judged(self, name: str) -> Iterator[float]:
        """One share of every judge."""
        for report in self.judges.values():
            yield from (one[name]["value"] for one in report.get("judges", {}).values() if one.get(name))


def _value(share: Mapping[str, Any] | None) -> float | None:
    return share["value"] if share else None


def splits(parts: Sequence[Part], dataset: Dataset) -> list[dict[str, Any]]:
    """What is told of each split: of judgments no more than how many they are."""
    if not parts:
        return [{"split": split, "rows": one.height} for split, one in dataset.splits.items()]
    return [_split(part) for part in parts]


def prompts(parts: Sequence[Part]) -> int:
    """How many different prompts there are in some splits."""
    return pl.concat([pl.Series("p", [], pl.UInt64), *(part.numbers()["p"].drop_nulls() for part in parts)]).n_unique()


def _split(part: Part) -> dict[str, Any]:
    counts = {"rows": part.rows, "pairs": part.pairs, "prompts": prompts([part])}
    return {"split": part.split, **counts, "unread": dict(sorted(part.unread.items()))}


def findings(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Every check with what it found; ``of`` is 0 where it could not be told."""
    return [_finding(check, parts) for check in (*CHECKS, *WHOLE)]


def _finding(check: Check, parts: Sequence[Part]) -> dict[str, Any]:
    count, of = sum(part.counts[check.name] for part in parts), sum(part.told[check.name] for part in parts)
    examples = [one for part in parts for one in part.examples.get(check.name, [])][:EXAMPLES]
    by_split = {part.split: part.counts[check.name] for part in parts if part.counts[check.name]}
    about = {"name": check.name, "title": check.title, "severity": check.severity}
    counts = {"count": count, "of": of, "share": count / of if of else None}
    return {**about, **counts, "rule": check.rule, "cure": check.cure, "splits": by_split, "examples": examples}


def not_written(path: Path, error: OSError) -> RunError:
    """What is told where an audit's own files cannot be written."""
    return RunError(f"{path}: {error.strerror or error}; name another place, or make room there")
