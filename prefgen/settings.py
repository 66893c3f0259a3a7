"""A verb's settings: what its signature takes, and what is wrong with those that a recipe gives."""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prefgen.errors import nearest

PATHS = (Path, Path | None, typing.Optional[Path])  # noqa: UP045
SEVERAL_PATHS = (list[Path], list[Path] | None, Sequence[Path], Path | list[Path], list[Path] | Path)


@dataclass(frozen=True)
class Wrong:
    """A setting that will not do; ``name`` is empty for one that is not there."""

    name: str
    what: str
    cure: str


def parameters(verb: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """A verb's settings: what its signature takes by keyword alone, or with a default; or an asker's fields."""
    found: Mapping[str, inspect.Parameter]
    try:
        found = inspect.signature(verb, eval_str=True).parameters
    except NameError:  # an annotation whose name is there for type checkers alone
        found = {name: _evaluated(p, verb) for name, p in inspect.signature(verb).parameters.items()}
    except ValueError:  # a function of C tells nothing of its settings
        found = {}
    if dataclasses.is_dataclass(verb):
        return dict(found)
    return {name: p for name, p in found.items() if p.kind is p.KEYWORD_ONLY or _has_default(p)}


def _has_default(parameter: inspect.Parameter) -> bool:
    """Whether it is a setting though it may be given by its place: tables have no default."""
    return parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is not parameter.empty


def _evaluated(parameter: inspect.Parameter, verb: Callable[..., Any]) -> inspect.Parameter:
    """A parameter with its annotation read; left out, so that it is not checked, where it cannot be."""
    if not isinstance(parameter.annotation, str):
        return parameter
    one = SimpleNamespace(__annotations__={"it": parameter.annotation})
    try:
        kind = typing.get_type_hints(one, getattr(inspect.unwrap(verb), "__globals__", {}), include_extras=True)["it"]
    except Exception:  # noqa: BLE001  # whatever the user's own annotation makes it raise
        kind = parameter.empty
    return parameter.replace(annotation=kind)


def takes_several(verb: Callable[..., Any]) -> bool:
    """Whether a verb takes any number of tables: ``def concat(*tables)``."""
    try:
        return any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(verb).parameters.values())
    except ValueError:  # a function of C
        return False


def resolved(verb: Callable[..., Any], checked: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The settings, with every path made one that can be opened: of the recipe's folder, else beside the verb, else of
    where the command runs.
    """
    return {name: _resolved(verb, value, folder) for name, value in checked.items()}


def _resolved(verb: Callable[..., Any], value: Any, folder: Path) -> Any:
    if isinstance(value, list) and any(isinstance(one, Path) for one in value):
        return [_resolved(verb, one, folder) for one in value]
    if not isinstance(value, Path):
        return value
    module = inspect.getmodule(getattr(verb, "__wrapped__", verb))
    own, beside = folder / value, Path(getattr(module, "__file__", None) or "").parent / value
    return next((path for path in (own, beside, value) if there(path)), own)


def there(path: Path) -> bool:
    """Whether there is something at a path; at one that cannot be (too long a name), there is nothing."""
    try:
        return path.exists()
    except OSError:
        return False


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
            checked[name] = _as_path(value) if _is_path(known[name].annotation) else value
    needed = [name for name, p in known.items() if p.default is p.empty and name not in given]
    wrong += [Wrong("", f"{word} needs the setting '{name}'", f"write `{name}: …`") for name in needed]
    return checked, wrong


def _is_path(kind: Any) -> bool:
    return kind in PATHS or kind in SEVERAL_PATHS


def _as_path(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_as_path(one) for one in value]
    return Path(value) if isinstance(value, str) else value


def _wrong_type(parameter: inspect.Parameter, value: Any) -> str:
    """What pydantic has against a value, or nothing."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    kind = parameter.annotation
    if kind is parameter.empty:
        return ""
    plain = dataclasses.is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, dict))
    config = None if plain else ConfigDict(arbitrary_types_allowed=True, extra="forbid")
    try:
        TypeAdapter(kind, config=config).validate_python(value, strict=not _is_path(kind))
    except ValidationError as e:
        found = e.errors() if isinstance(value, Mapping) else e.errors()[:1]
        return ", ".join(_said(error["msg"], error["loc"] if isinstance(value, Mapping) else ()) for error in found)
    return ""


def _said(words: str, place: tuple[str | int, ...]) -> str:
    """One of pydantic's errors; of a mapping, with the key that it is about."""
    words = words[0].lower() + words[1:]
    where = ".".join(str(step) for step in place if step != "[key]")
    return f"{where}: {words}" if where else words
