"""schemas/recipe.json, made from the verbs' signatures, so that editors complete and check recipes."""

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefgen import verbs
from prefgen.asker import Asker
from prefgen.llm.request import Model
from prefgen.settings import parameters

_INPUT = "the input table (of `concat`, a list of them), or a source's path"
_ENGINE = frozenset({"folder", "tell"})
"""Settings that the run gives, not the recipe."""

_SHARE = {"type": "number", "minimum": 0, "maximum": 1}


def recipe_schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of a recipe with every verb that is installed here."""
    found = [(name, verb) for name in verbs.names() if (verb := _found(name))]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A prefgen recipe",
        "type": "object",
        "required": ["steps"],
        "additionalProperties": False,
        "properties": {
            "recipe": _text("The recipe's name; its run lies in runs/<name>."),
            "paper": _text("The paper, such as arXiv:2408.02666."),
            "about": _text("What comes out, in a sentence."),
            "license": _text("The dataset's licence, by its id on the Hub."),
            "language": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            "seed": {"type": "integer", "default": 0},
            "max_cost": {"type": "number", "minimum": 0, "description": "The most that a run may spend, in dollars."},
            "target": {
                "description": "Ends the run when so many rows are kept: of the table written as preferences, or `of`.",
                "type": "object",
                "required": ["kept"],
                "additionalProperties": False,
                "properties": {"kept": {"type": "integer", "minimum": 1}, "of": {"type": "string"}},
            },
            "canaries": {
                "description": "Known-answer requests to judges: for which share of rows, and how many to withstand.",
                "type": "object",
                "additionalProperties": False,
                "properties": {"share": _SHARE, "at_least": _SHARE},
            },
            "splits": {
                "description": "Shares of the prompts that other splits than train get, such as {test: 0.1}.",
                "type": "object",
                "propertyNames": {"pattern": r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$", "not": {"enum": ["train", "all"]}},
                "additionalProperties": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            },
            "models": {"type": "object", "additionalProperties": _model()},
            "steps": {"type": "object", "additionalProperties": {"anyOf": [*(_step(n, v) for n, v in found), _own()]}},
            "write": {"type": "object", "additionalProperties": {"type": "string"}},
            "presets": {"type": "object", "additionalProperties": {"type": "object"}},
        },
        "$defs": {"stop": _stop()},
    }


def dumped() -> str:
    """The schema as it stands in schemas/recipe.json."""
    return json.dumps(recipe_schema(), indent=1, ensure_ascii=False) + "\n"


def summary(verb: Callable[..., Any]) -> str:
    """The first line of what a verb says of itself: its file's, which names the paper."""
    module = inspect.getmodule(getattr(verb, "__wrapped__", verb))
    text = inspect.getdoc(module) or inspect.getdoc(verb) or ""
    return text.split("\n\n")[0].replace("\n", " ").strip()


def sentence(text: str) -> str:
    """The first sentence, with the paper that the others name."""
    first, *rest = re.split(r"(?<=[.?!]) (?=[A-Z])", text)
    paper = re.search(r"arXiv:\d{4}\.\d{4,5}", " ".join(rest))
    return f"{first} {paper[0]}" if paper and paper[0] not in first else first


def summary_of(name: str) -> str:
    """The first line of the verb of this name, or why it cannot be had."""
    try:
        return summary(verbs.find(name))
    except verbs.PluginError as e:
        return str(e)


def _found(name: str) -> verbs.Verb | None:
    try:
        return verbs.find(name)
    except verbs.PluginError:
        return None


def settings(verb: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    """A verb's settings, each as JSON schema with its default."""
    return {name: _property(p) for name, p in parameters(verb).items() if name not in _ENGINE}


def _step(name: str, verb: Callable[..., Any]) -> dict[str, Any]:
    own = parameters(verb)
    stop = {"stop": {"$ref": "#/$defs/stop"}} if isinstance(verb, type) and issubclass(verb, Asker) else {}
    return {
        "title": name,
        "description": summary(verb),
        "type": "object",
        "required": [name, *(n for n, p in own.items() if p.default is p.empty and n not in _ENGINE)],
        "additionalProperties": False,
        "properties": {name: {"description": _INPUT}, **settings(verb), **stop},
    }


def _stop() -> dict[str, Any]:
    """A stop: by its name, or with settings of its own."""
    own = {name: settings(verbs.find_stop(name)) for name in verbs.files("stops")}
    return {
        "description": "When a row has been asked often enough.",
        "default": None,
        "anyOf": [
            {"type": "null"},
            *({"const": name, "description": summary(verbs.find_stop(name))} for name in own),
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
                "properties": {
                    name: {"type": "object", "additionalProperties": False, "properties": found}
                    for name, found in own.items()
                },
            },
        ],
    }


def _own() -> dict[str, Any]:
    """A step whose verb is a function of the recipe's own file; what its settings are, only the file knows."""
    name = r"^[^:\\]+\.py:[A-Za-z_]\w*$"
    return {
        "title": "my_verbs.py:function",
        "description": "A function of a Python file beside the recipe; it runs where --allow-code names it.",
        "type": "object",
        "patternProperties": {name: {"description": _INPUT}},
        "not": {"propertyNames": {"not": {"pattern": name}}},
    }


def _model() -> dict[str, Any]:
    one = {"type": "string", "pattern": "/"}
    use = {"anyOf": [one, {"type": "array", "items": one}]}
    rest = {name: _property(p) for name, p in parameters(Model).items() if name not in {"use", "trusted"}}
    return {"type": "object", "required": ["use"], "additionalProperties": False, "properties": {"use": use, **rest}}


def _property(parameter: inspect.Parameter) -> dict[str, Any]:
    from pydantic import ConfigDict, TypeAdapter

    kind = parameter.annotation
    if kind is parameter.empty:
        return {}
    adapter = TypeAdapter(kind, config=ConfigDict(arbitrary_types_allowed=True))
    found: dict[str, Any] = adapter.json_schema()
    default = list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
    plain = default is None or isinstance(default, str | int | float | bool | list)
    return {**found, "default": default} if plain and default is not parameter.empty else found


def _text(words: str) -> dict[str, Any]:
    return {"type": "string", "description": words}


def write(folder: Path) -> Path:
    """Writes recipe.json into a folder of schemas."""
    path = folder / "recipe.json"
    path.write_text(dumped(), encoding="utf-8")
    return path
