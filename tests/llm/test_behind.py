"""A store with another one behind it: what is behind is read in few calls, and never written."""

import asyncio
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from prefgen.errors import RunError
from prefgen.llm.behind import HELD, Behind, known_keys
from prefgen.llm.journal import Attempt, Entry, Journal
from prefgen.llm.store import Sqlite


def entry(number: int, text: str = "") -> Entry:
    key = random.Random(number).randbytes(32)
    return Entry(key, {"choice": {"text": text or f"text {number}"}}, 3, 2, 0.25, "fake/it")


class Run:
    """A run's journal, as workers reach it: each call is counted."""

    def __init__(self, path: Path, numbers: Sequence[int]) -> None:
        self.journal = Journal(path)
        asyncio.run(self.journal.put([entry(n) for n in numbers]))
        self.calls: list[list[bytes]] = []

    def fetch(self, keys: Sequence[bytes]) -> Mapping[bytes, tuple[bytes, int]]:
        self.calls.append(list(keys))
        return self.journal.store.find_all(keys)


@pytest.fixture
def both(tmp_path: Path) -> tuple[Run, Journal]:
    run = Run(tmp_path / "run.sqlite", range(100))
    own = tmp_path / "scratch" / "own.sqlite"
    return run, Journal(own, store=Behind(Sqlite(own), known_keys(tmp_path / "run.sqlite"), run.fetch))


def closed(both: tuple[Run, Journal]) -> None:
    both[0].journal.close()
    both[1].close()


def test_what_is_behind_is_read_and_not_kept(both: tuple[Run, Journal]) -> None:
    run, journal = both
    asyncio.run(journal.put([entry(200), entry(3, "own")]))
    asyncio.run(journal.note(Attempt(entry(5).key, "timeout", "", billed=True, dollars=1.0)))
    assert journal.get(entry(7).key) == entry(7).raw
    assert journal.get(entry(3).key) == {"choice": {"text": "own"}}, "its own comes first"
    keys = [entry(n).key for n in (1, 200, 3, 300, 99)]
    assert journal.there(keys) == {entry(n).key: (entry(n, "own" if n == 3 else "").raw) for n in (1, 200, 3, 99)}
    assert journal.all_of(keys[:3]) == [entry(1).raw, entry(200).raw, {"choice": {"text": "own"}}]
    assert run.calls == [[entry(7).key], [entry(1).key, entry(99).key]], "what is asked once is remembered"
    assert (len(journal), journal.spent(), journal.failures()) == (2, 2 * 0.25 + 1.0, {})
    assert (journal.cost(entry(200).key), journal.cost(entry(7).key)) == ((3, 2, 0.25), None)
    own = Sqlite(journal.path)
    assert (own.count(), own.find(entry(7).key)) == (2, None)
    own.close()
    assert len(run.journal) == 100
    closed(both)


def test_what_is_not_there_costs_no_call(both: tuple[Run, Journal]) -> None:
    run, journal = both
    keys = [entry(n).key for n in range(1_000, 2_000)]
    assert not any(journal.has(key) for key in keys)
    assert (journal.get(keys[0]), journal.there(keys), journal.all_of(keys[:2])) == (None, {}, None)
    assert run.calls == []
    alike = entry(7).key[:8] + os.urandom(24)
    assert (journal.has(alike), journal.get(alike), journal.there([alike, entry(8).key])) == (
        False,
        None,
        {entry(8).key: entry(8).raw},
    )
    assert journal.has(entry(9).key)
    assert journal.get(entry(9).key) == entry(9).raw
    assert run.calls[-1] == [entry(9).key], "who asks whether it is there asks for it next"
    closed(both)


def test_few_replies_are_remembered(tmp_path: Path) -> None:
    run = Run(tmp_path / "run.sqlite", range(HELD + 50))
    store = Behind(Sqlite(tmp_path / "own.sqlite"), known_keys(tmp_path / "run.sqlite"), run.fetch)
    for n in range(HELD + 50):
        assert store.find(entry(n).key) is not None
    assert len(store._held) == HELD
    store.close()
    run.journal.close()


def test_damage_behind_is_seen(tmp_path: Path) -> None:
    run = Run(tmp_path / "run.sqlite", range(3))
    known = known_keys(tmp_path / "run.sqlite")
    body, crc = run.fetch([entry(1).key])[entry(1).key]
    own = tmp_path / "own.sqlite"
    journal = Journal(own, store=Behind(Sqlite(own), known, lambda keys: dict.fromkeys(keys, (body, crc ^ 1))))
    with pytest.raises(RunError, match="is damaged on disk"):
        journal.get(entry(1).key)
    journal.close()
    run.journal.close()


@pytest.mark.parametrize("number", [0, 1, 2, 1000])
def test_known_keys_are_the_beginnings_of_all(number: int, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    asyncio.run(journal.put([entry(n) for n in range(number)]))
    found = known_keys(tmp_path / "j.sqlite")
    assert found.dtype == np.uint64
    assert found.tolist() == sorted(int.from_bytes(entry(n).key[:8], "big") for n in range(number))
    journal.close()


def test_no_journal_knows_no_keys_and_a_broken_one_says_so(tmp_path: Path) -> None:
    assert known_keys(tmp_path / "none.sqlite").tolist() == []
    store = Behind(Sqlite(tmp_path / "own.sqlite"), known_keys(tmp_path / "none.sqlite"), lambda keys: {})
    assert (store.find(b"k"), store.has(b"k"), store.find_all([b"k"])) == (None, False, {})
    store.close()
    (tmp_path / "broken.sqlite").write_bytes(b"no database " * 1000)
    with pytest.raises(RunError, match=r"broken\.sqlite: file is not a database"):
        known_keys(tmp_path / "broken.sqlite")
