"""A run once more, of what its journal holds and with no call: the same bytes, or what a change would have made of it.

    replay("runs/mine")                              rebuilds its dataset, and compares
    replay("runs/mine", ["steps.agreed.share=1"])    what would have changed, row by row, and what it would have cost

Heavy modules are imported when a replay begins, so that ``import prefgen`` stays quick.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from prefgen import codefile, folders, verbs
from prefgen.allow import NOTHING, Allow
from prefgen.errors import Problem, RecipeError, RunError, ending, nearest
from prefgen.folders import home_of, journal_of, locked
from prefgen.pages import Pages
from prefgen.recipe import Recipe, Step, dump, load, worded

if TYPE_CHECKING:
    from prefgen import stopping
    from prefgen.planned import Plan
    from prefgen.replayed import Replay
    from prefgen.ways import Ran

ENDED_WELL = ("finished", "BudgetReached")
"""How a run ends that has written its dataset."""
_PILOT = re.compile(r"\A# --take \d+\n")
"""How the text of a pilot's recipe begins."""


def replay(
    folder: str | Path,
    overrides: Sequence[str] = (),
    *,
    preset: str | None = None,
    stop: "stopping.Said | None" = None,
    recipe: Recipe | None = None,
    changed: Recipe | None = None,
    fakes: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    allow: Allow = NOTHING,
) -> "Replay":
    """Rebuilds the dataset of a run (its folder, or a pilot's) from its journal. Sends nothing, and needs no key.

    ``overrides`` and ``preset`` are as ``load`` has them; ``stop`` is the stop of every judging step with ``n`` above 1
    whose rows have what it reads, with settings as in a recipe; "none" is no stop. ``recipe`` is the one that ran,
    where it holds functions of yours; ``changed`` is another form of it, in the place of ``overrides``. ``out`` is a
    new folder for what is made; ``allow`` is what the recipe may do beyond data.

    Raises RunError where no run is that can be replayed, and RecipeError for a change that cannot be; one of these is a
    change of sources, for a replay keeps its run's prompts.
    """
    from prefgen.compared import compared, rebuilt

    if (recipe or changed) and (overrides or preset):
        what, cure = "a recipe that is handed in takes no overrides", "hand the changed one in as well: changed=…"
        raise RecipeError([Problem("replay", "", what, cure)])
    place, to = Path(folder), None if out is None else _fresh(Path(out))
    told, text = _told(place), _text(place)
    ran = _ran(place, told, text, recipe)
    other = changed or (_loaded(place, told, overrides, preset) if overrides or preset else None)
    with _opened(place, told, ran, text, fakes, allow) as run:
        notes: Sequence[str] = ()
        if stop is not None:
            other, notes = _stopped(other or ran, run.plan(ran), stop)
        if other is None:
            return rebuilt(run, to)
        _same_seed(ran, other)
        head = _PILOT.match(text)
        return compared(run, other, (head[0] if head else "") + dump(worded(other)), to, notes)


# --- the run --------------------------------------------------------------------------------


def _told(place: Path) -> Mapping[str, Any]:
    """The run.json of a run that has written its dataset; raises RunError where there is none."""
    try:
        told = json.loads((place / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{place}: {_untold(place)}") from None
    except (OSError, ValueError):
        told = None
    if not (isinstance(told, dict) and isinstance(told.get("status"), str)):
        raise RunError(f"{place / 'run.json'}: is damaged; {_AGAIN}")
    if told["status"] not in ENDED_WELL:
        how = ending(told["status"])[:60]
        raise RunError(f"{place}: its last run ended early ({how}), and wrote no dataset; {_AGAIN}")
    return told


_AGAIN = "run the recipe again: what was received is not asked anew"


def _untold(place: Path) -> str:
    """What is the matter with a folder without a run.json."""
    pilots = sorted(path.parent for path in place.glob("take-*/run.json"))
    if (place / "recipe.yaml").exists():
        return f"run.json is gone; {_AGAIN}"
    if pilots and not (place / "tables").exists():
        return f"only pilots are here; name one, such as {pilots[0]}"
    if place.is_dir() and journal_of(home_of(place)).exists():
        return f"its run stopped before it ended; {_AGAIN}"
    return "no run is here; name a folder of one, such as runs/quickstart"


def _text(place: Path) -> str:
    try:
        return (place / "recipe.yaml").read_bytes().decode()
    except (OSError, ValueError):
        what = "there is no recipe.yaml, which a run leaves since prefgen can replay"
        raise RunError(f"{place}: {what}; run the recipe again, which asks nothing anew") from None


def _ran(place: Path, told: Mapping[str, Any], text: str, recipe: Recipe | None) -> Recipe:
    """The recipe that ran: the one handed in, where it is that, or as its text says it."""
    if recipe is not None:
        if dump(worded(recipe)) not in {text, _PILOT.sub("", text)}:
            raise RecipeError(
                [Problem("recipe", "", f"is not the one that ran in {place}", "hand in the one that did")]
            )
        return recipe
    cure = f"hand the recipe in: prefgen.replay({str(place)!r}, recipe=…)"
    try:
        found = _loaded(place, told)
    except RecipeError as e:
        raise RecipeError([*e.problems, Problem(str(place), "", "if this was a recipe of Python", cure)]) from e
    for table, step in found.steps.items():
        if _is_a_function_s(step.verb):
            raise RunError(f"{place}: {table} is made by {step.verb}, a function of yours; {cure}")
    return found


def _is_a_function_s(verb: object) -> bool:
    """Whether a verb's name is that of a function of somebody's package, which no text can bring back."""
    named = isinstance(verb, str) and "." in verb and verb not in verbs.names()
    return named and not codefile.NAME.fullmatch(str(verb))


def _loaded(place: Path, told: Mapping[str, Any], overrides: Sequence[str] = (), preset: str | None = None) -> Recipe:
    """The recipe of a run; one that names itself nowhere was called by its file. Presets are the run's: a text that
    says what was set over it has lost them.
    """
    if values := (told.get("presets") or {}).get(preset):
        overrides, preset = [*(f"{way}={json.dumps(value)}" for way, value in values.items()), *overrides], None
    found = load(place / "recipe.yaml", overrides, preset=preset)
    return replace(found, name=str(told.get("recipe"))) if found.name == "recipe" else found


@contextmanager
def _opened(
    place: Path, told: Mapping[str, Any], ran: Recipe, text: str, fakes: Mapping[str, Any] | None, allow: Allow
) -> Iterator["Ran"]:
    """The run, held so that no other changes it, with its journal and a folder to work in."""
    from prefgen.llm.journal import Journal
    from prefgen.ways import Ran

    home = home_of(place)
    folders.check(home, named=True, cure="take it away")
    if not journal_of(home).exists():
        raise RunError(f"{journal_of(home)}: no journal is here, so there is nothing to replay; is the folder whole?")
    with locked(home), TemporaryDirectory(prefix="prefgen-") as folder, closing(Journal(journal_of(home))) as journal:
        yield Ran(place, told, ran, text, journal, Path(folder), dict(fakes or {}), allow)


def _fresh(out: Path) -> Path:
    """A folder that nothing lies in; raises RunError for another."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise RunError(f"{out}: is there already; name a new folder with --out")
    return out


# --- the change -----------------------------------------------------------------------------


def _same_seed(ran: Recipe, other: Recipe) -> None:
    if other.seed != ran.seed:
        what = "a replay keeps its run's seed: with another, every draw is another"
        raise RecipeError([Problem(other.where("seed"), "", what, "run the recipe with this seed instead")])


def _stopped(recipe: Recipe, plan: "Plan", said: "stopping.Said") -> tuple[Recipe, Sequence[str]]:
    """The recipe with one stop in every judging step with several draws whose rows have what it reads; and what is to
    be known of the others.
    """
    said = _parsed(said)
    stop = None if said == "none" else _found(said)
    steps, notes, lines = dict(recipe.steps), [], ""
    for table in [table for table, step in steps.items() if _judges(step, 1 if stop and stop.spares else 2)]:
        if column := _lacks(plan, table, stop):
            notes.append(f"{table} keeps its stop: {_name(said)} reads {column}, which its rows have not")
            continue
        new = None if stop is None else said
        steps[table] = replace(steps[table], settings={**steps[table].settings, "stop": new})
        lines += f"# --set steps.{table}.stop={json.dumps(new)}\n"
    if not lines:
        what = f"no judging step has n above 1 and rows with what {_name(said)} reads"
        raise RecipeError([Problem("--stop", "", what, "set one step's: --set steps.judgments.stop=…")])
    return replace(recipe, steps=steps, source=recipe.source + lines if recipe.source else ""), notes


def _parsed(said: "stopping.Said") -> "stopping.Said":
    """A stop with its settings from the command line's text: majority: {risk: 0.01}."""
    if not (isinstance(said, str) and ":" in said):
        return said
    pages = Pages("--stop")
    found = pages.read(said)
    if pages.problems:
        raise RecipeError(pages.problems)
    return found


def _found(said: "stopping.Said") -> "stopping.Stop":
    """The stop; raises RecipeError where there is none of that name, or it has no such settings."""
    from prefgen import stopping

    stop, wrong = stopping.find(said)
    if stop is None:
        known = ["none", *verbs.files("stops")]
        other = isinstance(said, str) and said not in known
        raise RecipeError(
            [Problem("--stop", "", w.what, nearest(str(said), known) if other else w.cure) for w in wrong]
        )
    return stop


def _name(said: "stopping.Said") -> str:
    return said if isinstance(said, str) else str(next(iter(said), ""))


def _judges(step: Step, least: int) -> bool:
    """Whether a step judges, with so many draws of a row at least."""
    try:
        verb = verbs.find(step.verb) if isinstance(step.verb, str) else step.verb
    except (KeyError, verbs.PluginError):
        return False
    n = step.settings.get("n", 1)
    return verbs.room_of(verb) == "judges" and isinstance(n, int) and n >= least


def _lacks(plan: "Plan", table: str, stop: "stopping.Stop | None") -> str:
    """The column that a stop reads and a table has not, if any."""
    from prefgen import stopping

    return stopping.lacks(stop, plan.steps[table].schema.names()) if stop and table in plan.steps else ""
