"""Segments: what a journal got since the last one, as bytes that are written once and taken in once.

A segment is a line that says what it is, a SHA-256 of all the rest, a head (JSON, zstd: each table by its columns), and
the keys and bodies one behind the other. Batches are in none of them: a batch is sent and fetched by the process that
made it out of requests of many ranges, and two that knew of one would both go and fetch it.
"""

import asyncio
import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import orjson
import zstandard

from prefgen.errors import RunError
from prefgen.llm.journal import Journal
from prefgen.llm.store import ATTEMPT, FAILURE, LOCKED, REPLY, Insert, Row, told, trouble
from prefgen.llm.stored import is_sound, unpack

MAGIC = b"prefgen segment 1\n"
LARGEST_HEAD = 2**30
"""Bytes that a head may unpack to."""
MOST = 32 * 2**20
"""Bytes of keys and bodies in one segment, about; and rows of which there are no more, however small they are."""
ROWS = 50_000
TABLES = {"reply": REPLY, "attempt": ATTEMPT, "failure": FAILURE}
BLOBS = {"reply": 2, "attempt": 1, "failure": 1}
"""How many columns of each begin it that are bytes: a key, and a reply's body."""
COLUMNS = {"reply": 8, "attempt": 6, "failure": 4}
AGAIN = "again"
"""The kind of an attempt that tells of a reply to what had one already: it was paid for, and nobody reads it."""
SAME, OTHER = "answered already, by another worker", "answered already, and otherwise, by another worker"
"""What such an attempt says."""

_ENDS = " || ' ' || ".join(f"(SELECT coalesce(max(rowid), 0) FROM {table})" for table in TABLES)  # noqa: S608
_BEFORE = f"INSERT INTO meta VALUES ('before segment:' || ?, {_ENDS})"  # noqa: S608
_AFTER = f"INSERT INTO meta VALUES ('segment:' || ?, {_ENDS})"  # noqa: S608
"""Two marks of a segment that is taken in: between what they say lie its rows, which are not exported once more. A
second one of the same name cannot be made, and takes its rows back with it.
"""

Tables = Mapping[str, Sequence[Row]]
_There = dict[bytes, tuple[bytes, float]]
"""Of a reply's key: the body that the journal has, and when it came."""


class Exporter:
    """What is new in a journal, a segment at a time: replies, attempts and failures. It reads by a connection of its
    own, while the journal is written. Rows that the journal took in from other segments are not exported again. Another
    exporter of the same journal begins anew.
    """

    def __init__(self, journal: Path, *, most: int = MOST) -> None:
        self.path, self.most = journal, most
        self._last = dict.fromkeys(TABLES, 0)
        self._reader = _reader(journal)

    def next(self) -> bytes | None:
        """A segment of the rows that are new since the last call, of a bounded size (call again until there is none);
        None where nothing is new. Raises RunError where the journal cannot be read.
        """
        with told(self.path):
            self._reader.execute("BEGIN")
            try:
                found, last = self._latest()
            finally:
                self._reader.execute("COMMIT")
        self._last = last
        return _sealed(found) if any(found.values()) else None

    def close(self) -> None:
        """Lets go of the journal's file."""
        self._reader.close()

    def _latest(self) -> tuple[dict[str, list[Row]], dict[str, int]]:
        """Rows of each table, and where each is read to; as they are at one moment."""
        marks = _marks(self._reader)
        found: dict[str, list[Row]] = {}
        last, room = dict(self._last), self.most
        for place, table in enumerate(TABLES):
            taken = [(before[place], after[place]) for before, after in marks]
            rows, last[table], room = self._rows(table, _between(self._last[table], taken), room)
            found[table] = rows
        return found, last

    def _rows(self, table: str, gaps: Sequence[tuple[int, int]], room: int) -> tuple[list[Row], int, int]:
        """Rows of these stretches while there is room; the last one's number; and the room that is left."""
        rows: list[Row] = []
        last = gaps[0][0]
        for start, end in gaps:
            last = max(last, start)
            asked = f"SELECT rowid, * FROM {table} WHERE rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?"  # noqa: S608
            for rowid, *row in self._reader.execute(asked, (start, end, ROWS - len(rows))):
                if room <= 0:
                    return rows, last, room
                rows.append(tuple(row))
                last = rowid
                room -= sum(len(value) for value in row if isinstance(value, bytes | str))
            if len(rows) == ROWS:  # there may be more in this stretch
                break
        return rows, last, room


def _marks(reader: sqlite3.Connection) -> list[tuple[list[int], list[int]]]:
    """Of each segment that was taken in, where each table ended before and after it."""
    found = dict(reader.execute("SELECT name, value FROM meta WHERE name GLOB '*segment:*'"))
    ends = {name: [int(one) for one in value.split()] for name, value in found.items()}
    return [(ends[f"before {name}"], end) for name, end in ends.items() if name.startswith("segment:")]


def _between(last: int, taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is behind ``last`` and in none of these stretches, as stretches from one row's number to another's."""
    gaps = []
    for before, after in sorted(taken):
        if before > last:
            gaps.append((last, before))
        last = max(last, after)
    return [*gaps, (last, 2**63 - 1)]


# --- bytes ----------------------------------------------------------------------------------


def _sealed(tables: Tables) -> bytes:
    """A segment of these rows."""
    head, blobs = {}, []
    for table, rows in tables.items():
        columns = list(zip(*rows, strict=True)) or [()] * COLUMNS[table]
        binary = columns[: BLOBS[table]]
        head[table] = {"sizes": [[len(value) for value in column] for column in binary], "rest": columns[len(binary) :]}
        blobs += [value for column in binary for value in column]
    packed = zstandard.compress(orjson.dumps(head))
    rest = b"".join([len(packed).to_bytes(8, "big"), packed, *blobs])
    return MAGIC + hashlib.sha256(rest).digest() + rest


def _opened(name: str, content: bytes) -> dict[str, list[Row]]:
    """The rows of a segment. Raises RunError for one that is not as it was written."""
    start = len(MAGIC) + hashlib.sha256().digest_size
    rest = memoryview(content)[start:]
    if not content.startswith(MAGIC) or hashlib.sha256(rest).digest() != content[len(MAGIC) : start]:
        raise _damaged(name)
    try:
        return _rows_of(rest)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, zstandard.ZstdError) as e:
        raise _damaged(name) from e


def _rows_of(rest: memoryview) -> dict[str, list[Row]]:
    size = 8 + int.from_bytes(rest[:8], "big")
    if zstandard.frame_content_size(rest[8:size]) > LARGEST_HEAD:
        raise ValueError("a head as large as none is")
    head, at = orjson.loads(zstandard.decompress(rest[8:size])), size
    found: dict[str, list[Row]] = {}
    for table in TABLES:
        columns: list[Sequence[Any]] = []
        for sizes in head[table]["sizes"]:
            ends = list(accumulate(sizes, initial=at))
            columns.append([bytes(rest[start:end]) for start, end in pairwise(ends)])
            at = ends[-1]
        columns += head[table]["rest"]
        if len(columns) != COLUMNS[table]:
            raise ValueError("another table")
        found[table] = list(zip(*columns, strict=True))
    if at != len(rest) or not all(is_sound(*row[:3]) for row in found["reply"]):
        raise ValueError("bytes that are another's")
    return found


def _damaged(name: str) -> RunError:
    cure = "remove it from the storage: what was in it is asked again, and nothing else"
    return RunError(f"segment {name}: is damaged, or no segment of this prefgen's; {cure}")


# --- taking in ------------------------------------------------------------------------------


async def take_in(journal: Journal, name: str, content: bytes) -> frozenset[bytes]:
    """Puts a segment's rows into a journal, once: in one transaction with a mark of its name. Gives the keys of which
    the journal had another reply already; the first one stays, and what the second cost is kept as an attempt's cost.
    Raises RunError for a damaged segment, of which nothing is taken in.
    """
    rows, there = await asyncio.to_thread(_read, journal.path, name, content)
    if there is None:
        return frozenset()
    inserts = [Insert(TABLES[table], some) for table, some in rows.items() if some]
    try:
        await journal.store.commit([Insert(_BEFORE, [(name,)]), *inserts, Insert(_AFTER, [(name,)])])
    except sqlite3.IntegrityError as e:
        if name not in taken(journal):  # else somebody has taken it in meanwhile
            raise _damaged(name) from e
    except (sqlite3.Error, OverflowError) as e:
        raise trouble(journal.path, e) from e
    return frozenset(row[0] for row in rows["reply"] if _differs(row, there))


def others(journal: Journal) -> frozenset[bytes]:
    """The keys of which a segment that is in a journal had another reply than the journal has."""
    with closing(_reader(journal.path)) as reader, told(journal.path):
        rows = reader.execute("SELECT key FROM attempt WHERE kind = ? AND message = ?", (AGAIN, OTHER)).fetchall()
    return frozenset(key for (key,) in rows)


def taken(journal: Journal) -> frozenset[str]:
    """The names of the segments that are in a journal."""
    with closing(_reader(journal.path)) as reader, told(journal.path):
        rows = reader.execute("SELECT name FROM meta WHERE name GLOB 'segment:*'").fetchall()
    return frozenset(name.removeprefix("segment:") for (name,) in rows)


def _reader(path: Path) -> sqlite3.Connection:
    """A connection to a journal that is open elsewhere, and may be written meanwhile."""
    with told(path):
        return sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro", uri=True, timeout=LOCKED, isolation_level=None, check_same_thread=False
        )


def _read(
    path: Path, name: str, content: bytes
) -> tuple[dict[str, list[Row]], dict[bytes, tuple[bytes, float]] | None]:
    """A segment's rows, and what the journal has of them; None where it was taken in."""
    rows = _opened(name, content)
    with closing(_reader(path)) as reader, told(path):
        done = reader.execute("SELECT 1 FROM meta WHERE name = ?", (f"segment:{name}",)).fetchone()
        if done:
            return rows, None
        there = _there(reader, rows["reply"])
        rows["attempt"] += [
            _again(row, there) for row in rows["reply"] if row[0] in there and there[row[0]][1] != row[-1]
        ]
        for table, at in (("attempt", 4), ("failure", 3)):
            rows[table] = _new(reader, table, rows[table], at)
        return rows, there


def _new(reader: sqlite3.Connection, table: str, rows: list[Row], at: int) -> list[Row]:
    """Those of these rows that the journal has not: who goes on with a journal exports all of it once more. Rows are
    known by their keys and moments, of which the ``at``-th column tells.
    """
    there: set[Row] = set()
    for some in _some([row[0] for row in rows]):
        asked = f"SELECT key, at FROM {table} WHERE key IN ({', '.join('?' * len(some))})"  # noqa: S608
        there.update(reader.execute(asked, some))
    return [row for row in rows if (row[0], row[at]) not in there]


def name_of(journal: Journal) -> str:
    """A name that this journal has and no other, wherever its file is moved."""
    journal.store.write([Insert("INSERT OR IGNORE INTO meta VALUES ('name', ?)", [(uuid4().hex[:12],)])])
    with closing(_reader(journal.path)) as reader, told(journal.path):
        return str(reader.execute("SELECT value FROM meta WHERE name = 'name'").fetchone()[0])


def _there(reader: sqlite3.Connection, replies: Sequence[Row]) -> _There:
    """Of those of these replies that the journal has one to: its body, and when it came."""
    found: _There = {}
    for some in _some([row[0] for row in replies]):
        asked = f"SELECT key, body, at FROM reply WHERE key IN ({', '.join('?' * len(some))})"  # noqa: S608
        found |= {key: (body, at) for key, body, at in reader.execute(asked, some)}
    return found


def _some(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(keys), 500):
        yield keys[start : start + 500]


def _again(reply: Row, there: _There) -> Row:
    """What is kept of a reply that came a second time, at another moment: that it was paid for, and when, so that it is
    kept once.
    """
    return (reply[0], AGAIN, OTHER if _differs(reply, there) else SAME, 1, reply[-1], reply[5])


def _differs(reply: Row, there: _There) -> bool:
    """Whether a reply says something else than the one that is there; another version of zstd packs the same in other
    bytes.
    """
    one, other = there.get(reply[0], (reply[1], 0.0))[0], reply[1]
    return one != other and unpack(one) != unpack(other)
