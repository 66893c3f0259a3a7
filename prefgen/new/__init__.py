"""A recipe of one's own, from a shipped one, models and data: commented, and planned before it is written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from prefgen import resources
from prefgen.errors import Problem, RecipeError, RunError, nearest
from prefgen.new.comments import Calls, commented
from prefgen.new.fitted import Answers, fitted, source
from prefgen.recipe import Recipe, load, loads

if TYPE_CHECKING:
    from prefgen.rehearse import Estimate

__all__ = ["Answers", "New", "drafted", "found", "made", "told", "written"]

ROWS = (10, 20)
"""Rows of the source for which it is counted what a step asks: so it is told what it asks for each of them."""
SHOWN, LONG = 12, 100
"""Columns, and characters of a prompt, that are told."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class New:
    """A recipe that is to be written: where, its text, and what each step asks."""

    path: Path
    text: str
    answers: Answers
    calls: Mapping[str, Calls]


def found(name: str) -> str:
    """The shipped recipe of a name, or of a paper. Raises RecipeError where there is none."""
    paths = sorted(resources.resources("recipes").glob("*.yaml"))
    wanted = name.removeprefix("arXiv:").removesuffix(".yaml")
    if wanted in {path.stem for path in paths}:
        return wanted
    of_paper = [path.stem for path in paths if wanted and wanted[0].isdecimal() and wanted in load(path).paper]
    if of_paper:
        return of_paper[0]
    raise RecipeError([Problem("--recipe", "", f"no recipe '{name}'", nearest(name, [path.stem for path in paths]))])


def made(answers: Answers, path: Path, say: Say = lambda _: None) -> New:
    """The text of a recipe that is to stand in a file, planned as it will stand there; ``say`` is told what a plan
    tells, such as a key that is not set. Raises RecipeError for answers of which no sound recipe comes.
    """
    text, recipe = drafted(answers, path)
    calls = _calls(recipe, say)
    return New(path, commented(text, recipe, answers, path.name, calls), answers, calls)


def drafted(answers: Answers, path: Path) -> tuple[str, Recipe]:
    """The text without comments of ours, and the recipe that it says."""
    shipped = resources.recipe(answers.recipe)
    text = shipped.read_text(encoding="utf-8").replace(*resources.SCHEMA)
    text = fitted(text, load(shipped), answers)
    recipe = loads(text, path)
    if answers.data is None:
        return text, replace(recipe, folder=shipped.parent)
    table, _ = source(recipe)
    step = replace(recipe.steps[table], input=answers.data.place)  # the recipe's folder may not be there yet
    return text, replace(recipe, steps={**recipe.steps, table: step})


def written(new: New, *, force: bool = False) -> list[Path]:
    """Writes a recipe, the data that comes with it where no other was named, and the schema by which editors check it.
    Raises RunError where a file is there already, but for the recipe where ``force`` allows it.
    """
    if new.path.exists() and not force:
        raise RunError(f"{new.path} is there already; name another with --out, or write over it with --force")
    folder, files = new.path.parent, {new.path: new.text.encode()}
    if new.answers.data is None:
        files |= resources.read_by(resources.recipe(new.answers.recipe), folder)
    return resources.laid({**files, **resources.schema(folder)}, over=(new.path,))


def told(new: New) -> list[str]:
    """What was taken of the data, what that will ask, and what to do next."""
    data = new.answers.data
    lines = []
    if data:
        has = f" (it has {', '.join(data.columns[:SHOWN])})" if data.columns else ""
        where = f"its column {data.column}" if data.column else "where its layout has them"
        where = "its column prompt" if not data.column and "prompt" in data.columns else where
        lines.append(f"{data.source}: taken from {where}{has}")
        lines += [f"the first: {data.first[:LONG]}"] if data.first else []
    plan = f"prefgen plan {new.path}"
    return [*lines, f"next: {plan}", f"      prefgen run {new.path} --take 20"]


# --- what it asks ---------------------------------------------------------------------------


def _calls(recipe: Recipe, say: Say) -> dict[str, Calls]:
    """What each step asks, for each row of the source: by two plans, of few rows and of twice as many."""
    from prefgen.run import estimates

    recipe = replace(recipe, canaries={"share": 0})
    with TemporaryDirectory() as nowhere:
        few, more = (
            estimates(recipe, nowhere, take=take, say=say if take == ROWS[1] else lambda _: None) for take in ROWS
        )
    table, _ = source(recipe)
    fewer, all_rows = few[table].rows, more[table].rows
    return {name: _each(few[name], one, fewer, all_rows) for name, one in more.items() if one.most}


def _each(few: "Estimate", more: "Estimate", fewer: float, rows: float) -> Calls:
    """What one step asks for a row, by what it asks for some and for more; of a source of fewer rows than that all that
    it asks is for its rows.
    """
    if rows == fewer:
        return Calls(more.least / max(1, rows), more.most / max(1, rows))
    least, most = more.least - few.least, more.most - few.most
    return Calls(least / (rows - fewer), most / (rows - fewer)) if most else Calls(more.least, more.most, once=True)
