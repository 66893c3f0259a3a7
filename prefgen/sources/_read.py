"""What a source holds, before prompts are made of it: a file, a dataset folder, a dataset on the Hub, a frame.

It is gone through once for what it has and what is wrong with it, and then some rows at a time: of a million rows
some thousand are held. What its caller holds already is held as it is.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl

from prefgen.errors import nearest
from prefgen.kinds import as_frame
from prefgen.sources._datasets import dataset
from prefgen.sources._json import kind, lines, listed, whole_characters
from prefgen.sources._raw import LoadError, Opened, Raw, Rows, Wanted, slices
from prefgen.sources._tables import parquet, separated

__all__ = ["LoadError", "Opened", "Raw", "Wanted", "kind", "read"]

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def read(source: object, wanted: Wanted, folder: Path = Path()) -> Opened:
    """The rows of a source. Text is a file if it ends like one, else what lies at that path, else a dataset
    on the Hub. Raises LoadError; an empty frame is no error, for it has columns to plan with.
    """
    opened = _named(source, wanted, folder) if isinstance(source, str | Path) else _given(source, wanted)
    if not opened.height and not isinstance(source, pl.DataFrame):
        raise LoadError(f"{opened.name} has no rows; give it some, one prompt each")
    return opened


def _named(source: str | Path, wanted: Wanted, folder: Path) -> Opened:
    """The rows of a file, a folder or a dataset on the Hub."""
    path = _path(source, folder)
    reader = _READERS.get(path.suffix.lower())
    if path.suffix.lower() in _PICKLES:
        raise LoadError(f"{path} is a pickle or may be one, and runs code when it is opened; save its rows as Parquet")
    if path.resolve().parts[1:2] in _NO_FILES:
        raise LoadError(f"{path} is the system's, and no data; name a file of yours")
    with _told(path):
        if path.is_file() and not reader:
            raise LoadError(f"{path} is no kind of file that load reads; it reads {', '.join(_READERS)}")
        if path.is_file() and reader:
            was, opened = _stamp(path), reader(path, wanted)
            return replace(opened, rows=partial(_again, path, was, opened.rows))
        if path.is_dir():
            return dataset(str(path if path.name else path.resolve()), wanted)
        if path.exists():
            raise LoadError(f"{path} is no file and no folder; name a file of yours")
        if reader or not _HUB_ID.fullmatch(str(source)):
            raise LoadError(f"there is no {path}{_nearest_file(path)}")
    return dataset(str(source), wanted)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise LoadError(f"{path}: {e.strerror or e}") from e


def _stamp(path: Path) -> tuple[int, int]:
    return path.stat().st_size, path.stat().st_mtime_ns


def _again(path: Path, was: tuple[int, int], rows: Callable[[], Iterator[Rows]]) -> Iterator[Rows]:
    """A file's rows once more. Raises LoadError where they are others by now."""
    with _told(path):
        yield from rows()
        if _stamp(path) != was:
            raise LoadError(f"{path} was changed while it was read; run again when nobody writes to it")


def _path(source: str | Path, folder: Path) -> Path:
    """Where a source lies: in the recipe's folder, or else where the command runs."""
    try:
        path = folder / Path(source).expanduser()
        found = Path(source) if not path.exists() and Path(source).exists() else path
        found.resolve()
    except (OSError, ValueError, RuntimeError) as e:  # too long, half a character, the home of nobody, links in a ring
        raise LoadError(f"{str(source)[:60]!r} is no path: {getattr(e, 'strerror', None) or e}") from e
    return found


def _nearest_file(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent} either"
    names = {file.name for file in path.parent.iterdir() if file.is_dir() or file.suffix in _READERS}
    return f"; {nearest(path.name, names) or 'its folder holds nothing to load'}"


def _given(source: object, wanted: Wanted) -> Opened:
    """Rows that the caller holds already; mixed types are kept for lists of dicts."""
    rows: Rows
    if isinstance(source, list):
        found = source[: wanted.limit]
        if not all(isinstance(row, dict) for row in found):
            raise LoadError('the list holds rows that are no objects; a row looks like {"prompt": "…"}')
        name, columns = "the list", list(dict.fromkeys(name for row in found for name in row))
        rows = [whole_characters(row) for row in found]
    else:
        rows = _frame(source).head(wanted.limit) if wanted.limit else _frame(source)
        name, columns = "the table", rows.columns
    return Opened(name, columns, len(rows), partial(slices, rows, wanted.chunk))


def _frame(source: object) -> pl.DataFrame:
    try:
        return as_frame(source)
    except (TypeError, ValueError) as e:
        raise LoadError(f"{source!r:.60} is no source; name a file, a folder or a dataset") from e


_PICKLES = frozenset({".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".npy", ".npz", ".joblib", ".dill", ".shelve"})
_NO_FILES = (("proc",), ("sys",))
"""What looks like files and is the running system: /proc/self/environ holds every key."""

_READERS: dict[str, Callable[[Path, Wanted], Opened]] = {
    ".jsonl": lines,
    ".ndjson": lines,
    ".json": listed,
    ".csv": separated,
    ".tsv": separated,
    ".parquet": parquet,
}
