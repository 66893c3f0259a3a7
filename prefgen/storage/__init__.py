"""Files that are written once, where several machines see them: a folder, NFS, an object store."""

import os
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from prefgen.errors import RunError
from prefgen.folders import FULL_OR_FORBIDDEN, no_room
from prefgen.storage.disk import Disk
from prefgen.storage.faults import PATIENCE, Sleep, scrubbed, tried
from prefgen.storage.remote import Remote

AT_ONCE = 16
"""Files that are removed at once."""
ALL = "."
"""All of it, where a folder is named."""
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@=+,-]*")
"""What stands between two slashes of a name; half-written files begin with a dot."""

T = TypeVar("T")
Place = Disk | Remote


class Storage:
    """Files that are written once, under any path that fsspec knows: a folder, NFS, ``s3://bucket/run``.

    What fails and may pass is tried again for ``patience`` seconds; ``sleep`` waits between tries. All of it blocks:
    within a loop, call it by ``asyncio.to_thread``. It may be used from several threads, in a process that was forked,
    and be sent to another one. Raises RunError for a scheme that is unknown, for a package that is missing, and where
    something cannot be done: no such bucket, access denied, a full disk.
    """

    def __init__(self, url: str | Path, *, patience: float = PATIENCE, sleep: Sleep = time.sleep) -> None:
        self.url, self.shared = _told_apart(str(url))
        self.shown = scrubbed(self.url)
        """The address as people may see it, without a name and a password in it."""
        self.patience, self.sleep = patience, sleep
        self._place, self._process = _placed(self.url, shared=self.shared), os.getpid()

    def __reduce__(self) -> tuple[Any, ...]:
        return Storage, (self.url,)

    def put(self, name: str, content: bytes) -> None:
        """Writes a file, all of it or nothing; returns when it is on stable storage. A name that is there stays, for
        what is under it follows from it.
        """
        self._tried(name, lambda place: place.put(name, content))

    def get(self, name: str) -> bytes | None:
        """A file's content; None where it is not there."""
        return self._tried(name, lambda place: place.get(name))

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return self._tried(name, lambda place: place.has(name))

    def names(self, folder: str = "") -> list[str]:
        """The names of all files below a folder, sorted, as ``get`` takes them; none that is half written."""
        found = self._tried(folder or ALL, lambda place: list(place.names(folder)))
        return sorted(name for name in found if _is_name(name))

    def remove(self, names: Iterable[str]) -> None:
        """Takes away those of these files that are there."""
        all_names = list(names)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(lambda name: self._tried(name, lambda place: place.remove(name)), all_names))
        self._here().tidy(all_names)

    def _tried(self, name: str, do: Callable[[Place], T]) -> T:
        where = self.shown if name == ALL else f"{self.shown}/{name}"
        if name != ALL and not _is_name(name):
            raise RunError(f"{where}: is no name of a file in a storage; name it by letters, digits, and _ . - = + , @")
        place = self._here()
        try:
            return tried(lambda: do(place), where, self.patience, self.sleep)
        except RunError as e:
            if not self.shared and isinstance(e.__cause__, OSError) and e.__cause__.errno in FULL_OR_FORBIDDEN:
                raise no_room(Path(self.url) / name, e.__cause__) from e.__cause__
            raise

    def _here(self) -> Place:
        """A process that was forked has connections of its own."""
        if self._process != os.getpid():
            self._place, self._process = _placed(self.url, shared=self.shared), os.getpid()
        return self._place


def _is_name(name: str) -> bool:
    return all(_PART.fullmatch(part) for part in name.split("/"))


def _told_apart(url: str) -> tuple[str, bool]:
    """An address as it is, a path as it is from everywhere; and whether it is an address."""
    scheme, there, _ = url.partition("://")
    if not there or scheme.lower() in {"file", "local"}:
        return str(Path(url2pathname(urlsplit(url).path) if there else url).absolute()), False
    if "::" in url:
        raise RunError(f"{scrubbed(url)}: one storage behind another is none; name the last one alone")
    return url.rstrip("/"), True


def _placed(url: str, *, shared: bool) -> Place:
    return Remote(url) if shared else Disk(Path(url))
