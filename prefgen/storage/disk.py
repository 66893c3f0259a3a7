"""Files of a storage that is a folder, on a disk or on a network's file system."""

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from prefgen.errors import TryAgain
from prefgen.folders import durable, put_once, swept

NOT_THERE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class Disk:
    """A folder. Raises OSError."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: str, content: bytes) -> None:
        """A file that is there may be another's, who was ended before its name was durable."""
        path = self.root / name
        if path.is_file():
            durable(path.parent)
            return
        try:
            put_once(path, content)
        except FileNotFoundError as e:  # somebody took away its folder, which was empty
            raise TryAgain("folder", f"{path.parent} was taken away", attempts=0) from e
        except PermissionError:
            if not path.is_file():  # where a file that is read cannot be replaced, it is there
                raise

    def get(self, name: str) -> bytes | None:
        """All bytes that the file has."""
        try:
            with (self.root / name).open("rb") as file:
                content, size = file.read(), os.fstat(file.fileno()).st_size
        except NOT_THERE:
            return None
        if len(content) != size:
            raise TryAgain("short", f"{len(content):,} of {size:,} bytes were read", attempts=0)
        return content

    def has(self, name: str) -> bool:
        """Whether it is a file."""
        return (self.root / name).is_file()

    def names(self, folder: str) -> Iterator[str]:
        """In no order."""
        for at, _, files in os.walk(self.root / folder, onerror=_unless_gone):
            for name in files:
                yield (Path(at) / name).relative_to(self.root).as_posix()

    def remove(self, name: str) -> None:
        """The file alone."""
        with suppress(*NOT_THERE):
            (self.root / name).unlink()

    def tidy(self, names: Collection[str]) -> None:
        """Takes away what was left half written of these, and folders that are empty now."""
        for folder in {(self.root / name).parent for name in names}:
            with suppress(OSError):  # what cannot be taken away is in nobody's way
                for path in [*folder.glob(".*.partial")]:
                    if path.name[1:].rsplit(".", 2)[0] in {Path(name).name for name in names}:
                        swept(path)
                for one in (folder, *folder.parents):
                    if one == self.root:
                        break
                    one.rmdir()


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, NOT_THERE):
        raise error
