"""A verb as `prefgen verbs show` tells it: what it does, the columns that it looks at, its settings."""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from prefgen import schema, stopping
from prefgen.nothing import needed


def page(verb: Callable[..., Any]) -> str:
    """All that there is to say of a verb."""
    module = inspect.getmodule(getattr(verb, "__wrapped__", verb))
    needs = ", ".join(f"those that {name[1:-1]} names" if name.startswith("<") else name for name in needed(verb))
    columns = f"looks at the columns\n  {needs}\n\n" if needs else ""
    return f"{inspect.getdoc(module)}\n\n{inspect.getdoc(verb)}\n\n{columns}settings\n" + "\n".join(_settings(verb))


def stop_page(stop: Callable[..., Any]) -> str:
    """All that there is to say of a stop."""
    by, needs = stopping.Stop(stop).by, stop_needs(stop)
    sees = f"sees\n  {f'all rows with one {by}' if by else 'one row at a time'}"
    columns = f"looks at the columns\n  {', '.join(needs) or 'none'}"
    settings = "\n".join(["settings", *_settings(stop)]) if schema.settings(stop) else ""
    about = (inspect.getdoc(inspect.getmodule(stop)), inspect.getdoc(stop), sees, columns, settings)
    return "\n\n".join(part for part in about if part)


def stop_needs(stop: Callable[..., Any]) -> Sequence[str]:
    """The columns that a stop reads."""
    found, needs = stopping.Stop(stop), list[str]()
    while column := stopping.lacks(found, needs):
        needs.append(column)
    return sorted(needs)


def _settings(verb: Callable[..., Any]) -> Iterator[str]:
    for name, about in schema.settings(verb).items():
        yield f"  {name:16} {kind(about):31}  {default_of(about)}"


def default_of(about: Mapping[str, Any]) -> str:
    """What a setting is where a recipe says nothing, as JSON, from its JSON schema; or that something must be said."""
    return json.dumps(about["default"]) if "default" in about else "required"


def kind(about: Mapping[str, Any], names: Mapping[str, Any] | None = None) -> str:
    """What a setting may be, from its JSON schema: the values to choose from, or their kind."""
    names = about.get("$defs", names or {})
    if "$ref" in about:
        return kind(names[about["$ref"].rpartition("/")[2]], names)
    if "anyOf" in about:
        return " or ".join(dict.fromkeys(kind(one, names) for one in about["anyOf"]))
    if "enum" in about:
        return ", ".join(map(str, about["enum"]))
    if "properties" in about:
        return f"{{{', '.join(about['properties'])}}}"
    if "items" in about:
        return f"list of {kind(about['items'], names)}"
    return str(about.get("format") or about.get("type", "anything"))
