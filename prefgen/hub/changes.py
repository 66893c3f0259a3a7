"""What a push would change of what is on the Hub."""

import re
from collections.abc import Iterable, Mapping
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
    as_it_is = {path for path, file in files.items() if holds(head, file)}
    left = tuple(path for path in others(head, last) if path not in files)
    gone = tuple(sorted({*head} - {*files, *left, _HUBS_OWN}))
    check_loaded([found["start"] for path in files if (found := _SHARD.fullmatch(path))], left)
    new = {path: file for path, file in files.items() if path not in head}
    other = {path: file for path, file in files.items() if path in head and path not in as_it_is}
    touched = [p for p in (*other, *gone) if p != MANIFEST and p in head and not _as_told(head[p], last.get(p))]
    same = tuple(files[path] for path in files if path in as_it_is)
    return Change(tuple(new.values()), tuple(other.values()), gone, same, tuple(touched), left)


def others(head: Mapping[str, There], last: Mapping[str, object]) -> tuple[str, ...]:
    """The files on the Hub that are neither prefgen's nor the Hub's own."""
    return tuple(sorted(path for path in head if path not in {*last, _HUBS_OWN} and not path.startswith(f"{OURS}/")))


def holds(head: Mapping[str, There], file: File) -> bool:
    """Whether a file is on the Hub as it is."""
    return file.path in head and head[file.path].holds(file.size, file.sha256, file.git)


def _as_told(there: There, told: Mapping[str, object] | None) -> bool:
    """Whether a file on the Hub is as the last push left it."""
    if told is None:
        return False
    same = told.get("sha256") == there.sha256 if there.sha256 else told.get("git") == there.git
    return same and there.size == told.get("size")


def check_loaded(starts: Iterable[str], left: Iterable[str]) -> None:
    """Raises RunError for somebody else's Parquet file that is loaded with files whose names start so."""
    known = tuple(starts)
    for path in left:
        if path.endswith(".parquet") and path.startswith(known):
            what = f"{path} on the Hub is not from prefgen, and would be loaded with this dataset"
            raise RunError(f"{what}; delete it there, or push to another name")
