"""What went wrong, in one line, and who said so."""

import re
from collections.abc import Mapping

from prefgen.needs import MissingColumn, column_of
from prefgen.pages import SET, Way
from prefgen.recipe import Recipe


def columns_of(error: Exception) -> tuple[str, ...]:
    """The columns that are not found."""
    return error.columns if isinstance(error, MissingColumn) else (column_of(error),)


def line_of(error: Exception) -> str:
    """The first line of what an error says."""
    return (str(error).splitlines() or [""])[0]


def reasons(dropped: Mapping[str, int]) -> str:
    """Why a source's rows all went, the reasons of most rows first."""
    counts = sorted(dropped.items(), key=lambda one: -one[1])
    said = ", ".join(f"{reason} {count:,}" for reason, count in counts)
    return f"dropped: {said}" if said else "give it rows with a prompt each"


def set_by_hand(recipe: Recipe, way: Way, what: str) -> Way:
    """The way of what a problem names, where the caller set it or took it away with ``--set``; else its own."""
    step = recipe.steps.get(way[1]) if way[:1] == ("steps",) and len(way) > 1 else None
    named: list[Way] = [("steps", way[1], name) for name in step.settings if _names(what, name)] if step else []
    if gone := re.match(r"no (model|table) '(.+)'$", what):
        named.append((f"{gone[1]}s".replace("tables", "steps"), gone[2]))
    return next((one for one in named if recipe.places.get(one, "").startswith(SET)), way)


def _names(what: str, setting: str) -> bool:
    return bool(re.search(rf"\b{re.escape(setting)}\b", what))
