"""What a person says of pairs: agree, disagree, or a better text; in a file beside the run, a line a mark.

    runs/mine/marks.jsonl   {"pair_id": …, "mark": "agree", "text": "", "at": "2026-11-25T22:50:01Z", "texts": "9f…"}

Lines are only ever added, and each is on stable storage before it is called saved; the last one of a pair counts, and
one without a mark takes it back. A process that is killed in the middle of a line costs that line. ``texts`` is a hash
of the texts that were looked at: a mark counts as long as they are what they were.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from prefgen.asker import canonical
from prefgen.errors import RunError, nearest
from prefgen.folders import durable, no_room
from prefgen.texts import sound

FILE = "marks.jsonl"
Said = Literal["agree", "disagree", "edit"]
SAYS = get_args(Said)
LONGEST = 10_000_000
"""Characters of an edited text: above any response that a model writes."""


@dataclass(frozen=True)
class Mark:
    """One mark: ``text`` is what the chosen response should have been, where it was edited; ``at`` is when, in UTC."""

    pair_id: str
    mark: Said
    text: str
    at: str
    texts: str

    def shown(self) -> dict[str, str]:
        """What a pair's row holds of it."""
        return {"mark": self.mark, "text": self.text, "at": self.at}


class Marks:
    """The marks in a run's folder; other processes may add to them. Raises RunError for a file that cannot be read or
    written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.damaged = 0
        self._known: dict[str, Mark] = {}
        self._seen: tuple[int, int] | None = None

    def known(self) -> Mapping[str, Mark]:
        """The last mark of each pair, by its id. ``damaged`` lines are counted and passed over."""
        if (seen := self._stamp()) != self._seen:
            self._known, self.damaged = self._read() if seen else ({}, 0)
            self._seen = seen
        return self._known

    def put(self, pair_id: str, mark: str, text: str, texts: str) -> Mark:
        """Saves a mark; when this returns it outlives the machine's power."""
        if mark not in SAYS:
            raise RunError(f"a mark is '{mark:.60}'; {nearest(mark, SAYS)}")
        if len(text) > LONGEST:
            raise RunError(f"the text has {len(text):,} characters; a mark may hold {LONGEST:,}")
        made = Mark(pair_id, mark, sound(text) if mark == "edit" else "", _now(), texts)  # type: ignore[arg-type]
        self._add(asdict(made))
        return made

    def take_back(self, pair_id: str) -> None:
        """Takes a pair's mark away."""
        if pair_id in self.known():
            self._add({"pair_id": pair_id, "mark": None, "at": _now()})

    # --- the file ---

    def _stamp(self) -> tuple[int, int] | None:
        try:
            about = self.path.stat()
        except OSError:
            return None
        return about.st_size, about.st_mtime_ns

    def _read(self) -> tuple[dict[str, Mark], int]:
        known, damaged = dict[str, Mark](), 0
        try:
            with self.path.open("rb") as file:
                for line in file:
                    said = _parsed(line)
                    damaged += said is None
                    if isinstance(said, Mark):
                        known[said.pair_id] = said
                    elif said:
                        known.pop(said, None)
        except OSError as e:
            raise RunError(f"{self.path}: {e.strerror or e}; marks cannot be read from there") from e
        return known, damaged

    def _add(self, line: Mapping[str, Any]) -> None:
        """Adds a line, whole: one that a killed process left behind is ended first."""
        data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        fresh = not self.path.exists()
        try:
            with _opened(self.path) as handle:
                _written(handle, data if _ends_whole(handle) else b"\n" + data)
                os.fsync(handle)
            if fresh:
                durable(self.path.parent)
        except OSError as e:
            raise no_room(self.path, e, "set it again: marks that were saved are kept") from e


def _parsed(line: bytes) -> Mark | str | None:
    """A mark; the id of a pair whose mark was taken back; nothing of a damaged line."""
    try:
        said = json.loads(line)
        if said["mark"] is None:
            return str(said["pair_id"])
        names = ("pair_id", "mark", "text", "at", "texts")
        return Mark(*(str(said[name]) for name in names)) if said["mark"] in SAYS else None  # type: ignore[arg-type]
    except (ValueError, KeyError, TypeError):
        return None


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The file to add to, held so that no other adds in between. No link is followed: a run may be a stranger's."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        with suppress(ImportError):  # Windows: one server is all that there is
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _ends_whole(handle: int) -> bool:
    """Whether the last line has its end."""
    if not os.fstat(handle).st_size:
        return True
    os.lseek(handle, -1, os.SEEK_END)
    return os.read(handle, 1) == b"\n"


def _written(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def texts_of(row: Mapping[str, Any]) -> str:
    """A hash of what a person looks at: prompt, chosen and rejected of a whole pair."""
    return hashlib.sha256(
        canonical([row["prompt"], row["chosen"], row["rejected"]]).encode("utf-8", "surrogatepass")
    ).hexdigest()[:16]
