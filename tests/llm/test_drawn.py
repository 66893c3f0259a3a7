"""What was drawn is known in bounded memory, and costs the same however it is summed up."""

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest

from prefgen.errors import RunError
from prefgen.llm import drawn
from prefgen.llm.drawn import HELD, Bill, Drawn, bills
from prefgen.llm.store import REPLY, opened


def key(n: int) -> bytes:
    return hashlib.sha256(str(n).encode()).digest()


def journal(path: Path, replies: int) -> Path:
    """Reply n has n + 1 tokens in, 2 out, and costs n microdollars; every fifth has no price."""
    with opened(path) as connection:
        rows = [(key(n), b"x", 0, n + 1, 2, None if n % 5 == 0 else n / 1e6, "m", 0.0) for n in range(replies)]
        connection.executemany(REPLY, rows)
    connection.close()
    return path


def some(numbers: list[int], *, together: int) -> Drawn:
    """Drawn by shards of so many."""
    found = Drawn()
    for start in range(0, len(numbers), together):
        shard = Drawn()
        shard.update(key(n) for n in numbers[start : start + together])
        found |= shard
    return found


def expected(numbers: set[int]) -> Bill:
    dollars: Any = pytest.approx(sum(n / 1e6 for n in numbers if n % 5))
    unpriced = sum(n % 5 == 0 for n in numbers)
    return Bill(len(numbers), sum(n + 1 for n in numbers), 2 * len(numbers), dollars, unpriced)


@pytest.mark.parametrize("many", [False, True])
def test_what_replies_cost_by_step_and_in_all(tmp_path: Path, many: bool) -> None:
    """Some came twice, some in both steps, and some have no reply; of many no more than HELD are held."""
    n = 2 * HELD if many else 300
    path, chance = journal(tmp_path / "j.sqlite", n), random.Random(0)
    one, other = list(range(n // 2 + 100)), list(range(n // 2, n + 50))
    one += chance.sample(one, 200)
    chance.shuffle(one)
    steps = {"one": some(one, together=7), "other": some(other, together=1000)}
    assert all(len(step.held) <= HELD for step in steps.values())
    assert bool(steps["other"].spool) is many or n // 2 + 50 <= HELD
    found, total = bills(path, steps)
    assert found["one"] == expected(set(one))
    assert found["other"] == expected(set(other) & set(range(n)))
    assert total == expected(set(range(n)))


def test_a_shard_of_more_than_is_held_loses_none_when_it_is_added(tmp_path: Path) -> None:
    n = HELD + 500
    path, shards = journal(tmp_path / "j.sqlite", n), [range(n - 400), range(n - 600, n)]
    found = Drawn()
    for shard in shards:
        own = Drawn()
        own.update(key(i) for i in shard)
        found |= own
    steps, total = bills(path, {"one": found})
    assert steps["one"] == total == expected(set(range(n)))


def test_many_and_few_cost_the_same(tmp_path: Path) -> None:
    path, numbers = journal(tmp_path / "j.sqlite", 5000), list(range(0, 5000, 3))
    few, spooled = some(numbers, together=50), some(numbers, together=50)
    spooled.spooled()
    assert not few.spool
    assert bills(path, {"a": few, "b": Drawn()}) == bills(path, {"a": spooled, "b": Drawn()})


def test_the_order_of_draws_changes_nothing(tmp_path: Path) -> None:
    path, numbers = journal(tmp_path / "j.sqlite", HELD + 5000), list(range(HELD + 5000))
    mixed = random.Random(1).sample(numbers, len(numbers))
    first, again = (bills(path, {"a": some(of, together=n)}) for of, n in ((numbers, 999), (mixed, 64)))
    assert first == again


def test_nothing_was_drawn(tmp_path: Path) -> None:
    assert bills(journal(tmp_path / "j.sqlite", 3), {}) == ({}, Bill())
    assert not Drawn()


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    class Full:
        def seek(self, *_: int) -> int:
            return 0

        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

    found = Drawn()
    found.spooled()
    assert found.spool
    found.spool.file = Full()  # type: ignore[assignment]
    with pytest.raises(RunError, match="No space left on device; make room there"):
        found.update(key(n) for n in range(HELD + 1))
    assert drawn.TOGETHER < HELD
