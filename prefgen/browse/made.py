"""What a run left in its folder: its tables in their order, what each was made of, and which of them were written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from prefgen import folders, verbs
from prefgen.browse.groups import Groups
from prefgen.errors import PrefgenError
from prefgen.texts import nameable


@dataclass(frozen=True)
class Made:
    """One table of a run: the verb that made it, the tables that it was made of, and what run.json says of it."""

    table: str
    verb: str
    inputs: tuple[str, ...]
    path: Path
    told: Mapping[str, Any]

    @cached_property
    def rows(self) -> Groups:
        """Its rows. Raises RunError for a damaged file."""
        return Groups(self.path)

    @cached_property
    def lost(self) -> Groups | None:
        """The rows that are not in it, each with the reason; None where that file is not there."""
        path = self.path.with_suffix(".dropped.parquet")
        return Groups(path) if path.is_file() else None

    @cached_property
    def columns(self) -> frozenset[str]:
        """The names of its columns."""
        return frozenset(self.rows.columns)

    @property
    def is_ours(self) -> bool:
        """Whether its verb is one of prefgen's."""
        return any(self.verb in verbs.files(room) for room in verbs.ROOMS)

    @property
    def judges(self) -> bool:
        """Whether its verb is one of prefgen's judges."""
        return self.verb in verbs.files("judges")


@dataclass(frozen=True)
class Tables:
    """A run's folder: ``told`` is its run.json, ``steps`` are the tables that are there, in the recipe's order, and
    ``write`` says which of them stand in the dataset.
    """

    folder: Path
    told: Mapping[str, Any]
    steps: Mapping[str, Made]
    write: Mapping[str, str]


def opened(folder: str | Path) -> Tables:
    """What a run left, whether it finished or was stopped. Raises RunError where no run is."""
    place = Path(folder)
    told = _told(place)
    listed = [step for step in told.get("steps") or _found(place) if nameable(str(step.get("table")))]
    if not listed:
        raise folders.untold(place)
    inputs, write = _recipe(place, told)
    made: dict[str, Made] = {}
    for step in listed:
        table, path = str(step["table"]), place / "tables" / f"{step['table']}.parquet"
        if path.is_file():
            of = inputs.get(table, tuple(made)[-1:])
            made[table] = Made(
                table, str(step.get("verb") or ""), tuple(str(one) for one in of if str(one) in made), path, step
            )
    return Tables(place, told, made, write)


def _told(place: Path) -> Mapping[str, Any]:
    """The run.json of a run, or nothing where it is not there. Raises RunError for a damaged one."""
    told = folders.account(place) or {}
    if not _is_sound(told):
        raise folders.damaged(place / "run.json")
    return told


def _is_sound(told: Mapping[str, Any]) -> bool:
    """Whether a run.json is of the form that a run gives it, as far as it is looked at here."""
    steps, write = told.get("steps") or [], told.get("write") or {}
    if not (isinstance(steps, list) and all(isinstance(step, dict) for step in steps) and isinstance(write, dict)):
        return False
    lists = [step.get("inputs") or [] for step in steps]
    kinds = [step.get(kind) or {} for step in steps for kind in ("dropped", "unreadable", "failed")]
    return all(isinstance(one, list) for one in lists) and all(isinstance(one, dict) for one in kinds)


def _found(place: Path) -> Sequence[Mapping[str, Any]]:
    """The tables of a run that was ended before it could tell of them, in the order in which they were written."""
    files = [path for path in (place / "tables").glob("*.parquet") if path.name.count(".") == 1]
    return [{"table": path.stem} for path in sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name))]


def _recipe(place: Path, told: Mapping[str, Any]) -> tuple[Mapping[str, Sequence[str]], Mapping[str, str]]:
    """What each table was made of, and what was written; where an older run.json does not say it, the recipe does."""
    steps = told.get("steps") or []
    if "write" in told and all("inputs" in step for step in steps):
        return {str(step.get("table")): step["inputs"] for step in steps}, told["write"]
    from prefgen.recipe import load

    try:
        recipe = load(place / "recipe.yaml")
    except PrefgenError:
        return {}, {}
    of = {table: step.input for table, step in recipe.steps.items()}
    return {table: [one] if isinstance(one, str) else one or [] for table, one in of.items()}, recipe.write
