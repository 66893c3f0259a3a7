"""What a push would change of what is on the Hub."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from prefgen.errors import RunError
from prefgen.hub.files import MANIFEST, OURS, File

_SHARD = re.compile(r"(?P<start>(?:.*/)?[\w.]+-)[^/]*\.parquet")
"""A shard, and what the names of all shards of its split start with, as the card's ``data_files`` have them."""


_HUBS_OWN = ".gitattributes"
"""What the Hub itself puts into a repository."""


@dataclass(frozen=True)
class There:
    """A file on the Hub: its size, its git blob id, and the SHA-256 of its content where it is in LFS."""

    size: int
    git: str
    sha256: str | None = None

    def holds(self, size: int, sha256: str, git: str) -> bool:
        """Whether its content is that of these hashes."""
        return self.size == size and (self.sha256 == sha256 if self.sha256 else self.git == git)


@dataclass(frozen=True)
class Change:
    """Files to add, to put in place of others, and to delete; those that are as they should be; and those over which
    somebody else wrote since the last push, or before the first, which will be ours again.
    """

    add: tuple[File, ...] = ()
    replace: tuple[File, ...] = ()
    delete: tuple[str, ...] = ()
    same: tuple[File, ...] = ()
    theirs: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def to_send(self) -> tuple[File, ...]:
        """The files whose bytes must be on the Hub."""
        return self.add + self.replace

    def __bool__(self) -> bool:
        return bool(self.add or self.replace or self.delete)


def change(files: Mapping[str, File], head: Mapping[str, There], last: Mapping[str, Mapping[str, object]]) -> Change:
    """What turns ``head`` into ``files``, where ``last`` are the files of the last push with their hashes.

    A file of the last push that is no more is deleted; a file of somebody else is left. Raises RunError for one that
    the card's own ``data_files`` would load beside ours.
    """
    as_it_is = {path for path, file in files.items() if path in head and _holds(head[path], file)}
    ours = {*last, *(path for path in head if path.startswith(f"{OURS}/"))}
    gone = tuple(sorted(path for path in head if path in ours and path not in files))
    left = tuple(sorted(path for path in head if path not in files and path not in {*ours, _HUBS_OWN}))
    _check_loaded(files, left)
    new = {path: file for path, file in files.items() if path not in head}
    other = {path: file for path, file in files.items() if path in head and path not in as_it_is}
    touched = [p for p in (*other, *gone) if p != MANIFEST and p in head and not _told(head[p], last.get(p))]
    same = tuple(files[path] for path in files if path in as_it_is)
    return Change(tuple(new.values()), tuple(other.values()), gone, same, tuple(touched), left)


def _holds(there: There, file: File) -> bool:
    return there.holds(file.size, file.sha256, file.git)


def _told(there: There, told: Mapping[str, object] | None) -> bool:
    """Whether a file on the Hub is as the last push left it."""
    if told is None:
        return False
    same = told.get("sha256") == there.sha256 if there.sha256 else told.get("git") == there.git
    return same and there.size == told.get("size")


def _check_loaded(files: Mapping[str, File], left: tuple[str, ...]) -> None:
    starts = {found["start"] for path in files if (found := _SHARD.fullmatch(path))}
    for path in left:
        found = _SHARD.fullmatch(path)
        if found and found["start"] in starts:
            what = f"{path} on the Hub is not from prefgen, and would be loaded with this dataset"
            raise RunError(f"{what}; delete it there, or push to another name")
