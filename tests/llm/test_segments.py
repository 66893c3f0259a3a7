"""Segments: every row of a journal comes over once, whoever is ended when, and a damaged one not at all."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from prefgen.errors import RowFailed, RunError
from prefgen.llm.journal import Attempt, Entry, Journal
from prefgen.llm.segments import MAGIC, Exporter, _opened, _sealed, take_in, taken
from prefgen.llm.store import ATTEMPT, Insert, Sqlite

ROOT = Path(__file__).parent.parent.parent


def entry(number: int, text: str = "", dollars: float | None = 0.25) -> Entry:
    key = random.Random(number).randbytes(32)
    return Entry(key, {"choice": {"text": text or f"text {number} \ud800 é"}}, 3, 2, dollars, "fake/it")


async def fill(journal: Journal, numbers: Sequence[int]) -> None:
    await journal.put([entry(n) for n in numbers])
    for n in numbers[::3]:
        await journal.note(Attempt(entry(n).key, "timeout", f"so late {n}", billed=True, dollars=0.5))
    for n in numbers[::5]:
        failed = RowFailed("refused", "no")
        await journal.lose([entry(n + 10_000).key], failed, RowFailed("refused", f"words {n}"))


def rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that a journal holds, in no order."""
    with sqlite3.connect(path) as db:
        found = {name: sorted(db.execute(f"SELECT * FROM {name}")) for name in ("reply", "attempt", "failure")}
    db.close()
    return found


def segments(exporter: Exporter) -> Iterator[bytes]:
    while (content := exporter.next()) is not None:
        yield content


def moved(source: Path, target: Path, most: int = 10_000) -> int:
    """All of one journal to another; gives the number of segments."""
    journal, exporter = Journal(target), Exporter(source, most=most)

    async def go() -> int:
        for number, content in enumerate(segments(exporter)):
            assert await take_in(journal, f"{source.parent.name}/{number}", content) == frozenset()
        return number + 1

    try:
        return asyncio.run(go())
    finally:
        exporter.close()
        journal.close()


@pytest.mark.parametrize(("most", "number"), [(1, 250), (3_000, 10), (10**7, 1)])
def test_every_row_comes_over_once(most: int, number: int, tmp_path: Path) -> None:
    source, target = tmp_path / "one" / "j.sqlite", tmp_path / "other" / "j.sqlite"
    journal = Journal(source)
    asyncio.run(fill(journal, range(100)))
    assert moved(source, target, most) <= number
    assert rows(target) == rows(source)
    assert len(rows(source)["attempt"]) == 34 + 20
    there = Journal(target)
    assert there.spent() == journal.spent() == 100 * 0.25 + 34 * 0.5
    assert there.get(entry(7).key) == entry(7).raw
    assert there.failures() == journal.failures()
    there.close()
    journal.close()


def test_it_is_read_while_it_is_written(tmp_path: Path) -> None:
    source, target = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    journal, other, exporter = Journal(source), Journal(target), Exporter(source)

    async def go() -> int:
        parts: list[bytes] = []
        for start in range(0, 600, 60):
            writing = [fill(journal, range(first, first + 20)) for first in range(start, start + 60, 20)]
            reading = asyncio.create_task(asyncio.to_thread(lambda: list(segments(exporter))))
            await asyncio.gather(*writing)
            parts += await reading
        parts += segments(exporter)
        for number, content in enumerate(parts):
            await take_in(other, f"{number}", content)
        return len(parts)

    assert asyncio.run(go()) >= 5
    assert exporter.next() is None
    assert rows(target) == rows(source)
    exporter.close()
    journal.close()
    other.close()


def test_what_was_taken_in_is_not_exported_again(tmp_path: Path) -> None:
    """A worker takes over from two, one of whose segments comes late; the run's journal gets the segments of all three."""
    a, b, c, run = (Journal(tmp_path / name / "j.sqlite") for name in ("a", "b", "c", "run"))

    async def go() -> None:
        await fill(a, range(50))
        await fill(b, range(100, 150))
        first, second = (list(segments(Exporter(tmp_path / name / "j.sqlite", most=2_000))) for name in "ab")
        await fill(c, range(200, 210))
        exporter = Exporter(tmp_path / "c" / "j.sqlite", most=500)
        for number, content in enumerate(first):
            await take_in(c, f"a{number}", content)
        await fill(c, range(210, 220))
        third = [exporter.next()]
        for number, content in enumerate(second):
            await take_in(c, f"b{number}", content)
        await fill(c, range(220, 230))
        third += segments(exporter)
        assert sum(len(_opened("", content or b"")["reply"]) for content in third) == 30
        for name, some in (("a", first), ("b", second), ("c", third)):
            for number, one in enumerate(some):
                assert await take_in(run, f"{name}{number}", one or b"") == frozenset()
                assert await take_in(run, f"{name}{number}", one or b"") == frozenset()
        assert len(taken(run)) == len(first) + len(second) + len(third)

    asyncio.run(go())
    assert run.spent() == pytest.approx(130 * 0.25 + (17 + 17 + 4 + 4 + 4) * 0.5)
    assert run.spent() == c.spent()
    assert rows(tmp_path / "run" / "j.sqlite") == rows(tmp_path / "c" / "j.sqlite")
    for journal in (a, b, c, run):
        journal.close()


def test_no_stretch_of_rows_is_left_out(tmp_path: Path) -> None:
    """More than one segment holds, before others' rows."""
    journal, other = Journal(tmp_path / "a.sqlite"), Journal(tmp_path / "b.sqlite")
    asyncio.run(fill(other, range(10)))
    (content,) = segments(Exporter(tmp_path / "b.sqlite"))
    key = b"k" * 32
    journal.store.write([Insert(ATTEMPT, [(key, "timeout", "", 1, float(n), 1.0) for n in range(50_010)])])
    asyncio.run(take_in(journal, "b0", content))
    asyncio.run(journal.note(Attempt(key, "timeout", "", billed=True, dollars=1.0)))
    exported = [_opened("", some)["attempt"] for some in segments(Exporter(tmp_path / "a.sqlite"))]
    assert [len(some) for some in exported] == [50_000, 11]
    journal.close()
    other.close()


def test_of_two_replies_the_first_stays_and_both_were_paid_for(tmp_path: Path) -> None:
    one, other, run = (Journal(tmp_path / name / "j.sqlite") for name in ("one", "other", "run"))

    async def go() -> frozenset[bytes]:
        await one.put([entry(1, "a"), entry(2, "same"), entry(3)])
        await asyncio.sleep(0.01)
        await other.put([entry(1, "b"), entry(2, "same"), entry(4, dollars=None)])
        (first,), (second,) = (
            segments(Exporter(tmp_path / "one" / "j.sqlite")),
            segments(Exporter(tmp_path / "other" / "j.sqlite")),
        )
        assert await take_in(run, "1", first) == frozenset()
        found = await take_in(run, "2", second)
        assert await take_in(run, "2", second) == frozenset()
        assert await take_in(run, "3", first) == frozenset(), "the same replies under another name"
        return found

    assert asyncio.run(go()) == {entry(1).key}
    assert run.get(entry(1).key) == {"choice": {"text": "a"}}
    assert (len(run), run.spent()) == (4, 0.25 * 5)
    for journal in (one, other, run):
        journal.close()


def test_two_at_once_take_it_in_once(tmp_path: Path) -> None:
    source, journal = Journal(tmp_path / "a.sqlite"), Journal(tmp_path / "b.sqlite")
    again = Journal(tmp_path / "b.sqlite")
    asyncio.run(fill(source, range(30)))
    (content,) = segments(Exporter(tmp_path / "a.sqlite"))

    async def go() -> None:
        await asyncio.gather(*(take_in(one, "a0", content) for one in (journal, again) * 3))

    asyncio.run(go())
    assert journal.spent() == source.spent()
    assert rows(tmp_path / "a.sqlite") == rows(tmp_path / "b.sqlite")
    for one in (source, journal, again):
        one.close()


# --- damage ---------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> bytes:
    journal = Journal(tmp_path / "small.sqlite")
    asyncio.run(fill(journal, [1]))
    (content,) = segments(Exporter(tmp_path / "small.sqlite"))
    journal.close()
    return content


def test_every_cut_and_every_flipped_bit_is_seen(small: bytes, tmp_path: Path) -> None:
    broken = [small[:end] for end in range(len(small))] + [small + b"\0"]
    for place in range(len(small)):
        for bit in range(8):
            one = bytearray(small)
            one[place] ^= 1 << bit
            broken.append(bytes(one))
    for content in broken:
        with pytest.raises(RunError, match="segment x: is damaged"):
            _opened("x", content)
    assert len(broken) > 3_000
    journal = Journal(tmp_path / "b.sqlite")
    for content in broken[::97]:
        with pytest.raises(RunError, match=r"segment x: is damaged.*; remove it from the storage"):
            asyncio.run(take_in(journal, "x", content))
    assert (len(journal), journal.spent(), taken(journal)) == (0, 0.0, frozenset())
    asyncio.run(take_in(journal, "x", small))
    assert (len(journal), taken(journal)) == (1, frozenset({"x"}))
    journal.close()


def test_a_segment_that_somebody_made_is_not_taken_in(small: bytes, tmp_path: Path) -> None:
    """What its own checksum is right of, and what no journal wrote."""
    found = _opened("", small)
    (key, body, crc, *rest), attempt = found["reply"][0], found["attempt"][0]
    none: dict[str, list[tuple[Any, ...]]] = {"reply": [], "attempt": [], "failure": []}
    made = [
        _sealed(none | {"reply": [(key, body + b"x", crc, *rest)]}),
        _sealed(none | {"reply": [(bytes(32), body, crc, *rest)]}),
        _sealed(none | {"reply": [(key, body, crc, *rest, 1)]}),
        _sealed(none | {"attempt": [(key, None, *attempt[2:])]}),
        _sealed(none | {"attempt": [(key, {"a": 1}, *attempt[2:])]}),
        _sealed(none | {"attempt": [(key, "kind", "words", 2**63, *attempt[4:])]}),
        _sealed({"reply": []}),
        MAGIC,
        b"",
    ]
    journal = Journal(tmp_path / "b.sqlite")
    for content in made:
        with pytest.raises(RunError):
            asyncio.run(take_in(journal, "x", content))
    assert (len(journal), journal.spent(), taken(journal)) == (0, 0.0, frozenset())
    journal.close()


class Full(Sqlite):
    """A disk without room."""

    def write(self, inserts: Sequence[Insert]) -> None:
        raise sqlite3.OperationalError("database or disk is full")


def test_a_full_disk_takes_nothing_in(small: bytes, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "b.sqlite", store=Full(tmp_path / "b.sqlite"))
    with pytest.raises(RunError, match="database or disk is full; free some space and run the same command again"):
        asyncio.run(take_in(journal, "x", small))
    journal.close()
    again = Journal(tmp_path / "b.sqlite")
    assert (len(again), taken(again)) == (0, frozenset())
    again.close()


def test_a_journal_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"none\.sqlite: unable to open database file"):
        Exporter(tmp_path / "none.sqlite").next()


TAKES = """
import asyncio, sys
from pathlib import Path
from prefgen.llm.journal import Journal
from prefgen.llm.segments import take_in
journal = Journal(Path(sys.argv[1]))
print("begun", flush=True)
async def go():
    for path in sorted(Path(sys.argv[2]).iterdir()):
        await take_in(journal, path.name, path.read_bytes())
asyncio.run(go())
"""


def test_a_process_that_is_killed_takes_in_all_of_a_segment_or_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.sqlite")
    (tmp_path / "segments").mkdir()
    asyncio.run(fill(journal, range(700)))
    for number, content in enumerate(segments(Exporter(tmp_path / "a.sqlite", most=5_000))):
        (tmp_path / "segments" / f"{number:04}").write_bytes(content)
    words = [sys.executable, "-c", TAKES, str(tmp_path / "b.sqlite"), str(tmp_path / "segments")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    seen = []
    for wait in (0.01, 0.03, None):
        child = subprocess.Popen(words, stdout=subprocess.PIPE, env=environment)
        assert child.stdout is not None
        child.stdout.readline()
        if wait is not None:
            time.sleep(wait)
            child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        there = Journal(tmp_path / "b.sqlite")
        names = taken(there)
        wanted = [_opened("", (tmp_path / "segments" / name).read_bytes()) for name in names]
        assert len(there) == sum(len(some["reply"]) for some in wanted)
        paid = sum(row[5] for some in wanted for row in [*some["reply"], *some["attempt"]])
        assert there.spent() == pytest.approx(paid)
        there.close()
        seen.append(len(names))
    assert seen == sorted(seen)
    assert rows(tmp_path / "b.sqlite") == rows(tmp_path / "a.sqlite")
    journal.close()
