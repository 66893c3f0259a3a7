"""A verb is the function of that name in the file of that name. Nothing is registered.

    from prefgen.verbs import compare     # prefgen/judges/compare.py

Plug-ins bring verbs through the entry point group ``prefgen.verbs``.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefgen.errors import PrefgenError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ROOMS = ("sources", "tables", "generators", "judges", "scores", "pairs", "filters")
"""The folders of verbs, in the order in which data meets them."""

Verb = Callable[..., Any]


class PluginError(PrefgenError):
    """A verb of another package that cannot be had."""


@cache
def files(room: str) -> Mapping[str, str]:
    """The words of one room and the modules that hold them."""
    folder = Path(__file__).parent / room
    names = sorted(f.stem for f in folder.glob("*.py") if not f.stem.startswith("_"))
    return {name: f"prefgen.{room}.{name}" for name in names}


@cache
def plugins() -> Mapping[str, "EntryPoint"]:
    """Verbs that other packages bring, under names that are not taken."""
    from importlib.metadata import entry_points

    taken = {name for room in ROOMS for name in files(room)}
    return {point.name: point for point in entry_points(group="prefgen.verbs") if point.name not in taken}


def rooms() -> Mapping[str, tuple[str, ...]]:
    """Each room's verbs, plug-ins last."""
    own = {room: tuple(files(room)) for room in ROOMS}
    return {**own, "plug-ins": tuple(sorted(plugins()))} if plugins() else own


def names() -> tuple[str, ...]:
    """Every verb that a recipe can use here."""
    return tuple(name for verbs in rooms().values() for name in verbs)


def find(name: str) -> Verb:
    """The verb of this name. prefgen's own come before plug-ins. Raises KeyError where there is none, and PluginError
    for one that does not load.
    """
    for room in ROOMS:
        if name in files(room):
            return _from(files(room)[name], name)
    return _plugged(plugins()[name])


def find_stop(name: str) -> Verb:
    """The stop of this name; raises KeyError where there is none."""
    return _from(files("stops")[name], name)


def room_of(verb: Verb) -> str:
    """The room in which a verb stands: sources, judges …; "yours" for a function handed in."""
    parts = (getattr(verb, "__module__", None) or "").split(".")
    return parts[1] if parts[0] == "prefgen" and len(parts) > 2 else "yours"


def word(verb: Verb | str) -> Verb | str:
    """A verb as a recipe writes it: by name where the name alone finds it, else the function itself."""
    if isinstance(verb, str):
        return verb
    name = getattr(verb, "__name__", "")
    if any(name in files(room) for room in ROOMS):
        return name if find(name) is verb else verb
    point = plugins().get(name)  # not loaded: it is this verb where it says so
    own = f"{getattr(verb, '__module__', None)}:{getattr(verb, '__qualname__', None)}"
    return name if point and point.value == own else verb


def _from(module: str, name: str) -> Verb:
    verb: Verb = getattr(import_module(module), name)
    return verb


def _plugged(point: "EntryPoint") -> Verb:
    """A plug-in's verb. It is another's code, and may fail in any way."""
    who = f"the plug-in verb '{point.name}' ({point.value}{f' of {point.dist.name}' if point.dist else ''})"
    try:
        found = point.load()
    except Exception as e:
        raise PluginError(f"{who} does not load: {type(e).__name__}: {e}; mend or remove that package") from e
    if not callable(found):
        raise PluginError(f"{who} is no function; mend or remove that package")
    verb: Verb = found
    return verb


def __getattr__(name: str) -> Verb:
    try:
        return find(name)
    except KeyError:
        raise AttributeError(f"prefgen has no verb {name!r}") from None


def __dir__() -> list[str]:
    return sorted([*globals(), *names()])
