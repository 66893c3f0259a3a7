"""A few questions to somebody at a terminal, for what the command line does not say: each with a default and a why."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from prefgen import resources
from prefgen.errors import Interrupted, Problem, RecipeError, RunError, nearest
from prefgen.llm.providers import PROVIDERS
from prefgen.new import Answers, found
from prefgen.new.fitted import roles, source
from prefgen.new.looked import Looked, looked
from prefgen.recipe import Recipe, load
from prefgen.texts import plain

if TYPE_CHECKING:
    from rich.console import Console

SAMPLE = "sample"
"""What stands for the data that a recipe names itself."""
T = TypeVar("T")


@dataclass(frozen=True)
class Given:
    """What the command line says."""

    name: str | None = None
    recipe: str | None = None
    models: Sequence[str] = ()
    judges: Sequence[str] = ()
    data: str | None = None
    column: str | None = None
    base_url: str | None = None
    out: Path | None = None
    force: bool = False

    def answers(self) -> Answers:
        """The same as answers. Raises RecipeError for a recipe, a model or data that will not do."""
        recipe = found(self.recipe or "")
        models, judges = parted(self.models), parted(self.judges)
        path = self.path(Answers(recipe, self.name or ""))
        self.check(path)
        data = looked_at(self.data or SAMPLE, path.parent, self.column)
        return Answers(recipe, self.name or "", models, judges, data, self.base_url or "")

    def path(self, answers: Answers) -> Path:
        """Where the recipe is to stand."""
        return self.out or Path(f"{answers.name or answers.recipe}.yaml")

    def check(self, path: Path) -> None:
        """Raises RunError where a file is there that must not be written over."""
        if path.exists() and not self.force:
            raise RunError(f"{path} is there already; name another with --out, or write over it with --force")


def provided(use: str) -> str:
    """A model's name; raises RecipeError for what is none."""
    provider, slash, name = use.partition("/")
    if not (slash and name):
        what, cure = f"'{use}' is no model", "write provider/model, such as openai/gpt-4.1-mini"
        raise RecipeError([Problem("--model", "", what, cure)])
    if provider not in PROVIDERS:
        cure = f"{nearest(provider, PROVIDERS)}; for any other server write openai/{name} and --base-url"
        raise RecipeError([Problem("--model", "", f"no provider '{provider}'", cure)])
    return use


def looked_at(data: str, folder: Path, column: str | None) -> Looked | None:
    """The data; None for the recipe's own."""
    if data == SAMPLE:
        if column:
            what = "the data that comes with a recipe has its column"
            raise RecipeError([Problem("--column", "", what, "leave the option out")])
        return None
    return looked(data, folder, column)


# --- questions ------------------------------------------------------------------------------


class Asking:
    """Asks on a console, and reads lines with ``read``."""

    def __init__(self, console: "Console", read: Callable[[], str] | None = None) -> None:
        self.console, self.read = console, read or line

    def answers(self, given: Given) -> Answers:
        """What is given, and what is asked for the rest. Raises Interrupted at Ctrl-C, and RunError where there are no
        more lines.
        """
        try:
            return self._answers(given)
        except KeyboardInterrupt:
            self.console.print("")
            raise Interrupted("nothing was written") from None
        except EOFError:
            self.console.print("")
            raise RunError("no more answers; nothing was written") from None

    def _answers(self, given: Given) -> Answers:
        name = found(given.recipe) if given.recipe else self._recipe()
        given = replace(given, recipe=name)
        path = given.path(Answers(name, given.name or ""))
        given.check(path)
        recipe = load(resources.recipe(name))
        models, judges = parted(given.models), parted(given.judges)
        if not models:
            models = self._models(recipe)
            judges = judges or self._judges(recipe, models)
        if given.data:
            return replace(given, models=models, judges=judges).answers()
        data = self._data(recipe, path.parent, given.column)
        return Answers(name, given.name or "", models, judges, data, given.base_url or "")

    def _recipe(self) -> str:
        shipped = sorted(resources.resources("recipes").glob("*.yaml"))
        choices = [f"{path.stem:24}{load(path).about}" for path in shipped]
        why = "It says what is asked of models, and how pairs come of that."
        return self._ask("Which recipe?", why, "self-taught-evaluators", found, choices)

    def _models(self, recipe: Recipe) -> Sequence[str]:
        writers, judges = roles(recipe)
        own = recipe.models[(writers or judges)[0]]["use"]
        default = own if isinstance(own, str) else own[0]
        if default.startswith("openai/") and "OPENAI_API_KEY" not in os.environ and "ANTHROPIC_API_KEY" in os.environ:
            default = "anthropic/claude-haiku-4-5"
        why = "provider/model: openai/… and anthropic/… want a key, local/smollm2-135m runs here. Several: a, b."
        return self._ask(f"Which model writes ({', '.join(writers or judges)})?", why, default, several)

    def _judges(self, recipe: Recipe, models: Sequence[str]) -> Sequence[str]:
        writers, judges = roles(recipe)
        if not (writers and judges):
            return ()
        own = [use for role in judges for use in _listed(recipe.models[role]["use"])]
        alike = len({use.partition("/")[0] for use in [*own, models[0]]}) == 1
        default = ", ".join(own) if len(own) > 1 and alike else ", ".join([models[0]] * max(1, len(own)))
        why = "It decides what is chosen; another one than writes does not favour its own."
        return self._ask(f"Which model judges ({', '.join(judges)})?", why, default, several)

    def _data(self, recipe: Recipe, folder: Path, column: str | None) -> Looked | None:
        _, verb = source(recipe)
        what = {"load": "prompts", "load_pairs": "pairs", "load_responses": "responses"}[verb]
        why = "A file (JSONL, CSV, Parquet), a folder, owner/name on the Hub; sample: those the recipe names itself."
        data, found = self._ask(f"Where are the {what}?", why, SAMPLE, lambda d: (d, looked_at(d, folder, column)))
        if found is None or column or not found.column or verb != "load":
            return found
        why = f"A guess by its name; the first is: {found.first[:60]}"
        has = [", ".join(found.columns)]
        return self._ask("Which column holds the prompt?", why, found.column, lambda c: looked(data, folder, c), has)

    def _ask(self, question: str, why: str, default: str, taken: Callable[[str], T], choices: Sequence[str] = ()) -> T:
        """Asks until the answer will do."""
        self._say(f"\n{question}", "bold")
        for line in (why, *(f"  {choice}" for choice in choices)):
            self._say(f"  {line}", "dim")
        while True:
            self.console.print(f"  {plain(default)} > ", end="", markup=False, highlight=False)
            try:
                return taken(self.read().strip() or default)
            except RecipeError as e:
                self._say("".join(f"  {one.what}; {one.cure}" for one in e.problems[:1]), "yellow")

    def _say(self, line: str, style: str) -> None:
        self.console.print(plain(line), style=style, markup=False, highlight=False, soft_wrap=True)


def line() -> str:
    """A line of the terminal's. polars takes Ctrl-C for itself in such a way that waiting goes on behind it."""
    if hasattr(signal, "siginterrupt"):
        signal.siginterrupt(signal.SIGINT, True)  # noqa: FBT003
    return input()


def _listed(use: str | Sequence[str]) -> Sequence[str]:
    return [use] if isinstance(use, str) else use


def parted(uses: Sequence[str]) -> Sequence[str]:
    """Models of options, each of which may name several."""
    return [model for use in uses for model in several(use)]


def several(answer: str) -> Sequence[str]:
    """Models, parted by commas."""
    return [*_models(answer)]


def _models(answer: str) -> Iterator[str]:
    for one in answer.split(","):
        yield provided(one.strip())
