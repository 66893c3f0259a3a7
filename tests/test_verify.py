"""Damage is found, told, never read as an answer, and costs no more than what it hit."""

import asyncio
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from prefgen import do, run
from prefgen.after import verified
from prefgen.errors import RunError
from prefgen.folders import journal_of
from prefgen.llm.journal import Entry, Journal
from prefgen.llm.store import Sqlite
from prefgen.recipe import Recipe
from prefgen.run import Run
from prefgen.verify import Verified, _check_journal, _rebuilt, _without, lines, verify
from tests.fakes import writes

ROOT = Path(__file__).parent.parent
MANY = 300


def text(n: int) -> str:
    return f"reply {n} " + random.Random(n).randbytes(200).hex()


def key(n: int) -> bytes:
    return n.to_bytes(32, "big")


def filled(path: Path, *, closed: bool = True) -> Journal:
    """A journal of many replies, some in its file and some in its write-ahead log."""

    async def go(journal: Journal) -> None:
        for n in range(MANY):
            await journal.put([Entry(key(n), {"choice": {"text": text(n)}}, 1, 1, 0.001, "fake/it")])

    journal = Journal(path)
    asyncio.run(go(journal))
    if closed:
        journal.close()
    return journal


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a journal whose process was killed: the log was never folded in."""
    folder = tmp_path_factory.mktemp("whole")
    journal = filled(folder / "journal.sqlite", closed=False)
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name.startswith("journal")}
    journal.close()
    files["closed"] = (folder / "journal.sqlite").read_bytes()
    return files


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def zeroed(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    length = min(chance.randrange(1, 5000), len(data) - start)
    return data[:start] + bytes(length) + data[start + length :]


def scrambled(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    length = min(chance.randrange(1, 600), len(data) - start)
    return data[:start] + chance.randbytes(length) + data[start + length :]


def flipped(data: bytes, chance: random.Random) -> bytes:
    where = chance.randrange(len(data))
    return data[:where] + bytes([data[where] ^ 1 << chance.randrange(8)]) + data[where + 1 :]


def read(path: Path) -> tuple[int, int, bool]:
    """Of all replies: those that read right, those that read wrong, and whether damage was told."""
    try:
        journal = Journal(path)
    except RunError:
        return 0, 0, True
    right = wrong = 0
    told = False
    try:
        for n in range(MANY):
            try:
                found = journal.get(key(n))
            except RunError:
                told = True
            else:
                right += found == {"choice": {"text": text(n)}}
                wrong += found is not None and found != {"choice": {"text": text(n)}}
    finally:
        journal.close()
    return right, wrong, told


@pytest.mark.slow
@pytest.mark.parametrize("harm", [cut, zeroed, scrambled, flipped])
@pytest.mark.parametrize("where", ["closed", "journal.sqlite-wal"])
def test_no_damage_is_ever_read_as_an_answer_and_mending_saves_the_rest(
    harm: Callable[[bytes, random.Random], bytes], where: str, originals: dict[str, bytes], tmp_path: Path
) -> None:
    chance = random.Random(f"{harm.__name__}/{where}")
    for number in range(12):
        path = tmp_path / f"{number}" / "journal.sqlite"
        path.parent.mkdir()
        if where == "closed":
            path.write_bytes(harm(originals["closed"], chance))
        else:
            path.write_bytes(originals["journal.sqlite"])
            path.with_name(where).write_bytes(harm(originals[where], chance))
        right, wrong, _ = read(path)
        assert wrong == 0
        verify(path.parent, path, mend=True)
        after, wrong, told = read(path)
        assert (wrong, told) == (0, False)
        assert after >= right
        assert verify(path.parent, path).sound


def test_one_damaged_reply_is_let_go_and_asked_again_alone(tmp_path: Path) -> None:
    done = made(tmp_path)
    whole = (done.dataset / "README.md").read_bytes()
    database = sqlite3.connect(journal_of(tmp_path))
    database.execute("UPDATE reply SET body = CAST(body || x'00' AS BLOB) WHERE rowid = 3")
    database.commit()
    database.close()
    with pytest.raises(RunError, match="damaged on disk; `prefgen verify"):
        made(tmp_path)
    assert len(verified(tmp_path).damaged) == 1
    found = verified(tmp_path, mend=True)
    assert found.sound
    again = made(tmp_path)
    assert sum(count.tally.calls for count in again.counts.values()) == 1
    assert (again.dataset / "README.md").read_bytes() == whole


def made(folder: Path) -> Run:
    steps = {
        "prompts": do("load", [{"prompt": f"why {n}?"} for n in range(6)]),
        "responses": do("answer", "prompts", model="it", n=2),
        "scored": do("score", "responses", model="it"),
        "pairs": do("best_worst", "scored"),
    }
    models = {"it": {"use": "fake/it"}}
    return run(
        Recipe(name="mine", steps=steps, models=models, write={"preferences": "pairs"}), folder, fakes={"it": writes}
    )


def test_what_was_changed_or_lost_of_a_dataset_is_named(tmp_path: Path) -> None:
    done = made(tmp_path)
    assert verified(tmp_path).sound
    (done.dataset / "README.md").write_text("mine now")
    (tmp_path / "tables" / "pairs.parquet").unlink()
    found = verified(tmp_path)
    assert not found.sound
    assert (found.changed, found.missing) == (["dataset/README.md"], ["tables/pairs.parquet"])
    assert len(json.loads((tmp_path / "run.json").read_text())["sha256"]) == found.files > 8


def test_what_was_added_to_a_dataset_is_named(tmp_path: Path) -> None:
    done = made(tmp_path)
    file = next((done.dataset / "preferences").glob("*.parquet"))
    shutil.copy(file, file.with_name("train-more.parquet"))
    found = verified(tmp_path)
    assert (found.sound, found.added) == (False, ["dataset/preferences/train-more.parquet"])
    assert "was added" in lines(found)[-1]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"sha256": 3}', None])
def test_files_that_cannot_be_checked_are_not_called_sound(text: str | None, tmp_path: Path) -> None:
    done = made(tmp_path)
    next(done.dataset.rglob("*.parquet")).write_bytes(b"x")
    (tmp_path / "run.json").unlink()
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    found = verified(tmp_path)
    assert not found.sound
    assert "cannot be checked" in lines(found)[-1]


def test_a_journal_that_is_gone_or_emptied_is_told(tmp_path: Path) -> None:
    made(tmp_path)
    database = sqlite3.connect(journal_of(tmp_path))
    database.execute("DELETE FROM reply WHERE rowid > 4")
    database.commit()
    database.close()
    found = verified(tmp_path)
    assert (found.sound, found.replies, found.lost) == (False, 4, 20)
    for path in tmp_path.glob("journal.sqlite*"):
        path.unlink()
    found = verified(tmp_path)
    assert (found.sound, found.gone, "is gone" in lines(found)[0]) == (False, True, True)


@pytest.mark.parametrize("whole", [True, False], ids=["its file is whole", "its file is broken"])
def test_what_is_let_go_was_paid_all_the_same(whole: bool, tmp_path: Path) -> None:
    path = filled(tmp_path / "journal.sqlite").path
    database = sqlite3.connect(path)
    database.execute("UPDATE reply SET crc = crc + 1 WHERE rowid % 3 = 0")
    database.commit()
    database.close()
    found = Verified()
    _check_journal(path, found)
    assert len(found.damaged) == MANY / 3
    _without(path, found.damaged) if whole else _rebuilt(path)
    journal = Journal(path)
    assert len(journal) == MANY * 2 / 3
    assert journal.spent() == pytest.approx(MANY * 0.001)
    journal.close()


def test_the_command(tmp_path: Path) -> None:
    made(tmp_path)

    def said(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(ROOT / "cli.py"), "verify", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    good = said(str(tmp_path))
    assert (good.returncode, "0 are damaged" in good.stdout) == (0, True)
    journal_of(tmp_path).write_bytes(b"no database at all" * 1000)
    bad = said(str(tmp_path))
    assert (bad.returncode, "its file is broken" in bad.stdout) == (1, True)
    mended = said(str(tmp_path), "--mend")
    assert "rebuilt of 0 sound replies" in mended.stdout
    lost = said(str(tmp_path))
    assert (lost.returncode, "24 replies that rows rest on are gone; run the recipe again" in lost.stdout) == (1, True)
    made(tmp_path)
    assert said(str(tmp_path)).returncode == 0
    link = tmp_path / "others" / "link"
    link.parent.mkdir()
    link.symlink_to(tmp_path)
    others = said(str(tmp_path / "others"))
    assert (others.returncode, others.stderr.count("no run is here"), "link" in others.stderr) == (1, 1, False)
    (tmp_path / "dataset" / "link").symlink_to(tmp_path)
    linked = said(str(tmp_path))
    assert (linked.returncode, "--out" in linked.stderr) == (1, False)
    assert "dataset/link: is a link, and a run writes into its own folder alone; take it away" in linked.stderr
    nowhere = said(str(tmp_path / "nowhere"))
    assert (nowhere.returncode, "no run is here" in nowhere.stderr) == (1, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_what_only_reads_needs_no_folder_that_can_be_written(tmp_path: Path) -> None:
    made(tmp_path)
    tmp_path.chmod(0o555)
    try:
        assert verified(tmp_path).sound
    finally:
        tmp_path.chmod(0o755)


VERSION_1 = """
CREATE TABLE reply (key BLOB NOT NULL UNIQUE, body BLOB NOT NULL, crc INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL, dollars REAL, model TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE attempt (key BLOB NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL, billed INTEGER NOT NULL, at REAL NOT NULL);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO meta VALUES ('version', '1');
"""


def test_a_journal_of_the_version_before_is_brought_up_and_keeps_all(tmp_path: Path) -> None:
    new = filled(tmp_path / "new.sqlite")
    old = sqlite3.connect(tmp_path / "old.sqlite")
    old.executescript(VERSION_1)
    old.execute("ATTACH ? AS new", (str(new.path),))
    old.create_function("crc32", 1, zlib.crc32)
    columns = "key, body, crc32(body), prompt_tokens, completion_tokens, dollars, model, at"
    old.execute(f"INSERT INTO reply SELECT {columns} FROM new.reply")
    old.execute("INSERT INTO attempt VALUES (x'00', 'timeout', 'slow', 1, 0)")
    old.commit()
    old.close()
    for _ in range(2):
        assert read(tmp_path / "old.sqlite") == (MANY, 0, False)
    journal = Journal(tmp_path / "old.sqlite")
    assert journal.spent() == pytest.approx(MANY * 0.001)
    assert journal.store.batches() == []
    with closing(sqlite3.connect(tmp_path / "old.sqlite")) as found:
        assert found.execute("SELECT value FROM meta").fetchall() == [("3",)]
    journal.close()


def test_two_processes_at_once_on_one_journal_lose_nothing(tmp_path: Path) -> None:
    """A run holds its folder; this is what happens where that hold is not to be had."""
    code = """
import asyncio, sys
from pathlib import Path
from prefgen.llm.journal import Entry, Journal
journal, who = Journal(Path(sys.argv[1])), int(sys.argv[2])
async def go():
    await asyncio.gather(*(journal.put([Entry((n * 2 + who).to_bytes(32, "big"), {"n": n})]) for n in range(400)))
asyncio.run(go())
journal.close()
"""
    path = tmp_path / "journal.sqlite"
    both = [subprocess.Popen([sys.executable, "-c", code, str(path), str(who)]) for who in (0, 1)]
    assert [child.wait() for child in both] == [0, 0]
    store = Sqlite(path)
    assert store.count() == 800
    store.close()
