"""What a recipe reads of its reader's machine: told before a run pays for anything, or refused.

A prompt file is sent to a model and may stand in the dataset as it is, so it lies where prompt files lie. Data files
are read as data, wherever they are, and it is said where.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from prefgen.recipe import Recipe
from prefgen.settings import there

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(?<!\.jsonl)(?<!\.ndjson)(?<!\.json)(?<!\.csv)(?<!\.tsv)(?<!\.parquet)")
"""A dataset of the Hub, and no file by its ending."""

Wrong = tuple[str, str, str]
"""A setting, what is wrong with it, and what would do."""


def prompt_files(recipe: Recipe, table: str, verb: Callable[..., Any], settings: Mapping[str, Any]) -> Iterator[Wrong]:
    """The prompt files of a step that lie neither in the recipe's folder, nor where the command runs, nor beside the
    verb. One that the caller names himself may lie anywhere.
    """
    homes = [recipe.folder, Path(), Path(getattr(inspect.getmodule(verb), "__file__", None) or "").parent]
    for name, path in _paths(settings):
        if recipe.typed("steps", table, name) or any(inside(path, home) for home in homes):
            continue
        what = f"{name}: {path} is none of the recipe's files, and what it holds would be sent to a model"
        yield name, what, f"copy it beside the recipe, or name it yourself: --set steps.{table}.{name}={path}"


def data_files(recipe: Recipe, settings: Mapping[str, Any]) -> Iterator[str]:
    """The files of a step's settings that lie outside of the recipe's folder, in words for the user."""
    for _, path in _paths(settings):
        if there(path) and not inside(path, recipe.folder):
            yield f"reads {path.resolve()}"


def source(recipe: Recipe, of: object) -> Iterator[str]:
    """Where a source lies, in words for the user, if it is not in the recipe's folder."""
    if not isinstance(of, str | Path):
        return
    path = found(of, recipe.folder)
    if path is None:
        yield f"reads the dataset {of} of the Hub"
    elif not inside(path, recipe.folder):
        yield f"reads {path.resolve()}"
    elif path.is_dir():
        outside = (
            one for one in path.rglob("*") if one.is_symlink() and not one.resolve().is_relative_to(path.resolve())
        )
        yield from (f"reads {one.resolve()}" for one in islice(outside, 1))


def found(of: str | Path, folder: Path) -> Path | None:
    """The file or folder that a source names: of the recipe's folder, else of where the command runs."""
    try:
        paths = (folder / Path(of).expanduser(), Path(of))
    except RuntimeError:  # the home of a user that there is not
        return None
    return next((path for path in paths if there(path)), None)


def far(of: object, folder: Path) -> bool:
    """Whether a source is neither here nor named as a file, so that only the Hub can know it."""
    return isinstance(of, str) and bool(_HUB_ID.fullmatch(of)) and found(of, folder) is None


def inside(path: Path, home: Path) -> bool:
    """Whether a file really lies in a folder, links followed, and is none of its hidden ones."""
    try:
        real, root = path.resolve(), home.resolve()
    except (ValueError, RuntimeError, OSError):  # a zero in the name, links in a ring, too long a name
        return False
    return real.is_relative_to(root) and not any(part.startswith(".") for part in real.relative_to(root).parts)


def _paths(settings: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    for name, value in settings.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Path):
                yield name, one
