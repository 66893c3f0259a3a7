"""`prefgen verify`: is everything that was received still as it was written, and the dataset as it was made?

Damaged replies are never read as answers (their checksums tell). ``mend`` lets go of them, so that the next run asks
those alone again; a journal whose file is broken is rebuilt of all that can still be read, and the old one kept beside.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefgen.errors import RunError
from prefgen.folders import writable
from prefgen.llm.journal import is_sound, unpack
from prefgen.llm.store import ATTEMPT, BATCH, FAILURE, REPLY, Insert, Sqlite, opened
from prefgen.llm.stored import looked_into

MISSES = 10_000
"""Row numbers in a row that cannot be read, after which a broken journal is taken to have ended."""
TOGETHER = 500
"""Rows that are saved in one commit."""


@dataclass
class Verified:
    """What was found: ``broken`` says what is wrong with the journal's file, ``mended`` what was done about it,
    ``unread`` why the files cannot be checked; ``lost`` is how many replies rows rest on that are not in the journal.
    """

    replies: int = 0
    damaged: list[bytes] = field(default_factory=list)
    lost: int = 0
    gone: bool = False
    broken: str = ""
    mended: str = ""
    files: int = 0
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    unread: str = ""

    @property
    def sound(self) -> bool:
        """Whether nothing is left that is damaged."""
        whole = not (self.damaged or self.broken) or bool(self.mended)
        return whole and not (self.gone or self.lost or self.unread or self.changed or self.missing or self.added)


def verify(place: Path, journal: Path, *, mend: bool = False) -> Verified:
    """Checks the journal and a run's folder. Raises RunError where there is neither."""
    if not journal.exists() and not (place / "run.json").exists():
        raise RunError(f"{place}: no run is here; name a run's folder, such as runs/quickstart")
    found = Verified()
    if journal.exists():
        there = _check_journal(journal, found)
        if not found.broken:
            found.lost = len(_rested_on(place) - there)
        if mend and (found.damaged or found.broken):
            found.mended = _rebuilt(journal) if found.broken else _without(journal, found.damaged)
    else:
        found.gone = True
    _check_files(place, found)
    return found


def lines(found: Verified) -> list[str]:
    """What was found, in words."""
    told = [f"journal: {found.replies - len(found.damaged):,} replies are sound, {len(found.damaged):,} are damaged"]
    if found.broken:
        told = [f"journal: its file is broken ({found.broken})"]
    if found.gone:
        told = ["journal: is gone; put it back, or run the recipe again, which asks all of it anew"]
    if found.lost:
        told.append(f"journal: {found.lost:,} replies that rows rest on are gone; run the recipe again, to ask anew")
    if found.damaged or found.broken:
        told.append(f"journal: {found.mended or 'mend it with --mend: what is damaged will be asked again'}")
    told.append(f"files: {found.files - len(found.changed) - len(found.missing):,} of {found.files:,} are as written")
    if found.unread:
        told[-1] = f"files: {found.unread}, so they cannot be checked; {_AGAIN}"
    for what, names in (("was changed", found.changed), ("is gone", found.missing), ("was added", found.added)):
        told += [f"files: {name} {what}; {_AGAIN}" for name in names]
    return told


_AGAIN = "run the recipe again, which asks nothing anew"


def _check_journal(path: Path, found: Verified) -> set[str]:
    """Looks at every reply; gives the keys that are there, in hex."""
    there = set()
    try:
        with closing(opened(path) if writable(path.parent) else looked_into(path)) as connection:
            for key, body, crc in connection.execute("SELECT key, body, crc FROM reply"):
                found.replies += 1
                there.add(key.hex() if isinstance(key, bytes) else "")
                if not _reads(key, body, crc):
                    found.damaged.append(key)
            wrong = [row[0] for row in connection.execute("PRAGMA integrity_check(3)") if row[0] != "ok"]
            found.broken = "; ".join(wrong)
    except (sqlite3.DatabaseError, OSError) as e:
        found.broken = str(e)
    return there


def _rested_on(place: Path) -> set[str]:
    """The replies that the rows of a run's tables name, by their keys in the journal."""
    import polars as pl

    found: set[str] = set()
    for path in (place / "tables").glob("*.parquet"):
        with suppress(OSError, pl.exceptions.PolarsError):  # a damaged table is told of as such
            named = [name for name in pl.read_parquet_schema(path) if name.endswith(("_reply", "_replies"))]
            for name in named:
                keys = pl.read_parquet(path, columns=[name])[name]
                keys = keys.explode() if keys.dtype == pl.List else keys
                found |= set(keys.drop_nulls().unique().to_list())
    return found


def _reads(key: bytes, body: bytes, crc: int) -> bool:
    try:
        return is_sound(key, body, crc) and isinstance(unpack(body), dict)
    except Exception:  # noqa: BLE001  # whatever a stored reply does to its reader, it is not sound
        return False


def _without(path: Path, damaged: list[bytes]) -> str:
    with closing(opened(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_STILL_PAID, [(time.time(), key) for key in damaged])
        connection.executemany("DELETE FROM reply WHERE key = ?", [(key,) for key in damaged])
        connection.execute("COMMIT")
    return f"{len(damaged):,} damaged replies let go; the next run asks them again"


_STILL_PAID = """
INSERT INTO attempt SELECT key, 'damaged', 'let go by verify', 1, ?, coalesce(dollars, 0) FROM reply WHERE key = ?
"""
"""What a reply cost was spent, whatever becomes of it."""


# --- a file that is broken ------------------------------------------------------------------


def _rebuilt(path: Path) -> str:
    """A new journal of every sound row of the old one; the old one stays beside it."""
    fresh = path.with_name(f"{path.name}.mended")
    for stale in _files(fresh):
        stale.unlink(missing_ok=True)
    store, saved = Sqlite(fresh), 0
    try:
        for insert in _salvaged(path):
            store.write([insert])
            saved += len(insert.rows) if insert.statement == REPLY else 0
    finally:
        store.close()
    old = next(p for n in range(1000) if not (p := path.with_name(f"{path.name}.damaged-{n}")).exists())
    for source, target in zip(_files(path), _files(old), strict=True):
        if source.exists():
            source.rename(target)
    for source, target in zip(_files(fresh), _files(path), strict=True):
        if source.exists():
            source.rename(target)
    return f"rebuilt of {saved:,} sound replies; the broken file is {old.name}"


def _files(path: Path) -> list[Path]:
    """A database's file and those that belong to it."""
    return [path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")]


def _salvaged(path: Path) -> Iterator[Insert]:
    """The rows of all tables that can be read and are sound."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        for statement, table, width in (
            (REPLY, "reply", 8),
            (ATTEMPT, "attempt", 6),
            (FAILURE, "failure", 4),
            (BATCH, "batch", 4),
        ):
            rows = []
            for row in _rows(connection, table):
                if statement != REPLY or _reads(*row[:3]):
                    rows.append((*row, None)[:width])
                else:
                    yield Insert(ATTEMPT, [(row[0], "damaged", "let go by verify", 1, time.time(), row[5] or 0.0)])
                if len(rows) >= TOGETHER:
                    yield Insert(statement, rows)
                    rows = []
            yield Insert(statement, rows)


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """A table's rows one by one, past those that cannot be read."""
    misses, number = 0, 0
    while misses < MISSES:
        number += 1
        try:
            found = connection.execute(f"SELECT * FROM {table} WHERE rowid = ?", (number,)).fetchone()  # noqa: S608
        except sqlite3.DatabaseError:
            found = None
        misses = 0 if found else misses + 1
        if found:
            yield found


# --- what a run wrote -----------------------------------------------------------------------


def digests(place: Path) -> dict[str, str]:
    """The SHA-256 of every file of a run's dataset and tables, of its recipe and of the files that this names, by its
    path in the run's folder.
    """
    parts = [p for part in ("dataset", "tables", "files") for p in sorted((place / part).rglob("*"))]
    files = [p for p in (*parts, place / "recipe.yaml") if p.is_file()]
    return {p.relative_to(place).as_posix(): digest(p) for p in files}


def digest(path: Path) -> str:
    """A file's SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _told(path: Path, found: Verified) -> Mapping[str, str]:
    """The sums that a run wrote down when it ended."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["sha256"]
    except FileNotFoundError:  # a run that has never ended wrote none, and no dataset either
        found.unread = "no run.json is here" if (path.parent / "dataset").exists() else ""
    except (OSError, ValueError, TypeError, KeyError):
        found.unread = "run.json cannot be read"
    else:
        if isinstance(told, dict):
            return told
        found.unread = "run.json says nothing of them"
    return {}


def _check_files(place: Path, found: Verified) -> None:
    wanted = _told(place / "run.json", found)
    found.added = sorted(digests(place).keys() - wanted.keys()) if wanted else []
    for name, told_sum in wanted.items():
        path = place / name
        found.files += 1
        if Path(name).is_absolute() or ".." in Path(name).parts or not path.is_file():
            found.missing.append(name)
        elif digest(path) != told_sum:
            found.changed.append(name)
