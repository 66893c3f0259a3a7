"""The same rows give the same bytes however they came in; a file is there whole, or as it was before."""

import errno
import json
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from prefgen.asker import MESSAGES
from prefgen.errors import RunError
from prefgen.folders import no_room
from prefgen.tablefile import GROUP, TableFile, batches

SCHEMA = pl.Schema([("id", pl.String), ("n", pl.Int64), ("x", pl.Float64), ("asked", MESSAGES), ("empty", pl.String)])


def row(n: int) -> dict[str, Any]:
    """A row with something missing now and then, and texts of all lengths."""
    asked = [{"role": "user", "content": "é" * (n % 7)}] * (n % 3)
    return {"id": f"{n}.0", "n": None if n % 5 == 0 else n, "x": n / 7, "asked": asked or None, "empty": None}


ROWS = pl.DataFrame([row(n) for n in range(2 * GROUP + 345)], schema=SCHEMA)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def written(path: Path, frames: Sequence[pl.DataFrame], schema: pa.Schema | None = None) -> bytes:
    file = TableFile(path, schema)
    for frame in frames:
        file.add(frame)
    file.close()
    return path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of all rows, added at once."""
    return written(tmp_path_factory.mktemp("whole") / "t.parquet", [ROWS])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, ROWS.height), max_size=12).map(sorted))
@example([0, 0, GROUP, 2 * GROUP, ROWS.height])
@example([GROUP - 1, GROUP, GROUP + 1])
@example(list(range(0, ROWS.height, 8)))
def test_the_same_rows_give_the_same_bytes_in_any_cut(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, cuts: list[int]
) -> None:
    frames = [ROWS.slice(start, end - start) for start, end in pairwise([0, *cuts, ROWS.height])]
    path = tmp_path_factory.getbasetemp() / "cut.parquet"
    assert written(path, frames) == whole
    copies = [pl.DataFrame(frame.to_dicts(), schema=SCHEMA) for frame in frames]
    assert written(path, copies) == whole


def test_what_is_written_is_read_again_in_row_groups_of_one_size(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "deep" / "er" / "t.parquet"
    assert written(path, [ROWS]) == whole
    assert_frame_equal(pl.read_parquet(path), ROWS)
    about = pq.ParquetFile(path).metadata
    assert [about.row_group(i).num_rows for i in range(about.num_row_groups)] == [GROUP, GROUP, 345]
    assert names(path.parent) == ["t.parquet"]


@pytest.mark.parametrize("height", [0, 1, GROUP - 1, GROUP, GROUP + 1])
def test_a_table_of_any_height_is_whole(height: int, tmp_path: Path) -> None:
    made = written(tmp_path / "t.parquet", [ROWS.head(height)])
    assert_frame_equal(pl.read_parquet(tmp_path / "t.parquet"), ROWS.head(height))
    assert written(tmp_path / "t.parquet", [ROWS.head(0), ROWS.head(height), ROWS.head(0)]) == made
    assert pq.ParquetFile(tmp_path / "t.parquet").num_row_groups == max(1, -(-height // GROUP))


def test_rows_take_the_schema_that_was_asked_for(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.string()), ("n", pa.int32())])
    written(tmp_path / "t.parquet", [ROWS.select("id", "n")], schema)
    assert pq.read_schema(tmp_path / "t.parquet").equals(schema)


def test_a_table_to_which_nothing_was_added_has_no_file(tmp_path: Path) -> None:
    TableFile(tmp_path / "none.parquet").close()
    written(tmp_path / "t.parquet", [ROWS])
    TableFile(tmp_path / "t.parquet").close()
    assert names(tmp_path) == []


@pytest.mark.parametrize("heights", [[], [3], [GROUP], [GROUP, 3]])
def test_the_old_file_stays_until_the_new_one_is_whole(heights: list[int], tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    old, file = written(path, [ROWS.head(5)]), TableFile(path)
    for height in heights:
        file.add(ROWS.head(height))
        assert path.read_bytes() == old
    file.abandon()
    assert (names(tmp_path), path.read_bytes()) == (["t.parquet"], old)
    assert written(path, [ROWS.head(6)]) != old


def test_what_an_earlier_run_left_half_written_is_of_no_account(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / ".t.parquet.partial").write_bytes(b"half a table" * 100_000)
    assert written(tmp_path / "t.parquet", [ROWS]) == whole
    assert names(tmp_path) == ["t.parquet"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "tables").write_text("no folder")
    file = TableFile(tmp_path / "tables" / "t.parquet")
    with pytest.raises(RunError, match=r"tables/t\.parquet: .*; make room and run the same command again"):
        file.add(ROWS)


FULL = """
import json, os, resource, signal, sys
from pathlib import Path
import polars as pl
from prefgen.errors import RunError
from prefgen.tablefile import GROUP, TableFile

def write(path, frames):
    file = TableFile(path)
    try:
        for frame in frames:
            file.add(frame)
        file.close()
    except RunError as e:
        file.abandon()
        return str(e)
    return ""

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, room = Path(sys.argv[1]), int(sys.argv[2])
frames = [pl.DataFrame({"id": [os.urandom(500).hex() for _ in range(100)]}) for _ in range(int(sys.argv[3]))]
write(path, frames)
whole = path.read_bytes()
write(path, frames[:1])
old = path.read_bytes()
limit(room if room > 0 else len(whole) + room)
said = write(path, frames)
limit(resource.RLIM_INFINITY)
stays, left = path.read_bytes() == old, os.listdir(path.parent)
write(path, frames)
print(json.dumps([said, stays, left, path.read_bytes() == whole, os.listdir(path.parent)]))
"""


@pytest.mark.parametrize(("room", "frames"), [(100_000, 40), (700_000, 40), (100_000, 3), (10, 2), (-10, 2)])
def test_a_full_disk_leaves_the_old_file_and_the_next_try_is_whole(room: int, frames: int, tmp_path: Path) -> None:
    """In the first row group, in the second, in the rest that closing writes, before any row, and after all of them."""
    words = [sys.executable, "-c", FULL, str(tmp_path / "t.parquet"), str(room), str(frames)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    said, stays, left, whole, after = json.loads(done.stdout)
    assert said.startswith(f"{tmp_path / 't.parquet'}: ")
    assert "File too large" in said
    assert said.endswith("; make room and run the same command again: every reply received is kept")
    assert (stays, left, whole, after) == (True, ["t.parquet"], True, ["t.parquet"])
    assert done.stderr == ""


# --- tables in batches ----------------------------------------------------------------------

PROMPTS = st.lists(st.integers(0, 5), max_size=30)


@settings(deadline=None, max_examples=40)
@given(PROMPTS, st.booleans(), st.integers(1, 12))
def test_batches_are_the_table_and_no_prompt_is_in_two(
    tmp_path_factory: pytest.TempPathFactory, prompts: list[int], together: bool, size: int
) -> None:
    table = pl.DataFrame({"prompt_id": sorted(prompts) if together else prompts, "row": range(len(prompts))})
    path = tmp_path_factory.mktemp("batches") / "t.parquet"
    table.write_parquet(path, row_group_size=3)
    found = list(batches(path, size))
    assert pl.concat(found).equals(table)
    homes = [set(frame["prompt_id"]) for frame in found]
    assert sum(map(len, homes)) == table["prompt_id"].n_unique()
    largest = max((prompts.count(one) for one in prompts), default=0)
    assert not together or all(frame.height < size + largest for frame in found)


def test_what_may_not_be_written_is_told_without_a_word_of_room(tmp_path: Path) -> None:
    told = str(no_room(tmp_path / "x", OSError(errno.EROFS, "Read-only file system"), "set it again"))
    assert told == f"{tmp_path / 'x'}: Read-only file system; make its folder writable and set it again"
