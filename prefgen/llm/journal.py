"""Every reply ever paid for, by what was asked: the cache, the resume and the ledger.

Commits go in groups: while one is under way, what comes in makes the next. A reply is on stable storage before anyone
reads it, so a crash can cost only what was in flight. Nothing is ever updated or deleted.
"""

import asyncio
import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefgen.errors import RowFailed, RunError, TryAgain
from prefgen.llm.request import Raw
from prefgen.llm.store import (
    ATTEMPT,
    BATCH,
    FAILURE,
    REPLY,
    Cost,
    Insert,
    Sqlite,
    Store,
    is_full,
    opened,
    trouble,
)
from prefgen.llm.stored import LARGEST, Entry, is_sound, packed, unpack
from prefgen.texts import sound

__all__ = ["LARGEST", "Attempt", "Entry", "Journal", "is_sound", "packed", "unpack"]

GROUP = 64
"""Replies in one commit at most; measured: larger groups gain nothing over 64."""
LOW_WATER = 128 * 2**20
"""Bytes that must be free before a request is sent: four times what 256 replies in flight of 32,000 tokens come to."""
LOOKS = 16
"""Requests for which one look at the file system does: what they can bring is little beside LOW_WATER."""


@dataclass(frozen=True)
class Attempt:
    """A request that brought no reply; kept for the record, never taken for an answer. ``dollars`` is the most that it
    may have cost, where it may have been billed.
    """

    key: bytes
    kind: str
    message: str
    billed: bool = False
    dollars: float = 0.0


class Journal:
    """Replies in a store. ``get`` reads at once; ``put`` returns when the reply is on stable storage."""

    def __init__(self, path: Path, *, store: Store | None = None, low_water: int = LOW_WATER) -> None:
        self.path, self.low_water = path, low_water
        self.store = store or Sqlite(path)
        self._open, self._busy = True, False
        self._looks = 0
        self._waiting: list[_Job] = []
        self._held: list[Insert] = []
        self._task: asyncio.Task[None] | None = None
        self._take_back()

    def get(self, key: bytes) -> Raw | None:
        """The reply kept under this key, or None. Raises RunError for one whose checksum is wrong."""
        found = self.store.find(key)
        return None if found is None else self._unpacked(key, *found)

    def there(self, keys: Sequence[bytes]) -> dict[bytes, Raw]:
        """Those of these keys that replies are kept under, with them. Raises RunError as ``get`` does."""
        return {key: self._unpacked(key, *found) for key, found in self.store.find_all(keys).items()}

    def all_of(self, keys: Sequence[bytes]) -> list[Raw] | None:
        """The replies kept under these keys, or None where one of them is not. Raises RunError as ``get`` does."""
        found = self.there(keys)
        return [found[key] for key in keys] if all(key in found for key in keys) else None

    def _unpacked(self, key: bytes, body: bytes, crc: int) -> Raw:
        if not is_sound(key, body, crc):
            cure = f"`prefgen verify {self.path.parent} --mend` lets it be asked again"
            raise RunError(f"{self.path}: the reply {key.hex()[:16]} is damaged on disk; {cure}")
        return unpack(body)

    def has(self, key: bytes) -> bool:
        """Whether a reply is kept under this key."""
        return self.store.has(key)

    async def put(self, entries: Sequence[Entry]) -> None:
        """Keeps replies; returns after the commit that holds them all. The first reply to a key stays."""
        await self.keep(Insert(REPLY, [packed(entry) for entry in entries]))

    async def note(self, attempt: Attempt) -> None:
        """Keeps the record of a request that failed."""
        await self.keep(noted(attempt))

    def jot(self, attempt: Attempt) -> None:
        """The same where nobody can wait: it is kept with the next commit, or when the journal is closed."""
        if self._open:
            self._waiting.append(_Job(noted(attempt), asyncio.get_running_loop().create_future()))

    async def lose(self, keys: Sequence[bytes], fault: TryAgain | RowFailed, lost: Exception) -> None:
        """Keeps the record of draws that a run goes on without, where ``lost`` says that it does, in one commit."""
        notes = [self.note(Attempt(keys[0], fault.reason, str(fault)))] if isinstance(fault, RowFailed) else []
        if isinstance(lost, RowFailed):
            words = sound(str(lost)[:2000])
            notes.append(self.keep(Insert(FAILURE, [(key, lost.reason, words, time.time()) for key in keys])))
        await asyncio.gather(*notes)

    def failures(self) -> Mapping[bytes, tuple[str, str]]:
        """Of each draw that a run went on without, the last reason and its words; some have a reply since then."""
        return self.store.failures()

    def cost(self, key: bytes) -> Cost | None:
        """Tokens in, tokens out, and dollars of the reply kept under this key. Of several draws that one request
        brought, all stand at the first.
        """
        return self.store.cost(key)

    def __len__(self) -> int:
        return self.store.count()

    def spent(self) -> float:
        """Dollars that everything in here cost, or may have cost."""
        return self.store.spent()

    def check_room(self) -> None:
        """Raises RunError where so little is free that what comes in might not be kept."""
        self._looks += 1
        if self._looks % LOOKS != 1:
            return
        if (free := self.store.room()) < self.low_water:
            need = f"{self.low_water / 2**20:,.0f} MB are wanted before more is sent"
            raise RunError(
                f"{self.path.parent}: only {free / 2**20:,.0f} MB are free, {need}; free some space and run the same "
                "command again: what was received is kept"
            )

    def close(self) -> None:
        """Keeps what still waits, beside the file where there is no room in it, and closes."""
        self._open = False
        left = [*self._held, *(job.insert for job in self._waiting)]
        self._held, self._waiting = [], []
        try:
            if left:
                self._save(left)
        finally:
            self.store.close()

    # --- commits ---

    async def keep(self, insert: Insert) -> None:
        """Keeps rows; returns after the commit that holds them."""
        if not self._open:
            raise RunError(f"{self.path}: is closed; what came in now is not kept")
        job = _Job(insert, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        if not self._busy:
            self._busy, self._task = True, asyncio.create_task(self._drain())
        try:
            await job.done
        except sqlite3.Error as e:
            raise trouble(self.path, e) from e

    async def _drain(self) -> None:
        """Commits what waits, group by group."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                error = await self._commit(group)
                alone = error is not None and len(group) > 1  # so that one bad row does not cost its neighbours
                for job in group:
                    self._tell(job, await self._commit([job]) if alone else error)
        finally:
            self._busy = False

    async def _commit(self, group: Sequence["_Job"]) -> Exception | None:
        try:
            await self.store.commit([job.insert for job in group])
        except Exception as e:  # noqa: BLE001  # whatever it is, those who wait are told, and the next group has its turn
            return e
        return None

    def _tell(self, job: "_Job", error: Exception | None) -> None:
        if error and is_full(error):
            self._held.append(job.insert)  # paid for: it is kept when there is room, or beside the file
        if job.done.done():
            return
        if error:
            job.done.set_exception(error if isinstance(error, sqlite3.Error) else sqlite3.Error(str(error)))
            job.done.exception()  # where nobody waits any more, that is no fault
        else:
            job.done.set_result(None)

    # --- where there is no room ---

    def _save(self, inserts: Sequence[Insert]) -> None:
        """Into the file, else beside it, else into the system's folder for such things."""
        try:
            self.store.write(inserts)
        except sqlite3.Error as e:
            for path in self._beside():
                if _wrote(path, inserts):
                    return
            raise trouble(self.path, e) from e

    def _beside(self) -> list[Path]:
        name = hashlib.sha256(str(self.path.resolve()).encode()).hexdigest()[:16]
        return [self.path.with_suffix(".spill.sqlite"), Path(tempfile.gettempdir()) / f"prefgen-{name}.spill.sqlite"]

    def _take_back(self) -> None:
        """Brings home what an earlier run had to leave beside the file."""
        for path in self._beside():
            if _is_ours(path):
                self.store.write(_inserts(path))
                for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
                    file.unlink(missing_ok=True)


@dataclass
class _Job:
    """Rows to keep, and the future of the one who waits for their commit."""

    insert: Insert
    done: "asyncio.Future[None]"


def _is_ours(path: Path) -> bool:
    """Whether a file is there that we may have written: no link, and nobody else's, for that folder is everybody's."""
    if path.is_symlink() or not path.is_file():
        return False
    return not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()


def _wrote(path: Path, inserts: Sequence[Insert]) -> bool:
    if not _is_ours(path) and os.path.lexists(path):
        return False
    try:
        path.touch(mode=0o600)  # nobody else's to read
        beside = Sqlite(path)
        try:
            beside.write(inserts)
        finally:
            beside.close()
    except (sqlite3.Error, OSError, RunError):
        return False
    return True


def _inserts(path: Path) -> list[Insert]:
    found = opened(path)
    try:
        tables = {REPLY: "reply", ATTEMPT: "attempt", FAILURE: "failure", BATCH: "batch"}
        return [Insert(to, found.execute(f"SELECT * FROM {name}").fetchall()) for to, name in tables.items()]  # noqa: S608
    finally:
        found.close()


def noted(attempt: Attempt) -> Insert:
    """A row of the attempt table."""
    words, billed = sound(attempt.message[:2000]), int(attempt.billed)
    return Insert(ATTEMPT, [(attempt.key, attempt.kind, words, billed, time.time(), attempt.dollars)])
