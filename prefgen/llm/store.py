"""The journal's file: SQLite (WAL, ``synchronous=FULL``), one thread that writes. Its recovery is SQLite's own."""

import asyncio
import shutil
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import tenacity

from prefgen.errors import RunError

VERSION = 3
"""Of the tables. 1 had no dollars beside an attempt, and checksums of bodies alone; 2 knew of no batches, and would pay
again for what is in one.
"""

SETUP = ("PRAGMA page_size = 16384", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
         "PRAGMA wal_autocheckpoint = 4000")  # fmt: skip
"""FULL: a commit has come back only when it is on stable storage, power or no power."""
TABLES = (
    """CREATE TABLE IF NOT EXISTS reply (
    key BLOB NOT NULL UNIQUE, body BLOB NOT NULL, crc INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, dollars REAL,
    model TEXT NOT NULL, at REAL NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS attempt (
    key BLOB NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL, billed INTEGER NOT NULL, at REAL NOT NULL,
    dollars REAL)""",
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS failure (
    key BLOB NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL, at REAL NOT NULL)""",
    "CREATE TABLE IF NOT EXISTS batch (tag TEXT NOT NULL, state TEXT NOT NULL, body BLOB NOT NULL, at REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS attempt_key ON attempt (key)",
    "CREATE INDEX IF NOT EXISTS failure_key ON failure (key)",
)
REPLY = "INSERT OR IGNORE INTO reply VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
"""The first reply to a key stays."""
ATTEMPT = "INSERT INTO attempt VALUES (?, ?, ?, ?, ?, ?)"
FAILURE = "INSERT INTO failure VALUES (?, ?, ?, ?)"
"""A draw that a run went on without. Its attempts do not tell this: they are of one draw of a request, and of tries."""
BATCH = "INSERT INTO batch VALUES (?, ?, ?, ?)"
"""What happened to a batch of requests; its last row says how it stands (``prefgen.llm.batch.ledger``)."""

AT_ONCE = 64
"""Rows in one step; a statement of each number of them is prepared, and kept."""
LOCKED = 30.0
"""Seconds to wait for another process that has the file."""
_is_locked = tenacity.retry_if_exception_message(match=".*locked")
_TURN, _PATIENCE = tenacity.wait_random(0.01, 0.1), tenacity.stop_after_delay(LOCKED)
"""Two that make the file at once: SQLite does not wait where a file is changed to WAL, so this does."""

Row = tuple[Any, ...]
Cost = tuple[int, int, float | None]
"""Tokens in, tokens out, and dollars; None where no price was known."""


class Insert(NamedTuple):
    """Rows for one statement."""

    statement: str
    rows: Sequence[Row]


class Store(Protocol):
    """Where a journal keeps its rows: on disk, or in a test's model of one."""

    path: Path

    async def commit(self, inserts: Sequence[Insert]) -> None:
        """Keeps all of these rows, or none; returns when they are on stable storage."""

    def write(self, inserts: Sequence[Insert]) -> None:
        """The same, where no loop runs."""

    def find(self, key: bytes) -> tuple[bytes, int] | None:
        """A reply's body and its checksum."""

    def find_all(self, keys: Sequence[bytes]) -> Mapping[bytes, tuple[bytes, int]]:
        """The same of those of these keys that there is a reply under."""

    def has(self, key: bytes) -> bool:
        """Whether there is a reply under this key."""

    def cost(self, key: bytes) -> Cost | None:
        """Tokens in, tokens out, and dollars of the reply under this key."""

    def failures(self) -> Mapping[bytes, tuple[str, str]]:
        """Of each draw that failed for good, the last kind of failure and its words."""

    def batches(self) -> Sequence[tuple[str, str, bytes]]:
        """What happened to batches, in order: tag, state, body."""

    def count(self) -> int:
        """How many replies there are."""

    def spent(self) -> float:
        """Dollars that all replies cost, and all faults that may have been billed."""

    def room(self) -> int:
        """Bytes that are free where the file lies."""

    def close(self) -> None:
        """Lets go of the file."""


class Sqlite:
    """A ``Store`` on disk. Raises RunError for what the machine's owner can mend, sqlite3.Error for a commit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader, self._writer = opened(path), opened(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")

    async def commit(self, inserts: Sequence[Insert]) -> None:
        """One transaction, in the thread that writes."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.write, inserts)

    def write(self, inserts: Sequence[Insert]) -> None:
        """One transaction."""
        with _transaction(self._writer):
            for statement, rows in _merged(inserts):
                self._insert(statement, rows)

    def _insert(self, statement: str, rows: Sequence[Row]) -> None:
        """In one step where there are few enough: at each step this thread lets go of the interpreter, and would wait
        for it again.
        """
        of = statement[: statement.index("(")]
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            values = statement[len(of) :]
            self._writer.execute(of + ", ".join([values] * len(some)), [value for row in some for value in row])

    def find(self, key: bytes) -> tuple[bytes, int] | None:
        """Read at once: a look-up takes some microseconds."""
        found: tuple[bytes, int] | None = self._one("SELECT body, crc FROM reply WHERE key = ?", key)
        return found

    def find_all(self, keys: Sequence[bytes]) -> Mapping[bytes, tuple[bytes, int]]:
        """Some in one statement: a statement takes longer than a look-up."""
        found: dict[bytes, tuple[bytes, int]] = {}
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            question = f"SELECT key, body, crc FROM reply WHERE key IN ({', '.join('?' * len(some))})"  # noqa: S608
            found |= {key: (body, crc) for key, body, crc in self._ask(question, some).fetchall()}
        return found

    def has(self, key: bytes) -> bool:
        """Asks the index alone."""
        return self._one("SELECT 1 FROM reply WHERE key = ?", key) is not None

    def cost(self, key: bytes) -> Cost | None:
        """As it was booked when the reply came in."""
        found: Cost | None = self._one("SELECT prompt_tokens, completion_tokens, dollars FROM reply WHERE key = ?", key)
        return found

    def failures(self) -> Mapping[bytes, tuple[str, str]]:
        """All at once: they are few, and have no index."""
        with told(self.path):
            rows = self._reader.execute("SELECT key, kind, message FROM failure ORDER BY rowid").fetchall()
        return {key: (kind, message) for key, kind, message in rows}

    def batches(self) -> Sequence[tuple[str, str, bytes]]:
        """All at once: some rows for each batch."""
        with told(self.path):
            return self._reader.execute("SELECT tag, state, body FROM batch ORDER BY rowid").fetchall()

    def count(self) -> int:
        """All rows of the table."""
        return int(self._one("SELECT count(*) FROM reply")[0])

    def spent(self) -> float:
        """What has a price."""
        return float(self._one("SELECT total(dollars) + (SELECT total(dollars) FROM attempt) FROM reply")[0])

    def _one(self, question: str, *values: Any) -> Any:
        return self._ask(question, values).fetchone()

    def _ask(self, question: str, values: Sequence[Any]) -> sqlite3.Cursor:
        try:
            return self._reader.execute(question, values)
        except (sqlite3.Error, OSError) as e:  # as ``told`` has it, without what that costs at each look-up
            raise trouble(self.path, e) from e

    def room(self) -> int:
        """As the file system says it; a quota may know better."""
        return shutil.disk_usage(self.path.parent).free

    def close(self) -> None:
        """Ends the thread when it has written what it was given."""
        self._thread.shutdown()
        self._writer.close()
        self._reader.close()


def _merged(inserts: Sequence[Insert]) -> list[tuple[str, list[Row]]]:
    """The rows of each statement together, in their order."""
    rows: dict[str, list[Row]] = {}
    for insert in inserts:
        rows.setdefault(insert.statement, []).extend(insert.rows)
    return list(rows.items())


def opened(path: Path) -> sqlite3.Connection:
    """A connection to a journal's file, which is made, or brought to this version, where need be."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=LOCKED, check_same_thread=False)
    try:
        for attempt in tenacity.Retrying(retry=_is_locked, wait=_TURN, stop=_PATIENCE, reraise=True):
            with attempt:
                _set_up(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    for statement in SETUP:
        connection.execute(statement)
    with _transaction(connection):  # one: a file for which there is little room begins with no more than it must
        for statement in TABLES:
            connection.execute(statement)
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (str(VERSION),))
    _brought_up(connection, path)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written within, or none of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _brought_up(connection: sqlite3.Connection, path: Path) -> None:
    """Makes an older version this one. Raises RunError for one that is not known."""
    (version,) = connection.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    if version in {"1", "2"}:
        _from_older(connection)
    elif version != str(VERSION):
        words = f"written by another prefgen (journal version {version}, this one reads {VERSION})"
        raise RunError(f"{path}: {words}; update prefgen, or name another folder with --out")


def _from_older(connection: sqlite3.Connection) -> None:
    """What versions 1 and 2 lack, but for tables, which are there. Of two processes the second finds it done."""
    with _transaction(connection):
        columns = [row[1] for row in connection.execute("PRAGMA table_info(attempt)")]
        if "dollars" not in columns:
            connection.execute("ALTER TABLE attempt ADD COLUMN dollars REAL")
            connection.create_function("bound", 3, _bound, deterministic=True)
            connection.execute("UPDATE reply SET crc = bound(key, body, crc)")
        connection.execute("UPDATE meta SET value = ? WHERE name = 'version'", (str(VERSION),))


def _bound(key: bytes, body: bytes, crc: int) -> int:
    """A checksum of version 1 as it is now; one that was wrong stays so."""
    return checksum(key, body) if zlib.crc32(body) == crc else crc


def checksum(key: bytes, body: bytes) -> int:
    """Of a reply and the key that it is kept under."""
    return zlib.crc32(body, zlib.crc32(key))


@contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's and the system's errors, in words that say what would do."""
    try:
        yield
    except (sqlite3.Error, OSError) as e:
        raise trouble(path, e) from e


def is_full(error: BaseException) -> bool:
    """Whether there was no room to write."""
    words = str(error)
    return any(sign in words for sign in ("full", "No space", "disk I/O", "File too large", "quota"))


def trouble(path: Path, error: Exception) -> RunError:
    """The error that the user is shown."""
    words = str(error)
    if is_full(error):
        return RunError(f"{path}: {words}; free some space and run the same command again: what was received is kept")
    if any(sign in words for sign in ("not a database", "malformed", "Could not decode")):
        cure = f"`prefgen verify {path.parent} --mend` saves what can still be read"
        return RunError(f"{path}: {words}; restore it from a copy, or {cure}")
    return RunError(f"{path}: {words}")
