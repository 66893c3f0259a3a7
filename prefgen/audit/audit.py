"""An audit from end to end: rows go by, then all of them are looked at by their numbers, then it is told."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from prefgen import __version__
from prefgen.audit.benchmarks import contaminated, files, shipped
from prefgen.audit.bias import biases
from prefgen.audit.checks import CHECKS, WHOLE, Check
from prefgen.audit.judges import judged, verdicts
from prefgen.audit.leaks import leaks
from prefgen.audit.near import WINDOW, repeated, windows
from prefgen.audit.opening import Asked, Dataset, judgments, opened
from prefgen.audit.part import FLAGS, Part
from prefgen.audit.rows import frame
from prefgen.audit.taken import Taken, taken
from prefgen.audit.thresholds import Held, Limit, aside, held
from prefgen.audit.trl import Looked
from prefgen.audit.whole import contradictory, cycles, duplicated, prompts_again
from prefgen.tablefile import TableFile, no_room


@dataclass
class Audit:
    """What an audit found. ``parts`` tell of each split, ``findings`` of each check, ``biases``, ``judges`` and ``trl``
    what they say; ``notes`` are what is to be known of how it was looked. ``held`` are limits beside what was found.
    """

    source: str
    taken: Taken
    dataset: Dataset
    parts: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    biases: dict[str, Any]
    judges: dict[str, Any]
    trl: dict[str, Any]
    against: list[str]
    notes: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    @property
    def crossed(self) -> list[Held]:
        """The limits that are crossed."""
        return [one for one in self.held if one.crossed]

    def told(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        about = {"kind": self.taken.kind, "layout": self.taken.layout, "reads": self.taken.told}
        configs = {"config": self.dataset.config or None, "configs": list(self.dataset.configs)}
        limits = [
            {"limit": one.limit.told(), "value": one.value, "crossed": one.crossed} for one in self.held
        ]
        return {
            "prefgen": __version__, "source": self.source, "taken": {**about, **configs}, "splits": self.parts,
            "findings": self.findings, **self.biases, "judges": self.judges, "trl": self.trl,
            "against": self.against, "notes": self.notes, "limits": limits,
        }  # fmt: skip


def audit(
    asked: Asked,
    *,
    against: Sequence[str] = (),
    fail_on: Sequence[Limit] = (),
    out: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
    window: int = WINDOW,
) -> Audit:
    """Looks at a dataset. ``against`` names benchmarks beside those that ship; ``out`` is a folder in which every row
    that is found is written down. Raises LoadError for what cannot be read, RunError for a full disk.
    """
    dataset = opened(asked)
    with _room() as room:
        held_against = [*shipped(asked.source), *files(against, room)]
        flags = TableFile(room / "findings.parquet")
        flags.add(pl.DataFrame(schema=FLAGS))
        of = _taken(dataset, asked)
        tell(f"{asked.source}: {of.layout} ({of.kind}), {of.told}")
        looked, parts = Looked(), []
        for number, (split, one) in enumerate(dataset.splits.items()):
            if of.kind != "judgments":
                part = Part(dataset.config, split, room / f"{number}.parquet", flags)
                parts.append(_gone_through(part, one, of, looked, tell))
        notes = [*_whole(parts, of, held_against, window, tell), *_notes(asked, dataset)]
        flags.close()
        found = Audit(
            asked.source, of, dataset, _parts(parts, dataset), _findings(parts),
            biases(parts), _judges(dataset, of, asked, room), looked.told(of, sum((p.unread for p in parts), Counter())),
            [file.name for file in held_against], notes,
        )  # fmt: skip
        found.held = [held(limit, found.findings, measures(found)) for limit in fail_on]
        if out is not None:
            _put(room / "findings.parquet", out)
    return found


@contextmanager
def _room() -> Iterator[Path]:
    """A folder for what does not fit into memory, for as long as it is needed."""
    with TemporaryDirectory(prefix="prefgen-audit-") as name:
        yield Path(name)


def _put(file: Path, out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, out / file.name)
    except OSError as e:
        raise no_room(out, e) from e


def _taken(dataset: Dataset, asked: Asked) -> Taken:
    first = next(iter(dataset.splits.values()))
    return taken(first.name, first.columns, prompt=asked.prompt, sides=asked.sides())


def _gone_through(part: Part, opened_: Any, of: Taken, looked: Looked, tell: Callable[[str], None]) -> Part:
    for raw in opened_.chunks():
        looked.add(raw)
        part.add(frame(raw, of, part.split))
        if raw.start and not raw.start % TOLD:
            tell(f"{part.split}: {raw.start:,} of {opened_.height:,} rows")
    part.close()
    return part


TOLD = 4096 * 25
"""Rows after which it is told how far it is."""


# --- all rows together ----------------------------------------------------------------------


def _whole(
    parts: Sequence[Part], of: Taken, against: Sequence[Path], window: int, tell: Callable[[str], None]
) -> list[str]:
    """Runs the checks that look at all rows; gives what is to be known of how."""
    most = 1
    for part in parts:
        tell(f"{part.split}: looks at {part.pairs:,} {of.noun} together")
        most = max(most, _of_part(part, of, against, window))
    found, number = leaks(parts, window)
    for part in parts:
        if part.split in found:
            part.told.update(dict.fromkeys(found[part.split], _asks(part)))
            part.note_places(found[part.split])
    return [
        f"{what}: prompts came in {n} windows of {window / 1e6:,.0f} MB, and each was held against its own window"
        for what, n in (("near duplicates", most),)
        if n > 1
    ]


def _of_part(part: Part, of: Taken, against: Sequence[Path], window: int) -> int:
    keys = part.numbers()
    found: dict[str, pl.DataFrame] = {}
    if of.kind in {"pairs", "unpaired", "completions"}:
        found["duplicated"] = duplicated(keys)
    if of.kind in {"pairs", "unpaired"}:
        found["contradictory"] = contradictory(keys, unpaired=of.kind == "unpaired")
    if of.kind == "pairs":
        found["cycles"] = cycles(keys)
    part.told.update(dict.fromkeys(found, part.pairs))
    asks = keys.filter(pl.col("place") == 0, pl.col("p").is_not_null(), ~pl.col("empty"))
    same, alike = prompts_again(keys)
    near, number = _near(part, asks, window)
    own = {"prompts_repeated": same, "prompts_repeated_normalised": alike, "prompts_nearly_repeated": near}
    own["contaminated"] = contaminated(part.prompts(asks["n"]), against) if against else same.clear()
    part.told.update(dict.fromkeys(own, asks.height))
    part.note_places(found | own)
    return number


def _asks(part: Part) -> int:
    return part.numbers().filter(pl.col("place") == 0, ~pl.col("empty")).height


def _near(part: Part, asks: pl.DataFrame, window: int) -> tuple[pl.DataFrame, int]:
    firsts = asks.filter(pl.col("q").is_first_distinct()).select("n", "row")
    found, number = [], 0
    for rows in windows(part.prompts(firsts["n"]), window):
        found.append(repeated(rows.join(firsts, on="n", how="left", maintain_order="left")))
        number += 1
    return (pl.concat(found) if found else repeated(firsts.with_columns(prompt=pl.lit("")).clear())), number


# --- what is told ---------------------------------------------------------------------------


def _parts(parts: Sequence[Part], dataset: Dataset) -> list[dict[str, Any]]:
    if not parts:
        return [{"split": split, "rows": one.height} for split, one in dataset.splits.items()]
    return [
        {
            "split": part.split,
            "rows": part.rows,
            "pairs": part.pairs,
            "prompts": part.numbers().filter(pl.col("p").is_not_null())["p"].n_unique(),
            "unread": dict(sorted(part.unread.items())),
        }
        for part in parts
    ]


def _findings(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Every check with what it found; ``of`` is 0 where it could not be told."""
    return [_finding(check, parts) for check in (*CHECKS, *WHOLE)]


def _finding(check: Check, parts: Sequence[Part]) -> dict[str, Any]:
    count, of = (sum(counter[check.name] for counter in every) for every in ([p.counts for p in parts], [p.told for p in parts]))
    examples = [one for part in parts for one in part.examples.get(check.name, [])][:5]
    by_split = {part.split: part.counts[check.name] for part in parts if part.counts[check.name]}
    return {
        "name": check.name, "title": check.title, "severity": check.severity, "count": count, "of": of,
        "share": count / of if of else None, "rule": check.rule, "cure": check.cure, "splits": by_split, "examples": examples,
    }  # fmt: skip


def measures(found: Audit) -> Mapping[str, float | None]:
    """The shares for which limits can be set, where they can be told."""
    told, judges = found.biases, [one for report in found.judges.values() for one in [report]]
    lengths = (told["lengths"] or {}).get("longer")
    rows = sum(part["rows"] for part in found.parts)
    gone = sum(sum(part.get("unread", {}).values()) for part in found.parts)
    return {
        "longer": lengths["value"] if lengths else None,
        "author": told["author"]["value"] if told["author"] else None,
        "first": aside(told["first"]["value"]) if told["first"] else None,
        "first_shown": max((aside(v) or 0.0 for one in judges for v in verdicts(one, "first_shown")), default=None),
        "flips": max((v for one in judges for v in verdicts(one, "flips")), default=None),
        "unread": gone / rows if rows else None,
    }


def _judges(dataset: Dataset, of: Taken, asked: Asked, room: Path) -> dict[str, Any]:
    """The reports of judgments, by config or split: those that are audited, or those that lie beside pairs."""
    if of.kind == "judgments":
        found = {split: judged(one, room / f"judged-{n}.parquet") for n, (split, one) in enumerate(dataset.splits.items())}
    else:
        beside = judgments(dataset, asked) if of.kind == "pairs" else None
        found = {"judgments": judged(beside, room / "judged.parquet")} if beside else {}
    return {name: report for name, report in found.items() if report}


def _notes(asked: Asked, dataset: Dataset) -> list[str]:
    """What else is to be known."""
    others = [one for one in dataset.configs if one != dataset.config]
    told = [f"other configs, not audited: {', '.join(others)} (--config)"] if others else []
    if asked.take is not None:
        told.append(f"the first {asked.take:,} rows of each split alone (--take)")
    return told
