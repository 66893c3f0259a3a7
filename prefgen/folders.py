"""A run's folder, and nothing else, is where a run writes; and a folder is there whole, or as it was."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefgen.errors import RunError


def check(home: Path, *, named: bool) -> None:
    """Raises RunError where a link in a run's folder leads what is written elsewhere: a recipe may come in a folder
    with links of its maker's. The folder itself may be one where its user ``named`` it.
    """
    links = [] if named or not home.is_symlink() else [home]
    links += [path for path in home.rglob("*") if path.is_symlink()]
    if links:
        what = f"{links[0]}: is a link, and a run writes into its own folder alone"
        raise RunError(f"{what}; take it away, or name another folder with --out")


@contextmanager
def placed(folder: Path) -> Iterator[Path]:
    """A fresh folder to fill, which takes this one's place once all of it is on disk; where filling it fails, what was
    there is as it was. Raises OSError for a disk that is full or forbidden.
    """
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        _settle(fresh)
        _swap(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _settle(folder: Path) -> None:
    """Waits until a folder and all in it are on stable storage."""
    if os.name != "posix":  # elsewhere folders cannot be opened
        return
    for path in (*folder.rglob("*"), folder):
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
