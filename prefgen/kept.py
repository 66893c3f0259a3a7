"""What a run leaves so that it can be replayed: its recipe, as its card shows it, and every file that its steps name.

    runs/mine/recipe.yaml
    runs/mine/files/judgments/template/compare.md      the table, the setting, and the file under its own name

Prompt files that come with prefgen are copied too, for a later prefgen may have others. What a source reads is not: its
rows stand in ``tables/``.
"""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefgen import codefile
from prefgen import settings as of_verbs
from prefgen.asker import Asker
from prefgen.errors import PrefgenError, RunError
from prefgen.folders import no_room, swept
from prefgen.planned import Plan, Planned
from prefgen.recipe import Recipe, Step
from prefgen.spool import Spool, spool_of
from prefgen.verbs import Verb

RECIPE, FILES, VERB = "recipe.yaml", "files", "verb"
_NEW, _OLD = ".files.new", ".files.old"


class KeptError(PrefgenError):
    """What a replay cannot have, ``what; cure`` in one line."""


# --- what a run leaves ----------------------------------------------------------------------


def lay(plan: Plan, place: Path) -> None:
    """Copies the files of a plan as they are when it is made, whatever becomes of them while the run goes on. They lie
    aside until ``settle``. Raises RunError for a full disk.
    """
    try:
        shutil.rmtree(place / _NEW, ignore_errors=True)
        for path, name in _all(plan):
            copy = place / _NEW / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    except OSError as e:
        raise no_room(place / FILES, e) from e


def files_of(plan: Plan) -> dict[str, bytes]:
    """The files that a plan's steps name, by where their copies stand in ``files/``: to be sent elsewhere."""
    return {name: path.read_bytes() for path, name in _all(plan)}


def _all(plan: Plan) -> Iterator[tuple[Path, str]]:
    """The files that a plan's steps name, and where their copies stand."""
    for table, step in plan.steps.items():
        for path, name in _files(step):
            yield path, f"{table}/{name}"


def settle(place: Path, text: str) -> None:
    """Puts what was laid, and the recipe's text, in the place of what an older run left. Raises RunError for a full
    disk.
    """
    partial = place / f".{RECIPE}.partial"
    try:
        partial.write_bytes(text.encode())
        shutil.rmtree(place / _OLD, ignore_errors=True)
        if (place / FILES).exists():
            (place / FILES).rename(place / _OLD)
        if (place / _NEW).exists():
            (place / _NEW).rename(place / FILES)
        partial.replace(place / RECIPE)
        shutil.rmtree(place / _OLD, ignore_errors=True)
    except OSError as e:
        swept(partial)
        raise no_room(place / RECIPE, e) from e


@contextmanager
def settled(place: Path, text: str) -> Iterator[None]:
    """Settles what was laid when the block ends, however it does: who looks at a run that was stopped wants its recipe
    too. Raises RunError for a full disk, unless that is not the first fault.
    """
    try:
        yield
    except BaseException:
        with suppress(RunError):
            settle(place, text)
        raise
    settle(place, text)


def _files(step: Planned) -> Iterator[tuple[Path, str]]:
    """The files that a step names, and where their copies stand in its table's folder."""
    if said := codefile.NAME.fullmatch(step.word):
        yield Path(sys.modules[step.verb.__module__].__file__ or ""), f"{VERB}/{said['file']}"
    settings = {} if step.source is not None else dict(step.settings)
    if step.asker:
        settings["template"] = step.asker.prompt_file()
    for name, value in settings.items():
        paths = [path for path in _several(value) if isinstance(path, Path)]
        for path, copy in zip(paths, _copies(name, paths), strict=True):
            if path.is_file():
                yield path, copy


def _several(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _copies(setting: str, paths: Sequence[Path]) -> list[str]:
    """Where the copies of a setting's files stand. Each keeps its name, which verbs may tell of; of several of one name
    the later ones have folders of their own.
    """
    seen, found = Counter[str](), []
    for path in paths:
        seen[path.name] += 1
        number = seen[path.name]
        found.append(f"{setting}/{path.name}" if number == 1 else f"{setting}/{number}/{path.name}")
    return found


# --- what a replay finds --------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """A run's folder, and the recipe that was run there."""

    place: Path
    recipe: Recipe

    def code(self, table: str) -> Path:
        """Where a step's own code lies: the run's copy of it, or where it lay."""
        copy = self.place / FILES / table / VERB
        return copy if copy.is_dir() else self.recipe.folder

    def rows(self, table: str, step: Step) -> Spool:
        """A source's rows, where the run left them. Raises KeptError where the recipe takes others, and where they are
        not there.
        """
        own = self.recipe.steps.get(table)
        if step is not own and step != own:
            raise KeptError("a replay keeps the rows that its run took; run the recipe with this change instead")
        stay, gone = (self.place / "tables" / f"{table}{end}.parquet" for end in ("", ".dropped"))
        try:
            return spool_of(stay, gone)
        except RunError as e:
            raise KeptError(f"its rows in {stay} cannot be read; run the recipe again, which asks nothing anew") from e

    def paths(self, table: str, step: Step, verb: Verb, names: AbstractSet[str]) -> Mapping[tuple[str, Path], Path]:
        """The copies of what the run's own step named in these settings, by setting and path; ``template`` and no path
        for the prompt file beside its verb.
        """
        own = self.recipe.steps.get(table)
        if own is None:
            return {}
        found: dict[tuple[str, Path], Path] = {}
        for name in names & own.settings.keys():
            said = [Path(one) for one in _several(own.settings[name]) if isinstance(one, str | Path)]
            places = [self.place / FILES / table / copy for copy in _copies(name, said)]
            found |= {(name, path): place for path, place in zip(said, places, strict=True)}
        if isinstance(verb, type) and issubclass(verb, Asker) and own.verb == step.verb:
            beside = [] if own.settings.get("template") else (self.place / FILES / table / "template").glob("*")
            found |= {("template", Path()): place for place in beside}
        return {way: place for way, place in found.items() if place.is_file()}


def resolved(kept: Kept | None, recipe: Recipe, table: str, verb: Verb, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A step's settings with paths that can be opened (``settings.resolved``); in a replay, of the run's copies."""
    found = of_verbs.resolved(verb, settings, recipe.folder)
    if kept is None:
        return found
    names = {name for name, value in settings.items() if any(isinstance(one, Path) for one in _several(value))}
    copies = kept.paths(table, recipe.steps[table], verb, names)
    for name, value in settings.items():
        if isinstance(value, Path):
            found[name] = copies.get((name, value), found[name])
        elif isinstance(value, list):
            found[name] = [copies.get((name, one), other) for one, other in zip(value, found[name], strict=True)]
    if settings.get("template") is None and ("template", Path()) in copies:
        found["template"] = copies["template", Path()]
    return found
