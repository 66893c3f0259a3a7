import asyncio
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from prefgen.errors import ProviderError, RowFailed, RunError, TryAgain
from prefgen.llm.journal import LOOKS, Attempt, Entry, Journal, _wrote
from prefgen.llm.store import Sqlite


def put(journal: Journal, *entries: Entry) -> None:
    async def go() -> None:
        await asyncio.gather(*(journal.put([entry]) for entry in entries))

    asyncio.run(go())


def entry(number: int, text: str = "x") -> Entry:
    return Entry(number.to_bytes(32, "big"), {"choice": {"text": text}}, 3, 2, 0.5, "fake/it")


def test_what_is_put_is_there_for_this_and_the_next_process(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "j.sqlite")
    put(journal, *(entry(n, f"text {n} \ud800 é") for n in range(300)))
    assert len(journal) == 300
    journal.close()
    again = Journal(tmp_path / "deep" / "j.sqlite")
    assert again.get(entry(7).key) == {"choice": {"text": "text 7 \ud800 é"}}
    assert again.get(entry(999).key) is None
    assert (again.has(entry(7).key), again.has(entry(999).key)) == (True, False)
    again.close()


@pytest.mark.parametrize("number", [1, 63, 64, 65, 200])
def test_as_many_as_come_together_are_kept_together(number: int, tmp_path: Path) -> None:
    """Whatever number of them SQLite is given at once, in whatever tables."""
    journal = Journal(tmp_path / "j.sqlite")

    async def go() -> None:
        noted = [journal.note(Attempt(entry(n).key, "timeout", f"{n}")) for n in range(number)]
        await asyncio.gather(journal.put([entry(n, f"{n}") for n in range(number)]), *noted)
        await journal.put([entry(n, "later") for n in range(number + 1)])

    asyncio.run(go())
    assert journal.all_of([entry(n).key for n in range(number)]) == [
        {"choice": {"text": f"{n}"}} for n in range(number)
    ]
    assert journal.all_of([entry(0).key, entry(number + 1).key]) is None
    assert len(journal) == number + 1
    journal.close()
    with sqlite3.connect(tmp_path / "j.sqlite") as db:
        found = db.execute("SELECT message FROM attempt").fetchall()
    db.close()
    assert sorted(int(words) for (words,) in found) == list(range(number))


def test_free_space_is_looked_at_once_for_some_requests(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    looks = []

    class Roomy(Sqlite):
        def room(self) -> int:
            looks.append(1)
            return 2**40 if len(looks) < 3 else 0

    journal.store.close()
    journal.store = Roomy(tmp_path / "j.sqlite")
    for _ in range(2 * LOOKS):
        journal.check_room()
    assert len(looks) == 2
    with pytest.raises(RunError, match="are free"):
        journal.check_room()
    journal.close()


def test_the_first_reply_to_a_key_stays(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    put(journal, entry(1, "first"))
    put(journal, entry(1, "second"))
    assert journal.get(entry(1).key) == {"choice": {"text": "first"}}
    journal.close()


def test_failures_are_noted_and_are_no_replies(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    asyncio.run(journal.note(Attempt(entry(1).key, "timeout", "no reply", billed=True)))
    assert not journal.has(entry(1).key)
    journal.close()
    with sqlite3.connect(tmp_path / "j.sqlite") as db:
        assert db.execute("SELECT kind, message, billed FROM attempt").fetchall() == [("timeout", "no reply", 1)]
    db.close()


def test_what_a_run_went_on_without_and_what_replies_cost_can_be_looked_up(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    keys = [entry(n).key for n in range(4)]

    async def go() -> None:
        own, fault = RowFailed("content_filter", "I will not"), TryAgain("timeout", "no reply", attempts=2)
        await journal.lose(keys[:2], own, own)
        await journal.lose(keys[2:3], fault, RowFailed("timeout", "no reply at last"))
        await journal.lose(keys[3:], fault, ProviderError("nothing answers there"))  # nothing goes on after this
        await journal.lose(keys[:1], own, RowFailed("bad_request", "another time"))
        await journal.put([entry(1), Entry(keys[3], {}, 4, 5)])

    asyncio.run(go())
    assert journal.failures() == {
        keys[0]: ("bad_request", "another time"),
        keys[1]: ("content_filter", "I will not"),
        keys[2]: ("timeout", "no reply at last"),
    }
    assert [journal.cost(key) for key in keys] == [None, (3, 2, 0.5), None, (4, 5, None)]
    journal.close()
    old = sqlite3.connect(tmp_path / "j.sqlite")
    assert old.execute("SELECT count(*) FROM attempt").fetchone() == (2,)  # of several draws, the first one's
    old.execute("DROP TABLE failure")  # as a prefgen before this one left it
    old.close()
    again = Journal(tmp_path / "j.sqlite")
    assert again.failures() == {}
    again.close()


def test_damage_is_told_and_never_read(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    journal = Journal(path)
    put(journal, entry(1))
    journal.close()
    db = sqlite3.connect(path)
    db.execute("UPDATE reply SET body = substr(body, 2)")
    db.commit()
    db.close()
    journal = Journal(path)
    with pytest.raises(RunError, match="damaged"):
        journal.get(entry(1).key)
    journal.close()


def test_what_is_no_journal_is_told(tmp_path: Path) -> None:
    (tmp_path / "j.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(RunError, match="not a database"):
        Journal(tmp_path / "j.sqlite")


def test_a_journal_of_another_version_is_left_alone(tmp_path: Path) -> None:
    Journal(tmp_path / "j.sqlite").close()
    db = sqlite3.connect(tmp_path / "j.sqlite")
    db.execute("UPDATE meta SET value = '99'")
    db.commit()
    db.close()
    with pytest.raises(RunError, match="version 99"):
        Journal(tmp_path / "j.sqlite")


FULL = """
import asyncio, resource, signal, sys
from pathlib import Path
from prefgen.errors import RunError
from prefgen.llm.journal import Entry, Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal, kept = Journal(Path(sys.argv[1])), 0
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
import os
async def go():
    global kept
    for n in range(1000):
        await journal.put([Entry(n.to_bytes(32, "big"), {"choice": {"text": os.urandom(4000).hex()}})])
        kept = n + 1
try:
    asyncio.run(go())
except RunError as e:
    print(kept, "free some space" in str(e))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
async def more():
    await journal.put([Entry(b"later" * 6, {"choice": {"text": "later"}})])
asyncio.run(more())
journal.close()
"""


def test_a_full_disk_loses_nothing_and_ends_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    kept, told = done.stdout.split()
    assert told == "True"
    journal = Journal(path)
    assert all(journal.get(n.to_bytes(32, "big")) for n in range(int(kept)))
    assert journal.has(int(kept).to_bytes(32, "big")), "what came in while the disk was full was held, and is kept"
    assert len(journal) == int(kept) + 2
    journal.close()


KILLED = """
import asyncio, sys
from pathlib import Path
from prefgen.llm.journal import Entry, Journal
journal = Journal(Path(sys.argv[1]))
async def one(n):
    await journal.put([Entry(n.to_bytes(32, "big"), {"choice": {"text": "x" * 500}})])
    print(n, flush=True)
async def go():
    for start in range(0, 100_000, 20):
        await asyncio.gather(*(one(n) for n in range(start, start + 20)))
asyncio.run(go())
"""


def test_kill_9_loses_no_reply_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    acknowledged = [int(child.stdout.readline()) for _ in range(200)]
    os.kill(child.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in child.stdout if line.endswith("\n")]
    child.stdout.close()
    child.wait()
    journal = Journal(path)
    assert all(journal.has(n.to_bytes(32, "big")) for n in acknowledged)
    journal.close()


def test_a_row_that_cannot_be_kept_costs_neither_its_neighbours_nor_the_thread(tmp_path: Path) -> None:
    async def go() -> list[BaseException | None]:
        puts = [journal.put([Entry(bytes([i]), {"n": i}, 2**64 if i == 3 else 1)]) for i in range(8)]
        notes = [journal.note(Attempt(b"k", "bad_request", "half a character: \ud83d"))]
        return await asyncio.gather(*puts, *notes, return_exceptions=True)

    journal = Journal(tmp_path / "j.sqlite")
    try:
        told = asyncio.run(go())
        assert [i for i, one in enumerate(told) if one] == [3]
        assert isinstance(told[3], RunError)
        assert len(journal) == 7
    finally:
        journal.close()


@pytest.mark.parametrize("how", ["a link", "somebody else's"])
def test_a_file_in_everybodys_folder_is_taken_back_where_it_is_ours(how: str, tmp_path: Path) -> None:
    """A neighbour who knows the journal's path knows the name of what is left beside it."""
    left = Journal(tmp_path / "left.sqlite")
    asyncio.run(left.put([Entry(b"k" * 32, {"text": "planted"})]))
    left.close()
    beside = tmp_path / "journal.spill.sqlite"
    if how == "a link":
        beside.symlink_to(left.path)
    else:
        shutil.copy(left.path, beside)
        try:
            os.chown(beside, os.getuid() + 1, -1)
        except PermissionError:
            pytest.skip("giving a file to somebody else takes the rights of root")
    journal = Journal(tmp_path / "journal.sqlite")
    assert journal.get(b"k" * 32) is None
    journal.close()
    assert os.path.lexists(beside)


def test_what_is_left_beside_is_for_nobody_else(tmp_path: Path) -> None:
    assert _wrote(tmp_path / "beside.sqlite", [])
    assert stat.S_IMODE((tmp_path / "beside.sqlite").stat().st_mode) == 0o600
    (tmp_path / "link.sqlite").symlink_to(tmp_path / "elsewhere.sqlite")
    assert not _wrote(tmp_path / "link.sqlite", [])
    assert not (tmp_path / "elsewhere.sqlite").exists()


def test_nothing_is_put_into_a_closed_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    journal.close()
    with pytest.raises(RunError, match="is closed"):
        asyncio.run(journal.put([Entry(b"k", {})]))
