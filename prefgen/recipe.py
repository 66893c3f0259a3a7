"""recipe.yaml ⇄ Recipe.

A step is ``table: {verb: input, setting: value}``. The Python twin is ``table=do(verb, input, setting=value)``,
and ``load("x.yaml") == Recipe(...)`` holds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from prefgen import verbs
from prefgen.errors import Problem, RecipeError, nearest
from prefgen.pages import SET, Pages, Way, text_of, written
from prefgen.texts import nameable


@dataclass(frozen=True)
class Step:
    """One table of a recipe: the verb that makes it, the table it is made from, and the verb's settings."""

    verb: str | Callable[..., Any]
    input: Any
    settings: Mapping[str, Any] = field(default_factory=dict)


def do(verb: str | Callable[..., Any], of: Any, /, **settings: Any) -> Step:
    """``table: {verb: of, **settings}``, in Python. The verb may be a function of yours: frame in, frame out."""
    return Step(verbs.word(verb), of, settings)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Tables in the order in which they are made, the models that they ask, and what is written of them.

    A step's input is a table's name, or a list of them. ``target`` is ``{kept: 5000}``, with ``of`` and a table where
    it is not the one written as preferences; ``max_cost`` is the most that all runs in one folder may spend together,
    in dollars; ``canaries`` is ``{share: 0.01, at_least: 0.9}`` (``prefgen.canaries``), ``splits`` is ``{test: 0.1}``
    (``prefgen.splits``). ``presets`` are named settings over these (``load`` applies one), and no part of what the
    recipe says. ``folder`` is where relative paths start; ``source`` is the text that it was read from, if any.
    """

    name: str
    steps: Mapping[str, Step]
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    write: Mapping[str, str] = field(default_factory=dict)
    paper: str = ""
    about: str = ""
    license: str = ""
    language: Sequence[str] = ()
    seed: int = 0
    target: Mapping[str, Any] = field(default_factory=dict)
    canaries: Mapping[str, Any] = field(default_factory=dict)
    splits: Mapping[str, Any] = field(default_factory=dict)
    max_cost: float | None = field(default=None, compare=False)
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False)
    folder: Path = field(default=Path(), compare=False)
    source: str = field(default="", compare=False, repr=False)
    places: Mapping[Way, str] = field(default_factory=dict, compare=False, repr=False)

    def where(self, *way: str) -> str:
        """The place of a value, ``file:line``, or of the nearest thing around it."""
        while way and way not in self.places:
            way = way[:-1]
        return self.places.get(way, self.name)

    def typed(self, *way: str) -> bool:
        """Whether the caller wrote a value himself, in Python or with ``--set``; what stands in a file may be a
        stranger's.
        """
        return not self.source or self.where(*way).startswith(SET)


def load(path: str | Path, overrides: Iterable[str] = (), *, preset: str | None = None) -> Recipe:
    """Reads a recipe. ``overrides`` are ``models.judge.use=openai/gpt-4.1``: a way, and a value as YAML reads it;
    null takes a step, a model or a written config away. ``preset`` names one of the recipe's own, which goes first.

    Raises RecipeError with every problem of the file's form; what its words mean is checked by ``plan``.
    """
    if Path(path).suffix.lower() in _DATA and Path(path).is_file():
        cure = f"name a recipe that loads it: `prompts: {{load: {Path(path).name}}}`"
        raise RecipeError([Problem(str(path), "", "is data, and no recipe", cure)])
    pages = Pages(str(path) if not str(path).startswith("-") else f"./{path}")  # no file is called `--set x`
    data = pages.read(text_of(Path(path)))
    written_first = list(_steps(data))
    if preset is not None:
        pages.preset(data, preset)
    for override in overrides:
        pages.override(data, override)
    if len(_steps(data)) > len(written_first):
        data["steps"] = _above_their_users(data["steps"], written_first)
    return _built(data, pages, Path(path).parent)


def loads(text: str, path: Path) -> Recipe:
    """The recipe that a text says, as if it stood in a file. Raises RecipeError as ``load`` does."""
    pages = Pages(str(path))
    return _built(pages.read(text), pages, path.parent)


def _built(data: dict[str, Any], pages: Pages, folder: Path) -> Recipe:
    recipe = _build(data, pages)
    if pages.problems:
        raise RecipeError(pages.problems)
    return Recipe(**recipe, folder=folder, source=pages.text, places=pages.places)


def _steps(data: Mapping[str, Any]) -> dict[str, Any]:
    steps = data.get("steps")
    return steps if isinstance(steps, dict) else {}


def _above_their_users(steps: dict[str, Any], written_first: Sequence[str]) -> dict[str, Any]:
    """The steps with each that a preset or ``--set`` added just above the first that takes its table; last where none
    does.
    """
    order = [table for table in steps if table in written_first]
    for added in [table for table in steps if table not in written_first][::-1]:
        below = max((order.index(table) for table in _inputs(steps[added]) if table in order), default=-1)
        users = [place for place, table in enumerate(order) if place > below and added in _inputs(steps[table])]
        order.insert(users[0] if users else len(order), added)
    return {table: steps[table] for table in order}


def _inputs(body: Any) -> Sequence[Any]:
    given = next(iter(body.values()), None) if isinstance(body, dict) else None
    return given if isinstance(given, list) else [given]


_DATA = frozenset({".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"})
"""How files of rows end. A recipe may end in .json, which YAML reads."""


# --- from data to a recipe ------------------------------------------------------------------

_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "recipe": (str, "a name"),
    "paper": (str, "text"),
    "about": (str, "text"),
    "license": (str, "a licence's id, such as apache-2.0"),
    "seed": (int, "a whole number"),
    "target": (dict, "such as {kept: 5000}, with `of: TABLE` where it is not the one written as preferences"),
    "canaries": (dict, "such as {share: 0.01, at_least: 0.9}"),
    "splits": (dict, "shares of the prompts, such as {test: 0.1, validation: 0.05}"),
    "max_cost": ((int, float), "dollars, such as 20.0"),
    "models": (dict, "a mapping of names to models"),
    "steps": (dict, "a mapping of tables to steps"),
    "write": (dict, "a mapping of dataset configs to tables"),
    "presets": (dict, "a mapping of names to settings, such as {strict: {steps.agreed.share: 1}}"),
}


_AS_IT_IS = ("paper", "about", "license", "seed", "target", "canaries", "splits", "max_cost")


def _build(data: dict[str, Any], pages: Pages) -> dict[str, Any]:
    """The fields of a Recipe; notes what is missing, unknown or of a wrong type."""
    known = {*_TYPES, "language"}
    for key in [key for key in data if key not in known]:
        pages.problem(pages.place(key), f"a recipe has no '{key}'", nearest(key, known))
    for key, (kind, words) in _TYPES.items():
        if key in data and (not isinstance(data[key], kind) or isinstance(data[key], bool)):
            pages.problem(pages.place(key), f"{key} is {data.pop(key)!r:.60}", f"it should be {words}")
    if not data.get("max_cost", 0) >= 0:  # nor of what is no number
        what, cure = f"max_cost is {data.pop('max_cost')}", "it should be dollars, 0 or more"
        pages.problem(pages.place("max_cost"), what, cure)
    if not data.get("steps"):
        pages.problem(pages.file, "has no steps", "a step is `table: {verb: input table, setting: value}`")
    return {
        "name": _name(data.get("recipe") or Path(pages.file).stem, pages),
        "steps": {table: _step(table, body, pages) for table, body in data.get("steps", {}).items()},
        "models": {name: _settings(name, body, pages) for name, body in data.get("models", {}).items()},
        "write": _strings("write", data.get("write", {}), pages),
        "presets": _presets(data.get("presets", {}), pages),
        "language": _languages(data.get("language") or (), pages),
        **{key: data[key] for key in _AS_IT_IS if key in data},
    }


def _languages(codes: Any, pages: Pages) -> tuple[str, ...]:
    codes = [codes] if isinstance(codes, str) else codes
    if not isinstance(codes, list | tuple) or not all(isinstance(code, str) for code in codes):
        pages.problem(pages.place("language"), f"language is {codes!r:.60}", "it should be a code, or a list of codes")
        return ()
    return tuple(codes)


def _name(name: str, pages: Pages) -> str:
    """A recipe's name is also its folder's: no slash, no dot in front, nothing that leads elsewhere."""
    if not nameable(name, dots=True):
        where, what = pages.place("recipe"), f"the name {name!r:.60} cannot name a folder"
        pages.problem(where, what, "use letters, digits and dashes")
    return name


def _step(table: str, body: Any, pages: Pages) -> Step:
    where = pages.place("steps", table)
    if not isinstance(body, dict) or not body:
        pages.problem(where, f"is {body!r:.60}", "a step is `{verb: input table, setting: value}`", table=table)
        return Step("", None)
    (verb, of), *settings = body.items()
    if not verb:
        pages.problem(where, "names no verb", "a step is `{verb: input table, setting: value}`", table=table)
    return Step(verb, of, dict(settings))


def _settings(name: str, body: Any, pages: Pages) -> Mapping[str, Any]:
    if isinstance(body, dict):
        return body
    pages.problem(pages.place("models", name), f"is {body!r:.60}", "a model is `{use: provider/model}`", table=name)
    return {}


def _presets(body: dict[str, Any], pages: Pages) -> Mapping[str, Mapping[str, Any]]:
    for name in [name for name, values in body.items() if not isinstance(values, dict)]:
        what = f"the preset {name} is {body.pop(name)!r:.60}"
        pages.problem(pages.place("presets", name), what, "a preset is a mapping, such as {steps.agreed.share: 1}")
    return body


def _strings(section: str, body: dict[str, Any], pages: Pages) -> Mapping[str, str]:
    for key in [key for key, value in body.items() if not isinstance(value, str)]:
        pages.problem(pages.place(section, key), f"{section}: {key} is {body.pop(key)!r:.60}", "name a table")
    return body


def dump(recipe: Recipe) -> str:
    """A recipe as YAML: its own text where that says what the recipe says, else written from its parts, with a note of
    what was set over the text.
    """
    if recipe.source and _read(recipe.source, f"{recipe.name}.yaml") == recipe:
        return recipe.source

    def name(verb: str | Callable[..., Any]) -> str:
        return verb if isinstance(verb, str) else f"{verb.__module__}.{verb.__qualname__}"

    steps = {table: {name(s.verb): plain(s.input), **plain(s.settings)} for table, s in recipe.steps.items()}
    head = {"recipe": recipe.name, "paper": recipe.paper, "about": recipe.about, "license": recipe.license}
    tail = {"language": list(recipe.language), "seed": recipe.seed, "target": plain(recipe.target)}
    tail |= {"canaries": plain(recipe.canaries), "splits": plain(recipe.splits), "max_cost": recipe.max_cost}
    parts = {"models": plain(recipe.models), "steps": steps, "write": dict(recipe.write)}
    notes = [line for line in recipe.source.splitlines() if line.startswith(("# --set ", "# --preset "))]
    return "\n".join([*notes, written({key: value for key, value in {**head, **tail, **parts}.items() if value})])


def worded(recipe: Recipe) -> Recipe:
    """The recipe with a model that is a function called ``fake/ROLE``: what a page can say, the same in each run."""
    models = {
        role: {**model, "use": f"fake/{role}"} if callable(model.get("use")) else model
        for role, model in recipe.models.items()
    }
    return replace(recipe, models=models)


def _read(text: str, file: str) -> Recipe | None:
    """The recipe that a text says, if it says one."""
    pages = Pages(file)
    try:
        found = _build(pages.read(text), pages)
    except RecipeError:
        return None
    return None if pages.problems else Recipe(**found)


def plain(value: Any) -> Any:
    """What YAML and JSON can hold of a value; functions and frames by their names."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value) if isinstance(value, Path) else f"<{getattr(value, '__name__', type(value).__name__)}>"
