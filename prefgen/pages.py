"""YAML in and out, and the only file that knows it: plain data, the line of each value, and all that is wrong.

Limits stop alias bombs and mistaken files, and nothing that a person writes.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from prefgen.errors import Problem, RecipeError, nearest

MAX_BYTES, MAX_NODES, MAX_DEPTH = 1_000_000, 100_000, 64

SET = "--set "
"""How the place of a value begins that was not read from a file."""
LARGEST = 2**1000
"""Of whole numbers; a float holds no more, and what is far beyond is too long for Python to write out."""

Way = tuple[str, ...]
"""The way to a value: ("models", "judge", "use")."""

_KINDS = frozenset({"map", "seq", "str", "int", "float", "bool", "null", "timestamp", "binary"})


def text_of(path: Path) -> str:
    """A file's text; raises RecipeError where it is none, or more than a recipe."""
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
    except (OSError, ValueError) as e:
        what = str(getattr(e, "strerror", None) or e).lower()
    raise RecipeError([Problem(str(path), "", what, cure)])


class Pages:
    """One file's data, and what was set over it. ``places`` are filled and ``problems`` noted on the way."""

    def __init__(self, file: str) -> None:
        self.file, self.text = file, ""
        self.places: dict[Way, str] = {}
        self.problems: list[Problem] = []
        self.nodes = 0

    def problem(self, where: str, what: str, cure: str = "", table: str = "") -> None:
        """Notes what is wrong at a place."""
        self.problems.append(Problem(where, table, what, cure))

    def place(self, *way: str) -> str:
        """Where a value stands, or the file."""
        return self.places.get(way, self.file)

    def read(self, text: str) -> dict[str, Any]:
        """The data of a whole file; raises RecipeError where it is not YAML at all."""
        self.text = text if text.endswith("\n") else text + "\n"
        node = self._compose(text, self.file)
        data = self._value(node, (), 0) if node is not None else {}
        if not isinstance(data, dict):
            raise RecipeError([Problem(self.file, "", "is not a recipe", "a recipe is `recipe:`, `models:`, `steps:`")])
        return data

    def override(self, data: dict[str, Any], text: str) -> None:
        """Sets one value of the data from ``a.b.c=value``, and says so at the end of the text."""
        way_text, equals, value_text = text.partition("=")
        way, where = tuple(way_text.strip().split(".")), f"{SET}{way_text}"
        if not equals or not all(way) or not _whole(way_text):
            self.problem(f"--set {text}", "is not key=value", "write it as --set models.judge.use=openai/gpt-4.1")
            return
        target = self._target(data, way, where)
        if target is None:
            return
        node = self._compose(value_text, where)
        self.places = {known: place for known, place in self.places.items() if known[: len(way)] != way}
        self._put(target, way, None if node is None else self._value(node, way, 0, where), where)
        self.text += f"# --set {' '.join(text.split())}\n"

    def preset(self, data: dict[str, Any], name: str) -> None:
        """Sets the values of one of the file's own ``presets:``, a mapping of ways to values."""
        presets = data.get("presets")
        presets = presets if isinstance(presets, dict) else {}
        values = presets.get(name)
        if not isinstance(values, dict):
            what = f"the recipe has no preset '{name}'"
            self.problem("--preset", what, nearest(name, presets) or "it has none; leave the option out")
            return
        for key, value in values.items():
            way, where = tuple(key.split(".")), self.place("presets", name, key)
            target = self._target(data, way, where)
            if target is not None:
                self._put(target, way, value, where)
        self.text += f"# --preset {name}\n"

    def _target(self, data: dict[str, Any], way: Way, where: str) -> dict[str, Any] | None:
        """The mapping in which a way ends; None, and a problem noted, where there is none."""
        target = data
        for name in way[:-1]:
            if target.get(name) is None:
                self.problem(where, f"the recipe has no '{name}' to set", nearest(name, target))
                return None
            target = target[name]
            if not isinstance(target, dict):
                self.problem(where, f"'{name}' holds no settings", "set it as a whole")
                return None
        return target

    def _put(self, target: dict[str, Any], way: Way, value: Any, where: str) -> None:
        """Sets a value; null takes a step, a model or a config out of the recipe."""
        if value is None and len(way) == 2:
            target.pop(way[-1], None)
        else:
            target[way[-1]] = value
        self.places[way] = where

    def _compose(self, text: str, where: str) -> Any:
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        try:
            with warnings.catch_warnings(action="ignore"):  # an anchor used twice means its last place, as YAML has it
                return _reader().compose(StringIO(text))
        except MarkedYAMLError as e:
            line = e.problem_mark.line + 1 if e.problem_mark else 1
            what = " ".join(str(part) for part in (e.context, e.problem) if part)
            raise RecipeError([Problem(f"{where}:{line}", "", f"not YAML: {what}")]) from e
        except (YAMLError, ValueError, ArithmeticError) as e:
            raise RecipeError([Problem(where, "", f"not YAML: {(str(e).splitlines() or [''])[0]}")]) from e
        except RecursionError as e:
            raise RecipeError([Problem(where, "", "is nested too deeply", "a recipe is a page")]) from e

    def _value(self, node: Any, way: Way, depth: int, where: str = "") -> Any:
        self.places[way] = place = self._at(node, where)
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
        return self._sound(str(node.value), place) if kind in {"timestamp", "binary"} else self._scalar(node, place)

    def _at(self, node: Any, where: str) -> str:
        return where or f"{self.file}:{node.start_mark.line + 1}"

    def _mapping(self, node: Any, way: Way, depth: int, where: str) -> dict[str, Any]:
        """A mapping's values; those that it merges (``<<: *other``) come after its own, and give way to them."""
        values: dict[str, Any] = {}
        merged: list[Any] = []
        for key_node, value_node in node.value:
            place = self._at(key_node, where)
            if key_node.id != "scalar":
                self.problem(place, "a key is a list or a mapping", "a key is a word")
            elif str(key_node.ctag).endswith(":merge"):
                merged += value_node.value if value_node.id == "sequence" else [value_node]
            elif (key := self._sound(str(key_node.value), place)) in values:
                self._twice((*way, key), place)
            else:
                values[key] = self._value(value_node, (*way, key), depth + 1, where)
                self.places[*way, key] = place
        for other in merged:
            values = self._merged(values, other, way, depth, where)
        return values

    def _merged(self, own: dict[str, Any], other: Any, way: Way, depth: int, where: str) -> dict[str, Any]:
        if other.id != "mapping":
            self.problem(self._at(other, where), "<< merges mappings, and this is none", "write the values out")
            return own
        kept = dict(self.places)
        more = self._value(other, way, depth + 1, where)
        self.places |= kept
        return own | {key: value for key, value in more.items() if key not in own}

    def _twice(self, way: Way, place: str) -> None:
        first = self.places[way]
        where = f"on line {first.rpartition(':')[2]}" if first.startswith(f"{self.file}:") else "there"
        if len(way) == 2 and way[0] == "steps":
            self.problem(place, f"made already {where}", "give this table a name of its own", table=way[1])
        else:
            self.problem(place, f"'{way[-1]}' stands already {where}", "keep one of the two")

    def _scalar(self, node: Any, place: str) -> Any:
        from ruamel.yaml import YAML
        from ruamel.yaml.constructor import ConstructorError

        try:
            value = YAML(typ="safe", pure=True).constructor.construct_object(node)
            if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
                raise OverflowError
        except (ValueError, LookupError, ArithmeticError, ConstructorError):
            self.problem(place, f"{str(node.value)[:40]!r} is no number that can be used")
            return None
        return self._sound(value, place) if isinstance(value, str) else value

    def _sound(self, text: str, place: str) -> str:
        if not _whole(text):
            self.problem(place, f"{text!r:.60} holds half a character, which no file can hold", "write it anew")
        return text


def _reader() -> Any:
    """A reader of YAML that gives up where brackets are nested too deeply, or there are too many values, and not at the
    end: it looks ahead at each bracket, past all that are open.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.composer import Composer
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.scanner import Scanner

    class Shallow(Scanner):
        def fetch_flow_collection_start(self, TokenClass: Any, to_push: str) -> None:  # noqa: N803
            if len(self.flow_context) > 2 * MAX_DEPTH:
                raise RecursionError
            super().fetch_flow_collection_start(TokenClass, to_push)

    class Short(Composer):
        nodes = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.nodes += 1
            if self.nodes > MAX_NODES:
                raise MarkedYAMLError(
                    problem=f"over {MAX_NODES:,} values", problem_mark=self.parser.peek_event().start_mark
                )
            return super().compose_node(parent, index)

    reader: Any = YAML(typ="safe", pure=True)
    reader.Scanner, reader.Composer = Shallow, Short
    return reader


def _whole(text: str) -> bool:
    """Whether a text has no half of a surrogate pair, which YAML can spell and no file can hold."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


@dataclass(frozen=True)
class Span:
    """Where a value stands in a text, by characters: from its ``key`` (of an item of a list, itself), its own ``start``
    and ``end``; and whether what holds it is written in brackets (``flow``).
    """

    key: int
    start: int
    end: int
    flow: bool


def spans(text: str) -> dict[Way, Span]:
    """Where each value of a sound YAML text stands, but for what aliases and merges stand for."""
    found: dict[Way, Span] = {}

    def walk(node: Any, way: Way) -> None:
        for key, value in node.value if node.id == "mapping" else ():
            name, whole = (*way, str(key.value)), value.end_mark.index
            found[name] = Span(key.start_mark.index, value.start_mark.index, whole, bool(node.flow_style))
            walk(value, name)

    walk(_reader().compose(StringIO(text)), ())
    return found


def written(data: Mapping[str, Any]) -> str:
    """Plain data as YAML, in the order in which it stands."""
    from ruamel.yaml import YAML

    out = StringIO()
    writer: Any = YAML(typ="safe", pure=True)
    writer.sort_base_mapping_type_on_output = False
    writer.default_flow_style = False
    writer.width = 2**31  # folded, a text with control characters gains a blank (ruamel.yaml 0.19)
    writer.representer.add_representer(str, _as_text)
    writer.dump(dict(data), out)
    return out.getvalue()


def _as_text(representer: Any, text: str) -> Any:
    """Line ends that YAML knows and Python's quoting rules forget (NEL, U+2028) are spelt out."""
    odd = any(c in text for c in "\x85\u2028\u2029")
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style='"' if odd else None)
