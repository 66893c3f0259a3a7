"""A run's folder, and nothing else, is where a run writes; and a folder is there whole, or as it was."""

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from prefgen.errors import RunError

OWN = (
    "dataset",
    "tables",
    "files",
    "gates",
    "take-",
    "run.json",
    "recipe.yaml",
    "results.json",
    "report.html",
    "journal.sqlite",
    "batches",
    "ranges",
    ".",
)
"""How the names begin of what a run writes; what else lies in its folder is its user's."""
MARKS = ("run.json", "journal.sqlite", ".lock")
"""By one of these a run's folder is known."""
AGAIN = "run the recipe again, which asks nothing anew"
MADE_ANEW = ("dataset", "tables")
"""What a run puts in the place of what stood there."""


def journal_of(place: Path) -> Path:
    """The journal of the run in this folder."""
    return place / "journal.sqlite"


def home_of(place: Path) -> Path:
    """The folder that holds the journal of what was written here: a pilot's is the whole run's."""
    return place.parent if place.name.startswith("take-") and not journal_of(place).exists() else place


def account(place: Path) -> dict[str, Any] | None:
    """What run.json tells of a run; None where it is not there. Raises RunError for a damaged one, and for a table that
    it knows of and that is gone.
    """
    path = place / "run.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as e:
        raise RunError(f"{path}: {e.strerror or e}; let it be read") from e
    except ValueError as e:
        raise damaged(path) from e
    if not isinstance(told, dict):
        raise damaged(path)
    for name in told["sha256"] if isinstance(told.get("sha256"), dict) else ():
        if name.startswith("tables/") and not (place / name).is_file():
            raise RunError(f"{place / name}: is gone; {AGAIN}")
    return told


def damaged(path: Path) -> RunError:
    """A run.json that is none."""
    return RunError(f"{path}: is damaged; {AGAIN}")


def untold(place: Path) -> RunError:
    """A folder in which no run tells of itself: its pilots do, or one was killed, or none was there."""
    if pilots := sorted(path.parent for path in place.glob("take-*/run.json")):
        return RunError(f"{place}: only pilots are here; name one, such as {pilots[0]}")
    if journal_of(place).exists():
        return RunError(f"{place}: a run was ended here before it could tell of itself; {AGAIN}")
    return RunError(f"{place}: no run is here; name a run's folder, such as runs/quickstart")


def check(home: Path, *, named: bool, cure: str = "take it away, or name another folder with --out") -> None:
    """Raises RunError where a link in a run's folder leads what is written elsewhere: a recipe may come in a folder
    with links of its maker's. The folder itself may be one where its user ``named`` it.
    """
    if home.is_symlink() and not named:
        raise _leads_away(home, cure)
    for path in _own(home):
        if path.is_symlink():
            raise _leads_away(path, cure)


def free(home: Path) -> None:
    """Raises RunError where a run would put its own in the place of what is not a run's."""
    if not any((home / mark).exists() for mark in MARKS):
        for path in (home / name for name in MADE_ANEW):
            if path.exists():
                raise RunError(f"{path}: is no run's, and a run would take its place; name another folder with --out")


def _own(home: Path) -> Iterator[Path]:
    """All that lies where a run writes."""
    try:
        found = sorted(path for path in home.iterdir() if path.name.startswith(OWN)) if home.is_dir() else []
    except OSError:  # whoever writes there says what is wrong
        found = []
    for path in found:
        yield path
        if not path.is_symlink():
            yield from path.rglob("*")


def _leads_away(path: Path, cure: str) -> RunError:
    return RunError(f"{path}: is a link, and a run writes into its own folder alone; {cure}")


@contextmanager
def placed(folder: Path) -> Iterator[Path]:
    """A fresh folder to fill, which takes this one's place once all of it is on disk; where filling it fails, what was
    there is as it was. Raises OSError for a disk that is full or forbidden, RunError for the folder one is in.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100  # a link may be its last part, and stays one
    if folder == Path.cwd():
        raise RunError(f"{folder}: is the folder that you are in, and cannot be replaced; name another with --out")
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        _settle(fresh)
        _swap(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def put(path: Path, text: str) -> None:
    """Writes a file, and the folder that it lies in: all of it, or what was there is as it was. Raises OSError."""
    _written(path, path.with_name(f".{path.name}.partial"), text.encode(), settle=False)


def put_once(path: Path, content: bytes) -> None:
    """The same of a file that others may write at this moment, all of them with this content; it is on stable storage
    when this returns, and so are the names of its folders.
    """
    fresh = [folder for folder in path.parents if not folder.exists()]
    _written(path, path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial"), content, settle=True)
    for folder in (path.parent, *(one.parent for one in fresh)):
        durable(folder)


def _written(path: Path, partial: Path, content: bytes, *, settle: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            if settle:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    finally:
        swept(partial)


def swept(partial: Path) -> None:
    """Takes away what was written of a file, where that can be done: where it cannot, whoever could not write it says
    what is wrong.
    """
    with suppress(OSError):
        partial.unlink(missing_ok=True)


def writable(place: Path) -> bool:
    """Whether files can be made in a folder, or in the one that it will lie in."""
    while not place.exists() and place != place.parent:
        place = place.parent
    return os.access(place, os.W_OK)


def _settle(folder: Path) -> None:
    """Waits until a folder and all in it are on stable storage."""
    for path in (*folder.rglob("*"), folder):
        durable(path)


def durable(path: Path) -> None:
    """Waits until a file, or a folder's names, are on stable storage."""
    if os.name != "posix":  # elsewhere folders cannot be opened
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _swap(fresh: Path, folder: Path) -> None:
    """Puts a folder in place of another one; that one stays where the last step fails."""
    old = folder.with_name(f".{folder.name}.old")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
FULL_OR_FORBIDDEN = FORBIDDEN | {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
KEPT = "run the same command again: every reply received is kept"


def no_room(path: Path, error: OSError, again: str = KEPT) -> RunError:
    """A full or forbidden disk, in words that say what would do: ``again`` says how to go on then."""
    cure = "make its folder writable" if error.errno in FORBIDDEN else "make room"
    return RunError(f"{path}: {error.strerror or error}; {cure} and {again}")


# --- one run at a time ----------------------------------------------------------------------


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Holds a run's folder, so that two runs never write it at once; the hold ends with the process."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        handle = os.open(place / ".lock", os.O_RDWR | os.O_CREAT)
    except OSError as e:
        raise RunError(f"{place}: {e.strerror}; name another folder with --out") from e
    try:
        _lock(handle, place)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, place: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: SQLite's own lock still guards the journal
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        raise RunError(f"{place}: another run is writing here; wait for it, or name another folder with --out") from e
