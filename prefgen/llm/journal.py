"""Every reply ever paid for, by what was asked: the cache, the resume and the ledger.

One SQLite file (WAL, ``synchronous=FULL``), one thread that writes, commits in groups. A reply is on stable
storage before anyone reads it, so a crash can cost only what was in flight. Nothing is ever updated or deleted.
"""

import asyncio
import json
import queue
import sqlite3
import threading
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from prefgen.errors import RunError
from prefgen.llm.request import Raw
from prefgen.texts import sound

VERSION = 1
GROUP = 64
"""Replies in one commit at most; measured: larger groups gain nothing over 64."""

_TABLES = """
CREATE TABLE IF NOT EXISTS reply (
    key BLOB NOT NULL UNIQUE, body BLOB NOT NULL, crc INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, dollars REAL,
    model TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS attempt (
    key BLOB NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL, billed INTEGER NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Entry:
    """A reply to be kept: its key, the provider's own JSON, and what it cost (dollars None where no price is known)."""

    key: bytes
    raw: Raw
    prompt_tokens: int = 0
    completion_tokens: int = 0
    dollars: float | None = None
    model: str = ""


@dataclass(frozen=True)
class Attempt:
    """A request that brought no reply; kept for the record, never taken for an answer."""

    key: bytes
    kind: str
    message: str
    billed: bool = False


class Journal:
    """Replies on disk. ``get`` reads at once; ``put`` returns when the reply is on stable storage."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader, self._writer = _open(path), _open(path)
        except (sqlite3.Error, OSError) as e:
            raise _trouble(path, e) from e
        self._open = True
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def get(self, key: bytes) -> Raw | None:
        """The reply kept under this key, or None. Raises RunError for one whose checksum is wrong."""
        found = self._reader.execute("SELECT body, crc FROM reply WHERE key = ?", (key,)).fetchone()
        if found is None:
            return None
        body, crc = found
        if zlib.crc32(body) != crc:
            raise RunError(f"{self.path}: the reply {key.hex()[:16]} is damaged on disk; restore the file from a copy")
        return _unpack(body)

    def has(self, key: bytes) -> bool:
        """Whether a reply is kept under this key."""
        return self._reader.execute("SELECT 1 FROM reply WHERE key = ?", (key,)).fetchone() is not None

    async def put(self, entries: Sequence[Entry]) -> None:
        """Keeps replies; returns after the commit that holds them all. The first reply to a key stays."""
        rows = [_packed(entry) for entry in entries]
        await self._send(_Job("INSERT OR IGNORE INTO reply VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows))

    async def note(self, attempt: Attempt) -> None:
        """Keeps the record of a request that failed."""
        row = (attempt.key, attempt.kind, sound(attempt.message[:2000]), int(attempt.billed), time.time())
        await self._send(_Job("INSERT INTO attempt VALUES (?, ?, ?, ?, ?)", [row]))

    def __len__(self) -> int:
        return int(self._reader.execute("SELECT count(*) FROM reply").fetchone()[0])

    def close(self) -> None:
        """Commits what is queued and closes the file."""
        self._open = False
        self._queue.put(None)
        self._thread.join()
        self._reader.close()

    async def _send(self, job: "_Job") -> None:
        if not self._open:
            raise RunError(f"{self.path}: is closed; what came in now is not kept")
        self._queue.put(job)
        try:
            await asyncio.shield(job.done)
        except Exception as e:
            raise _trouble(self.path, e) from e

    def _write(self) -> None:
        """The writer thread: takes what has gathered, commits it as one group, tells those who wait."""
        stay = True
        while stay:
            jobs = [self._queue.get()]
            while len(jobs) < GROUP and not self._queue.empty():
                jobs.append(self._queue.get())
            stay = None not in jobs
            group = [job for job in jobs if job is not None]
            error = _commit(self._writer, group)
            alone = error is not None and len(group) > 1  # so that one bad row does not cost its neighbours
            for job in group:
                job.tell(_commit(self._writer, [job]) if alone else error)
        self._writer.close()


class _Job:
    """Rows for one statement, and the future of the coroutine that waits for their commit."""

    def __init__(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        self.statement, self.rows = statement, rows
        self.loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self.loop.create_future()

    def tell(self, error: Exception | None) -> None:
        try:
            self.loop.call_soon_threadsafe(self._tell, error)
        except RuntimeError:
            return  # the loop has ended; the rows are committed all the same

    def _tell(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error:
            self.done.set_exception(error)
        else:
            self.done.set_result(None)


def _commit(writer: sqlite3.Connection, jobs: Sequence[_Job]) -> Exception | None:
    if not jobs:
        return None
    try:
        writer.execute("BEGIN IMMEDIATE")
        for job in jobs:
            writer.executemany(job.statement, job.rows)
        writer.execute("COMMIT")
    except Exception as e:  # noqa: BLE001  # whatever it is, those who wait are told, and the thread lives on
        if writer.in_transaction:
            writer.execute("ROLLBACK")
        return e
    return None


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
    connection.execute("PRAGMA page_size = 16384")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.executescript(_TABLES)
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (str(VERSION),))
    (version,) = connection.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    if int(version) != VERSION:
        connection.close()
        raise RunError(f"{path}: written by another prefgen (journal version {version}, this one reads {VERSION})")
    return connection


def _packed(entry: Entry) -> tuple[Any, ...]:
    body = zstandard.compress(json.dumps(entry.raw, ensure_ascii=True, separators=(",", ":")).encode())
    tokens = (entry.prompt_tokens, entry.completion_tokens)
    return (entry.key, body, zlib.crc32(body), *tokens, entry.dollars, entry.model, time.time())


def _unpack(body: bytes) -> Raw:
    raw: Raw = json.loads(zstandard.decompress(body))
    return raw


def _trouble(path: Path, error: Exception) -> RunError:
    words = str(error)
    if "full" in words or "No space" in words or "disk I/O" in words:
        return RunError(f"{path}: {words}; free some space and run the same command again: what was received is kept")
    if "not a database" in words or "malformed" in words:
        return RunError(f"{path}: {words}; restore it from a copy, or move it away to start anew")
    return RunError(f"{path}: {words}")
