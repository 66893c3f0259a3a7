"""A verb's settings: what its signature takes, and what is wrong with those that a recipe gives."""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefgen.errors import nearest

PATHS = (Path, Path | None, typing.Optional[Path])  # noqa: UP045


@dataclass(frozen=True)
class Wrong:
    """A setting that will not do; ``name`` is empty for one that is not there."""

    name: str
    what: str
    cure: str


def parameters(verb: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """A verb's settings: what its signature takes by keyword alone, or an asker's fields."""
    found: Mapping[str, inspect.Parameter]
    try:
        found = inspect.signature(verb, eval_str=True).parameters
    except NameError:  # an annotation whose name is there for type checkers alone
        found = {name: _evaluated(p, verb) for name, p in inspect.signature(verb).parameters.items()}
    except ValueError:  # a function of C tells nothing of its settings
        found = {}
    if dataclasses.is_dataclass(verb):
        return dict(found)
    return {name: p for name, p in found.items() if p.kind is p.KEYWORD_ONLY}


def _evaluated(parameter: inspect.Parameter, verb: Callable[..., Any]) -> inspect.Parameter:
    """A parameter with its annotation read; left out, so that it is not checked, where it cannot be."""
    if not isinstance(parameter.annotation, str):
        return parameter
    names = getattr(inspect.unwrap(verb), "__globals__", {})
    try:
        kind = eval(parameter.annotation, names)  # noqa: S307  # the user's own code, as inspect itself does it
    except Exception:  # noqa: BLE001
        kind = parameter.empty
    return parameter.replace(annotation=kind)


def check(
    word: str, verb: Callable[..., Any], given: Mapping[str, Any], spared: frozenset[str] = frozenset()
) -> tuple[dict[str, Any], list[Wrong]]:
    """The settings, of the types that the verb's signature states, and every one that is wrong.
    ``spared`` are not the recipe's to set.
    """
    known = {name: p for name, p in parameters(verb).items() if name not in spared}
    checked: dict[str, Any] = {}
    wrong: list[Wrong] = []
    for name, value in given.items():
        if name not in known:
            wrong.append(Wrong(str(name), f"{word} has no setting '{name}'", nearest(str(name), known)))
        elif words := _wrong_type(known[name], value):
            wrong.append(Wrong(name, f"{word}: {name} is {value!r:.60}", words))
        else:
            checked[name] = Path(value) if known[name].annotation in PATHS and isinstance(value, str) else value
    needed = [name for name, p in known.items() if p.default is p.empty and name not in given]
    wrong += [Wrong("", f"{word} needs the setting '{name}'", f"write `{name}: …`") for name in needed]
    return checked, wrong


def _wrong_type(parameter: inspect.Parameter, value: Any) -> str:
    """What pydantic has against a value, or nothing."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    kind = parameter.annotation
    if kind is parameter.empty:
        return ""
    plain = dataclasses.is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, dict))
    config = None if plain else ConfigDict(arbitrary_types_allowed=True)
    try:
        TypeAdapter(kind, config=config).validate_python(value, strict=kind not in PATHS)
    except ValidationError as e:
        words = e.errors()[0]["msg"]
        return words[0].lower() + words[1:]
    return ""
