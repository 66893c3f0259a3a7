"""What a data file holds, as far as a recipe must say: the column of its prompts, guessed by names and first rows."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.asker import as_text
from prefgen.errors import Problem, RecipeError, nearest
from prefgen.sources._columns import cells, plain
from prefgen.sources._layouts import with_prompts
from prefgen.sources._raw import Opened, Raw, Wanted
from prefgen.sources._read import LoadError, read

FEW = 20
"""Rows that are looked at."""
LIKELY = (
    "prompt",
    "instruction",
    "question",
    "query",
    "problem",
    "task",
    "goal",
    "request",
    "input",
    "user",
    "messages",
    "conversation",
    "conversations",
    "turns",
    "text",
    "content",
)
"""Names of columns that hold prompts in what others publish, the likeliest first."""


@dataclass(frozen=True)
class Looked:
    """A source as a recipe names it, where it lies seen from here, the column of its prompts (empty: ``load`` finds it
    by itself), all columns, and the first prompt.
    """

    source: str
    place: str
    column: str
    columns: Sequence[str]
    first: str


def looked(data: str, folder: Path, column: str | None = None) -> Looked:
    """A file of prompts, a dataset's folder, or ``owner/name`` on the Hub, for a recipe in a folder. Raises RecipeError
    where it cannot be read, and where no column looks like prompts.
    """
    source, place = named(data, folder), str(Path(data).expanduser().resolve()) if Path(data).exists() else data
    try:
        opened = read(place, Wanted(LIKELY, frozenset(), FEW))
        found = _column(opened, column)
        layout = not column and with_prompts(opened.name, opened.columns)
        first = "" if layout else _first(place, found)
        return Looked(source, place, "" if layout or found == "prompt" else found, opened.columns, first)
    except LoadError as e:
        what, _, cure = str(e).partition("; ")
        raise RecipeError([Problem("--data", "", what, cure)]) from e


def named(data: str, folder: Path) -> str:
    """How a recipe in a folder names a file: from there, where it does not lead far; what is no path stays."""
    path = Path(data).expanduser()
    if not path.exists():
        return data
    near = os.path.relpath(path, folder)
    return Path(near).as_posix() if near.count("..") <= 1 else path.resolve().as_posix()


def _column(opened: Opened, column: str | None) -> str:
    """The column of the prompts: what is said, if it is there, or a guess. Raises RecipeError where there is none."""
    if column:
        root = column.partition(".")[0]
        if not {column, root} & {*opened.columns}:
            what, cure = f"{opened.name} has no column '{column}'", nearest(root, opened.columns)
            raise RecipeError([Problem("--column", "", what, cure)])
        return column
    found = "prompt" if with_prompts(opened.name, opened.columns) else _guessed(opened)
    if not found:
        what, has = f"no column of {opened.name} looks like prompts", ", ".join(opened.columns[:FEW])
        raise RecipeError([Problem("--data", "", what, f"say which with --column; it has {has}")])
    return found


def _guessed(opened: Opened) -> str:
    """The likeliest column: of a known name, or with one in its name, or the only one."""
    names = list(opened.columns)
    likely = [name for name in LIKELY if name in names]
    likely += [name for known in LIKELY for name in names if known in name.lower() and name not in likely]
    likely += names if len(names) == 1 else []
    rows = _rows(opened)
    for name in likely:
        value = next((row[name] for row in rows if row.get(name)), None)
        if isinstance(value, list) and value and isinstance(value[0], str):
            return f"{name}.0"
        if value is None or isinstance(value, str | list):
            return name
    return ""


def _rows(opened: Opened) -> list[dict[str, Any]]:
    found = next(opened.rows(), [])
    return found.to_dicts() if isinstance(found, pl.DataFrame) else [dict(row) for row in found]


def _first(place: str, column: str) -> str:
    """The first prompt, on one line."""
    opened = read(place, Wanted((column,), frozenset(), FEW))
    found = next(opened.rows(), [])
    values = cells(Raw(opened.name, opened.columns, found), column)
    first = next((value for value in plain(values) if value), "")
    return " ".join(str(as_text(first)).split())
