"""Files that are written once, where several machines see them: a folder, NFS, an object store."""

import os
from collections.abc import Iterable
from pathlib import Path


class Storage:
    """Files that are written once, under any path that fsspec knows: a folder, NFS, ``s3://bucket/run``.

    All of it blocks; within a loop, call it by ``asyncio.to_thread``. It may be used from several threads, and from a
    process that was forked. Raises RunError for an unknown scheme and for a package that is missing.
    """

    def __init__(self, url: str | Path) -> None:
        self.url = str(url) if "://" in str(url) else os.path.abspath(url)
        self.shared = "://" in self.url
        """False for a plain path, which all nodes must see."""

    def put(self, name: str, content: bytes) -> None:
        """Writes a file, all of it or nothing; returns when it is on stable storage. A name that is there stays, for
        what is under it follows from it.
        """
        raise NotImplementedError

    def get(self, name: str) -> bytes | None:
        """A file's content; None where it is not there."""
        raise NotImplementedError

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        raise NotImplementedError

    def names(self, folder: str = "") -> list[str]:
        """The names of all files below a folder, sorted, as ``get`` takes them; none that is half written."""
        raise NotImplementedError

    def remove(self, names: Iterable[str]) -> None:
        """Takes away those of these files that are there."""
        raise NotImplementedError
