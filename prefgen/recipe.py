"""recipe.yaml ⇄ Recipe. The only file that knows YAML.

A step is ``table: {verb: input, setting: value}``. The Python twin is ``table=do(verb, input, setting=value)``,
and ``load("x.yaml") == Recipe(...)`` holds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from prefgen import verbs
from prefgen.errors import Problem, RecipeError, nearest

MAX_BYTES, MAX_NODES, MAX_DEPTH = 1_000_000, 100_000, 64
"""A recipe is a page; these limits stop alias bombs and mistaken files, and nothing that a person writes."""

Way = tuple[str, ...]
"""The way to a value: ("models", "judge", "use")."""


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

    ``folder`` is where relative paths start; ``source`` is the text that it was read from, if any.
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
    folder: Path = field(default=Path(), compare=False)
    source: str = field(default="", compare=False, repr=False)
    places: Mapping[Way, str] = field(default_factory=dict, compare=False, repr=False)

    def where(self, *way: str) -> str:
        """The place of a value, ``file:line``, or of the nearest thing around it."""
        while way and way not in self.places:
            way = way[:-1]
        return self.places.get(way, self.name)


def load(path: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """Reads a recipe. ``overrides`` are ``models.judge.use=openai/gpt-4.1``: a way, and a value as YAML reads it.

    Raises RecipeError with every problem of the file's form; what its words mean is checked by ``plan``.
    """
    path = Path(path)
    pages = _Pages(str(path))
    data, asked = pages.read(_text(path)), list(overrides)
    for override in asked:
        pages.override(data, override)
    recipe = _build(data, pages)
    if pages.problems:
        raise RecipeError(pages.problems)
    source = pages.text + "".join(f"# --set {override}\n" for override in asked)
    return Recipe(**recipe, folder=path.parent, source=source, places=pages.places)


def _text(path: Path) -> str:
    cure = ""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) <= MAX_BYTES:
            return data.decode("utf-8-sig")
        what, cure = f"is over {MAX_BYTES:,} bytes", "a recipe is a page"
    except UnicodeDecodeError as e:
        what, cure = f"is not UTF-8 (byte {e.start})", "save it as UTF-8 text"
    except FileNotFoundError:
        what, cure = "no such file", "`prefgen recipes` lists those that come with prefgen"
    except OSError as e:
        what = str(e.strerror or e).lower()
    raise RecipeError([Problem(str(path), "", what, cure)])


_KINDS = frozenset({"map", "seq", "str", "int", "float", "bool", "null", "timestamp", "binary"})


class _Pages:
    """Reads YAML into plain data, remembering where each value stands and what is wrong."""

    def __init__(self, file: str) -> None:
        from ruamel.yaml import YAML

        self.yaml = YAML(typ="safe", pure=True)
        self.file, self.text = file, ""
        self.places: dict[Way, str] = {}
        self.problems: list[Problem] = []
        self.nodes = 0

    def problem(self, where: str, what: str, cure: str = "", table: str = "") -> None:
        self.problems.append(Problem(where, table, what, cure))

    def read(self, text: str) -> dict[str, Any]:
        """The data of a whole file; raises RecipeError where it is not YAML at all."""
        self.text = text if text.endswith("\n") else text + "\n"
        node = self._compose(text, self.file)
        data = self._value(node, (), 0) if node is not None else {}
        if not isinstance(data, dict):
            raise RecipeError([Problem(self.file, "", "is not a recipe", "a recipe is `recipe:`, `models:`, `steps:`")])
        return data

    def override(self, data: dict[str, Any], text: str) -> None:
        """Sets one value of the data from ``a.b.c=value``."""
        way_text, equals, value_text = text.partition("=")
        way, where = tuple(way_text.strip().split(".")), f"--set {way_text}"
        if not equals or not all(way):
            self.problem(f"--set {text}", "is not key=value", "write it as --set models.judge.use=openai/gpt-4.1")
            return
        target = data
        for name in way[:-1]:
            if target.get(name) is None:
                self.problem(where, f"the recipe has no '{name}' to set", nearest(name, target))
                return
            target = target[name]
            if not isinstance(target, dict):
                self.problem(where, f"'{name}' holds no settings", "set it as a whole")
                return
        node = self._compose(value_text, where)
        target[way[-1]] = None if node is None else self._value(node, way, 0, where)
        self.places[way] = where

    def _compose(self, text: str, where: str) -> Any:
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        try:
            return self.yaml.compose(StringIO(text))
        except MarkedYAMLError as e:
            line = e.problem_mark.line + 1 if e.problem_mark else 1
            what = " ".join(str(part) for part in (e.context, e.problem) if part)
            raise RecipeError([Problem(f"{where}:{line}", "", f"not YAML: {what}")]) from e
        except YAMLError as e:
            raise RecipeError([Problem(where, "", f"not YAML: {str(e).splitlines()[0]}")]) from e
        except (RecursionError, ValueError) as e:
            raise RecipeError([Problem(where, "", "is nested too deeply", "a recipe is a page")]) from e

    def _value(self, node: Any, way: Way, depth: int, where: str = "") -> Any:
        line = node.start_mark.line + 1
        place = where or f"{self.file}:{line}"
        self.places[way] = place
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            deep = depth > MAX_DEPTH
            what = "is nested too deeply" if deep else "grows beyond any recipe when its aliases are expanded"
            raise RecipeError([Problem(place, "", what, "write the values out")])
        kind = str(node.ctag).rpartition(":")[2]
        if kind not in _KINDS:
            self.problem(place, f"the tag {node.ctag} is not for recipes", "write plain values")
        if node.id == "mapping":
            return self._mapping(node, way, depth, where)
        if node.id == "sequence":
            return [self._value(item, (*way, str(i)), depth + 1, where) for i, item in enumerate(node.value)]
        return str(node.value) if kind in {"timestamp", "binary"} else self._scalar(node, place)

    def _mapping(self, node: Any, way: Way, depth: int, where: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, place = str(key_node.value), where or f"{self.file}:{key_node.start_mark.line + 1}"
            here = (*way, key)
            if key in values:
                self._twice(here, place)
                continue
            values[key] = self._value(value_node, here, depth + 1, where)
            self.places[here] = place
        return values

    def _twice(self, way: Way, place: str) -> None:
        first = self.places[way].rpartition(":")[2]
        if len(way) == 2 and way[0] == "steps":
            self.problem(place, f"made already on line {first}", "give this table a name of its own", table=way[1])
        else:
            self.problem(place, f"'{way[-1]}' stands already on line {first}", "keep one of the two")

    def _scalar(self, node: Any, place: str) -> Any:
        from ruamel.yaml.constructor import ConstructorError

        try:
            return self.yaml.constructor.construct_object(node)
        except (ValueError, ConstructorError):
            self.problem(place, f"{str(node.value)[:40]!r} is no number that can be used")
            return None


# --- from data to a recipe ------------------------------------------------------------------

_TYPES: Mapping[str, tuple[type, str]] = {
    "recipe": (str, "a name"),
    "paper": (str, "text"),
    "about": (str, "text"),
    "license": (str, "a licence's id, such as apache-2.0"),
    "seed": (int, "a whole number"),
    "models": (dict, "a mapping of names to models"),
    "steps": (dict, "a mapping of tables to steps"),
    "write": (dict, "a mapping of dataset configs to tables"),
}


def _build(data: dict[str, Any], pages: _Pages) -> dict[str, Any]:
    """The fields of a Recipe; notes what is missing, unknown or of a wrong type."""
    known = {*_TYPES, "language"}
    for key in data.keys() - known:
        pages.problem(pages.places[(key,)], f"a recipe has no '{key}'", nearest(key, known))
    for key, (kind, words) in _TYPES.items():
        if key in data and (not isinstance(data[key], kind) or isinstance(data[key], bool)):
            pages.problem(pages.places[(key,)], f"{key} is {data.pop(key)!r:.60}", f"it should be {words}")
    if not data.get("steps"):
        pages.problem(pages.file, "has no steps", "a step is `table: {verb: input table, setting: value}`")
    language = data.get("language") or ()
    return {
        "name": _name(data.get("recipe") or Path(pages.file).stem, pages),
        "steps": {table: _step(table, body, pages) for table, body in data.get("steps", {}).items()},
        "models": {name: _settings(name, body, pages) for name, body in data.get("models", {}).items()},
        "write": _strings("write", data.get("write", {}), pages),
        "language": (language,) if isinstance(language, str) else tuple(language),
        **{key: data[key] for key in ("paper", "about", "license", "seed") if key in data},
    }


def _name(name: str, pages: _Pages) -> str:
    """A recipe's name is also its folder's: no slash, no dot in front, nothing that leads elsewhere."""
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum() or name.startswith(".") or len(name) > 96:
        where, what = pages.places.get(("recipe",), pages.file), f"the name {name!r:.60} cannot name a folder"
        pages.problem(where, what, "use letters, digits and dashes")
    return name


def _step(table: str, body: Any, pages: _Pages) -> Step:
    where = pages.places.get(("steps", table), pages.file)
    if not isinstance(body, dict) or not body:
        pages.problem(where, f"is {body!r:.60}", "a step is `{verb: input table, setting: value}`", table=table)
        return Step("", None)
    (verb, of), *settings = body.items()
    return Step(verb, of, dict(settings))


def _settings(name: str, body: Any, pages: _Pages) -> Mapping[str, Any]:
    if isinstance(body, dict):
        return body
    pages.problem(pages.places[("models", name)], f"is {body!r:.60}", "a model is `{use: provider/model}`", table=name)
    return {}


def _strings(section: str, body: dict[str, Any], pages: _Pages) -> Mapping[str, str]:
    for key in [key for key, value in body.items() if not isinstance(value, str)]:
        pages.problem(pages.places[(section, key)], f"{section}: {key} is {body.pop(key)!r:.60}", "name a table")
    return body


def dump(recipe: Recipe) -> str:
    """A recipe as YAML: its own text where it was read from a file, else written from its parts."""
    if recipe.source:
        return recipe.source
    from ruamel.yaml import YAML

    def name(verb: str | Callable[..., Any]) -> str:
        return verb if isinstance(verb, str) else f"{verb.__module__}.{verb.__qualname__}"

    steps = {table: {name(s.verb): _plain(s.input), **_plain(s.settings)} for table, s in recipe.steps.items()}
    head = {"recipe": recipe.name, "paper": recipe.paper, "about": recipe.about, "license": recipe.license}
    tail = {"language": list(recipe.language), "seed": recipe.seed}
    parts = {"models": _plain(recipe.models), "steps": steps, "write": dict(recipe.write)}
    out = StringIO()
    writer: Any = YAML(typ="safe", pure=True)
    writer.sort_base_mapping_type_on_output = False
    writer.default_flow_style = False
    writer.dump({key: value for key, value in {**head, **tail, **parts}.items() if value}, out)
    return out.getvalue()


def _plain(value: Any) -> Any:
    """What YAML can hold of a value; functions and frames by their names."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value) if isinstance(value, Path) else f"<{getattr(value, '__name__', type(value).__name__)}>"
