"""Giants and bombs: refused with their place and a cure, before they are in memory."""

import gzip
import json
import os
import resource
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from prefgen import bounds
from prefgen.bounds import ROW, TooMuch
from prefgen.errors import PrefgenError
from prefgen.sources.load import load

ROOT = Path(__file__).parent.parent
CURE = f"of over {ROW:,} bytes; no model reads so much: cut it, or leave it out"
GIANT = "x" * (ROW + 1)


def refused(path: Path, **settings: Any) -> str:
    with pytest.raises(PrefgenError) as caught:
        load(path, **settings)
    return str(caught.value)


def test_a_giant_line_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(f'{{"prompt": "why?"}}\n{json.dumps({"prompt": GIANT})}\n')
    assert refused(path) == f"{path}:2: a line {CURE}"
    assert load(path, take=1).height == 1, "what is not read does not matter"
    path.rename(path.with_suffix(".json"))
    assert refused(path.with_suffix(".json")) == f"{path.with_suffix('.json')}:2: a line {CURE}"


def test_a_giant_row_of_a_list_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps([{"prompt": "why?"}, {"prompt": [{"role": "user", "content": "x" * (ROW // 2)}] * 3}]))
    assert refused(path) == f"{path}: row 2: a row {CURE}"
    assert load(path, take=1).height == 1
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "train.jsonl").write_text(json.dumps({"prompt": "x" * (ROW + 1)}) + "\n")
    assert refused(tmp_path / "d", take=1) == f"{tmp_path / 'd'}: row 1: a row {CURE}"


def test_a_giant_cell_of_a_csv_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(f'prompt,n\n"why,\nand ""how""?",1\n{GIANT},2\n')
    assert refused(path) == f"{path}:4: a line {CURE}"
    over_lines = "\n".join(["x" * 1_000_000] * 9)
    path.write_text(f'prompt,n\nwhy?,1\n"{over_lines}",2\nhow?,3\n')
    assert refused(path) == f"{path}:3: a row {CURE}"
    assert load(path, take=1).height == 1
    path.write_text('prompt\n"a ""b"", c"\n"d\n\ne"\n' + "x" * (ROW - 1) + "\n")
    assert load(path).height == 3


@pytest.mark.parametrize(
    "cell",
    [GIANT, [{"role": "user", "content": GIANT}], [{"role": "user", "content": "x" * (ROW // 2)}] * 3],
    ids=["text", "turn", "turns"],
)
def test_a_giant_cell_of_a_parquet_file_is_refused_with_its_place(cell: Any, tmp_path: Path) -> None:
    small = [{"role": "user", "content": "why?"}] if isinstance(cell, list) else "why?"
    path = tmp_path / "p.parquet"
    pl.DataFrame({"prompt": [small, cell, small]}).write_parquet(path)
    assert refused(path) == f"{path}: row 2, prompt: a cell {CURE}"
    assert load(path, take=1).height == 1


def test_sizes_of_cells_are_those_of_their_texts() -> None:
    frame = pl.DataFrame(
        {
            "a": ["é", None, ""],
            "b": [["x", "yy"], None, []],
            "c": [{"p": "xx", "q": ["y", None]}, {"p": None, "q": None}, None],
            "d": [1, 2, 3],
            "e": [b"abc", None, b""],
        }
    )
    sizes = {column.name: bounds._sizes(column).to_list() for column in frame}
    assert sizes == {"a": [2, 0, 0], "b": [3, 0, 0], "c": [3, 0, 0], "d": [0, 0, 0], "e": [3, 0, 0]}
    bounds.check_cells(pl.DataFrame({"a": []}), "nothing")
    bounds.check_cells(pl.DataFrame(), "nothing")


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (8_000_000_000, 8_000_000_000))
from pathlib import Path
from prefgen.errors import PrefgenError
from prefgen.sources.load import load
try:
    load(Path(sys.argv[1]))
except PrefgenError as e:
    print(e)
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024, file=sys.stderr)
"""


def told(path: Path) -> tuple[str, int]:
    """What a process of its own says of a file, and its memory in MB."""
    few = {**os.environ, "POLARS_MAX_THREADS": "2", "PYTHONPATH": str(ROOT)}
    child = [sys.executable, "-c", LIMITED, str(path)]
    done = subprocess.run(child, env=few, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), int(done.stderr.split()[-1])


def hole(path: Path, start: bytes = b"") -> None:
    """Five gigabytes that take no room on the disk."""
    path.write_bytes(start)
    os.truncate(path, 5_000_000_000)


def one_value_often(path: Path) -> None:
    pl.DataFrame({"prompt": pl.repeat("x" * 1_000, 2_000_000, eager=True)}).write_parquet(path)


def nothing_often(path: Path) -> None:
    pq.write_table(pa.table({"prompt": pa.nulls(80_000_000, pa.string())}), path)


def gzipped(path: Path) -> None:
    packer = zlib.compressobj(9, wbits=31)
    rows = b"prompt\n" + b"x\n" * 5_000_000
    path.write_bytes(b"".join([packer.compress(rows) for _ in range(10)] + [packer.flush()]))


def zstd(path: Path) -> None:
    path.write_bytes(zstandard.compress(b"prompt\n" + b"x\n" * 50_000_000))


BOMBS: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a line without end": ("p.jsonl", hole, f":1: a line {CURE}"),
    "a list without end": ("p.json", lambda path: hole(path, b"["), ": is 5.0 GB in one piece; save its rows as JSON Lines, one a line"),
    "a row without end": ("p.csv", lambda path: hole(path, b'prompt\n"'), f":2: a line {CURE}"),
    "one value of a dictionary": ("p.parquet", one_value_often, " bytes that unpack to 1.0 GB, "),
    "rows of nothing": ("p.parquet", nothing_often, " bytes that unpack to 1.3 GB, "),
    "gzip called CSV": ("p.csv", gzipped, ": is packed (gzip); unpack it first"),
    "zstd called TSV": ("p.tsv", zstd, ": is packed (zstd); unpack it first"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "make", "said"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_in_little_memory(name: str, make: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    make(tmp_path / name)
    words, memory = told(tmp_path / name)
    assert words.startswith(f"{tmp_path / name}:")
    assert said in words
    assert memory < 1_700


def test_other_files_that_recipes_name_have_the_same_ends(tmp_path: Path) -> None:
    from prefgen.filters.decontaminate import prompts_of
    from prefgen.tables.draw import draw

    (tmp_path / "a.jsonl").write_bytes(gzip.compress(b'{"a": 1}\n'))
    hole(tmp_path / "b.txt")
    rows = pl.DataFrame({"prompt_id": ["p"], "id": ["p"]})
    with pytest.raises(ValueError, match=r"a\.jsonl: is packed \(gzip\); unpack it first"):
        draw(rows, among=tmp_path / "a.jsonl")
    with pytest.raises(ValueError, match=r"is 5\.0 GB in one piece"):
        list(prompts_of(tmp_path / "b.txt"))


@pytest.mark.parametrize("ending", ["pkl", "PICKLE", "pt", "pth", "npy", "npz", "joblib", "bin"])
def test_a_pickle_is_refused_by_its_name(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"p.{ending}"
    for _ in range(2):  # there or not
        assert (
            refused(path)
            == f"{path} is a pickle or may be one, and runs code when it is opened; save its rows as Parquet"
        )
        path.write_bytes(b"cos\nsystem\n(S'touch PWNED'\ntR.")


def test_the_running_system_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "p.csv").symlink_to("/proc/self/environ")
    assert refused(tmp_path / "p.csv") == f"{tmp_path / 'p.csv'} is the system's, and no data; name a file of yours"


def test_a_limit_of_memory_is_what_these_tests_say_it_is() -> None:
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != 8_000_000_000, "of the child alone"
    with pytest.raises(TooMuch):
        bounds.check_unpacked(Path(__file__), 10**12)
