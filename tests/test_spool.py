"""A source's rows on disk: the same as in memory, whole or not there, and gone when nobody needs them."""

import gc
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen import plan as planning
from prefgen.errors import RecipeError, RunError
from prefgen.order import BUCKET, PREFIX, Folder, frames, ordered
from prefgen.recipe import Recipe, do
from prefgen.rows import DROPPED
from prefgen.sources.load import load
from prefgen.sources.load_pairs import load_pairs
from prefgen.sources.load_responses import load_responses
from prefgen.spool import Spool, in_shards, parted, prompts_of, spool_of, spooled, written

ROOT = Path(__file__).parent.parent


def rows_of(path: Path) -> pl.DataFrame:
    return pl.concat(frames(path))


def many(prompts: int) -> list[dict[str, Any]]:
    return [{"prompt": f"number {i % prompts}", "n": i, "chosen": "a", "rejected": "b"} for i in range(2 * prompts)]


@pytest.mark.parametrize("settings", [{}, {"take": 7}, {"shuffle": True, "seed": 3}, {"shuffle": True, "take": 7}])
@pytest.mark.parametrize(("verb", "prompts"), [(load, 3), (load, BUCKET), (load_pairs, 3), (load_responses, 3)])
def test_what_is_spooled_is_what_a_source_gives(verb: Any, prompts: int, settings: dict[str, Any]) -> None:
    own = {load: {}, load_pairs: {}, load_responses: {"chosen": "chosen", "rejected": "rejected"}}[verb]
    how = {"keep": ["n"], **own, **settings}
    kept, gone = parted(verb(many(prompts), **how))
    spool = spooled(verb, many(prompts), how)
    assert rows_of(spool.path).equals(kept)
    assert rows_of(spool.gone).select("prompt_id", "id", DROPPED).equals(gone.select("prompt_id", "id", DROPPED))
    assert (spool.schema, spool.rows, spool.dropped) == (kept.schema, kept.height, Counter(gone[DROPPED].to_list()))
    assert spool.first(2).equals(next(in_shards(spool.path, 2)))


def test_a_function_of_somebody_s_gives_a_frame() -> None:
    frame = pl.DataFrame({"prompt_id": ["a", "b"], "id": ["a", "b"], "e": pl.Series(["x", None], dtype=pl.Enum(["x"]))})
    spool = spooled(lambda _: frame, "", {})
    assert rows_of(spool.path).equals(frame)
    assert (spool.rows, spool.dropped, rows_of(spool.gone).height) == (2, {}, 0)
    marked = frame.with_columns(pl.Series(DROPPED, [None, "too long"]), detail=pl.lit("9 words"))
    spool = spooled(lambda _: marked, "", {})
    assert rows_of(spool.gone).rows() == [("b", "b", "too long", "9 words")]
    with pytest.raises(RunError, match=r"its rows have no prompt_id; a source gives each row both"):
        spooled(lambda _: frame.drop("prompt_id"), "", {})


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(["a", "b", None, "0123456789abcdef", "0123456789abcdee"])), st.integers(1, 3))
def test_shards_of_a_mixed_table_are_those_of_one_in_memory(prompts: list[str | None], size: int) -> None:
    """Whatever names prompts, and however long its parts are on the disk."""
    home = Folder()
    frame = pl.DataFrame(
        {"prompt_id": prompts, "n": range(len(prompts))}, schema={"prompt_id": pl.String, "n": pl.Int64}
    )
    frame.write_parquet(home.path / "x.parquet", row_group_size=2)
    order = list(dict.fromkeys(prompts))
    wanted = [
        [n for prompt in order[i : i + size] for n in range(len(prompts)) if prompts[n] == prompt]
        for i in range(0, len(order), size)
    ]
    assert [shard["n"].to_list() for shard in in_shards(home.path / "x.parquet", size)] == (wanted or [[]])
    assert prompts_of(home.path / "x.parquet") == len(order)


def test_shards_of_a_large_mixed_table() -> None:
    home, rows = Folder(), 3 * BUCKET + 5
    frame = pl.DataFrame({"prompt_id": [f"{i % 5000:016x}" for i in range(rows)], "n": range(rows)})
    frame.write_parquet(home.path / "x.parquet")
    found = list(in_shards(home.path / "x.parquet", 700))
    assert [shard["prompt_id"].n_unique() for shard in found] == [700] * 7 + [100]
    first = pl.col("n").first().over("prompt_id")
    assert pl.concat(found).equals(frame.sort(first, maintain_order=True))


def test_rows_without_a_place_are_left_out() -> None:
    places = pl.Series([2, None, 0], dtype=pl.UInt32)
    frame = pl.DataFrame({"n": [1, 2, 3]})
    assert pl.concat(ordered(iter([frame]), places, places))["n"].to_list() == [3, 1]
    assert pl.concat(ordered(iter([frame]), places.clear(3), places.clear(3))).schema == frame.schema


def test_a_damaged_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(RunError, match=r"x\.parquet: cannot be read .*; run the recipe again, which asks nothing anew"):
        spool_of(tmp_path / "x.parquet", tmp_path / "x.parquet")
    with pytest.raises(RunError, match="cannot be read"):
        next(in_shards(tmp_path / "gone.parquet", 3))


# --- files ----------------------------------------------------------------------------------


def one() -> Spool:
    return written(iter([pl.DataFrame({"prompt_id": ["a"], "id": ["a"]})]))


def test_files_go_with_who_holds_them() -> None:
    spool = one()
    path = spool.path
    assert path.exists()
    copy = spool.only(lambda rows: rows.clear())
    del spool
    gc.collect()
    assert not path.parent.exists()
    assert copy.path.exists()


FAILING = """
import gc, os, sys
import polars as pl
from prefgen.spool import written

def failing():
    yield pl.DataFrame({"prompt_id": ["a"], "id": ["a"]})
    raise KeyboardInterrupt

try:
    written(failing())
except KeyboardInterrupt:
    pass
gc.collect()
print(os.listdir(sys.argv[1]))
"""


def test_files_go_where_a_source_fails(tmp_path: Path) -> None:
    """In a process with a temporary folder of its own: others have theirs at the same time."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", FAILING, str(tmp_path)], capture_output=True, text=True, env=env, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_plan_holds_the_rows_of_its_sources() -> None:
    rows = [{"prompt": "why?"}, {"prompt": "how?"}]
    plan = planning.make(Recipe(name="r", steps={"prompts": do("load", rows)}))
    source = plan.steps["prompts"].source
    assert source
    path = source.path
    del source
    assert rows_of(path).height == 2
    del plan
    gc.collect()
    assert not path.exists()
    with pytest.raises(RecipeError, match="no usable prompts; dropped: empty prompt 2"):
        planning.make(Recipe(name="r", steps={"prompts": do("load", [{"prompt": ""}, {"prompt": " "}])}))


CHILD = """
import sys, time
import polars as pl
from prefgen.spool import written
spool = written(iter([pl.DataFrame({"prompt_id": ["a"], "id": ["a"]})]))
print(spool.path, flush=True)
if sys.argv[1] == "error":
    raise SystemExit(3)
time.sleep(60)
"""


def begun(how: str, folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that holds rows, and where they lie."""
    own = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    command = [sys.executable, "-c", CHILD, how]
    child = subprocess.Popen(command, env=own, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout
    with child.stdout as said:
        return child, Path(said.readline().strip())


@pytest.mark.parametrize("how", ["error", "interrupt"])
def test_files_go_however_python_ends(how: str, tmp_path: Path) -> None:
    child, path = begun(how, tmp_path)
    if how == "interrupt":
        assert path.exists()
        child.send_signal(signal.SIGINT)
    child.wait(60)
    assert path.is_relative_to(tmp_path)
    assert not [*tmp_path.glob(f"{PREFIX}*")]


@pytest.mark.slow
def test_files_of_a_killed_process_go_with_the_next_one(tmp_path: Path) -> None:
    (killed, left), (alive, held) = begun("kill", tmp_path), begun("interrupt", tmp_path)
    killed.kill()
    killed.wait(60)
    assert left.exists()
    begun("error", tmp_path)[0].wait(60)
    assert not left.parent.exists()
    assert held.exists()
    alive.kill()
    alive.wait(60)


def test_a_run_lays_its_source_down_as_it_was_planned(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("\n".join(json.dumps({"prompt": f"number {i % 1500}"}) for i in range(3000)))
    spool = spooled(load, tmp_path / "x.jsonl", {})
    spool.copied(tmp_path / "t" / "p.parquet", tmp_path / "t" / "p.dropped.parquet")
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["p.dropped.parquet", "p.parquet"]
    again = spool_of(tmp_path / "t" / "p.parquet", tmp_path / "t" / "p.dropped.parquet")
    assert (again.schema, again.rows, again.dropped) == (spool.schema, 1500, {"duplicate prompt": 1500})
