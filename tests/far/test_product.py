"""What was made of a range, in one file, and back again."""

import io
import zipfile
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from prefgen import Recipe, do
from prefgen import plan as planning
from prefgen.errors import RunError
from prefgen.far.product import packed, unpacked
from prefgen.llm.drawn import HELD
from prefgen.llm.outcome import Tally
from prefgen.planned import Plan
from prefgen.rounds import LOST, Count
from prefgen.saved import Saved
from prefgen.shards import Files, Made
from prefgen.stopping import find


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "p.jsonl").write_text('{"prompt": "why?"}\n')
    steps = {
        "prompts": do("load", str(tmp_path / "p.jsonl")),
        "responses": do("answer", "prompts", model="m"),
        "scores": do("score", "responses", model="m", n=3, stop="race"),
    }
    return planning.make(Recipe(name="x", models={"m": {"use": "fake/m"}}, steps=steps), fakes={"m": str})


def counts(number: int = 3) -> dict[str, Count]:
    one = Count(5, 3, 9, 1, 12, 10, Counter({"no prompt": 1}), Counter({"missing": 1}), Counter({"timeout": 1}))
    one.canaries.update({("echo", "withstood"): 4, ("echo", "fooled"): 1})
    one.replies.update(bytes([n % 256, n // 256 % 256, n // 65536]) + b"x" * 29 for n in range(number))
    one.tally = Tally(7, 2, 1, 100, 50, 0.25, 1, 2, 3, 4, 5)
    stop, _ = find("race")
    one.saved = Saved(stop, 12, 15, 3, 1)
    return {"responses": Count(rows_in=1, rows_used=1, rows_out=1), "scores": one}


def laid(place: Path, plan: Plan) -> dict[str, Made]:
    rows = {
        table: Made(
            pl.DataFrame({name: [None] * 2 for name in plan.steps[table].schema}, schema=plan.steps[table].schema),
            pl.DataFrame([("p", "p.0", "missing", "text")], schema=LOST, orient="row"),
            Count(),
        )
        for table in ("responses", "scores")
    }
    with Files(place, [*rows]) as files:
        files.add(rows)
    return rows


@pytest.mark.parametrize("keys", [0, 3, HELD + 5])
def test_a_product_comes_back_as_it_was(keys: int, plan: Plan, tmp_path: Path) -> None:
    made, told = laid(tmp_path, plan), counts(keys)
    found = unpacked(packed(tmp_path, told, {"scores": (1.5, 2.5)}), plan, "x.zip")
    for table, one in found.made.items():
        assert_frame_equal(one.table, made[table].table)
        assert_frame_equal(one.lost, made[table].lost)
        assert Count(**{**vars(one.count), "tally": told[table].tally}) == told[table]
        assert found.tallies[table] == told[table].tally
    assert found.spans == {"scores": (1.5, 2.5)}
    drawn, wanted = found.made["scores"].count.replies, told["scores"].replies
    assert drawn.held == wanted.held
    assert bool(drawn.spool) == bool(wanted.spool) == (keys > HELD)
    if wanted.spool and drawn.spool:
        assert sorted(drawn.spool.all()["key"]) == sorted(wanted.spool.all()["key"])


@pytest.mark.parametrize("keys", [3, HELD + 5])
def test_it_knows_of_which_replies_it_was_made(keys: int, plan: Plan, tmp_path: Path) -> None:
    laid(tmp_path, plan)
    found = unpacked(packed(tmp_path, counts(keys), {}), plan, "x.zip")
    assert found.is_of({b"y" * 32, bytes([2, 0, 0]) + b"x" * 29})
    assert not found.is_of({b"y" * 32})
    assert not found.is_of(set())


def test_one_without_a_stop_has_none(plan: Plan, tmp_path: Path) -> None:
    laid(tmp_path, plan)
    told = counts()
    told["scores"].saved = Saved(None, 12, 12)
    found = unpacked(packed(tmp_path, told, {}), plan, "x.zip")
    assert found.made["scores"].count.saved == Saved(None, 12, 12)


def test_a_damaged_one_is_told(plan: Plan, tmp_path: Path) -> None:
    """Cut anywhere, or a bit of it turned: every part has a checksum, and so has the file's own list of parts."""
    laid(tmp_path, plan)
    content = packed(tmp_path, counts(), {})
    for end in range(0, len(content), 97):
        with pytest.raises(RunError, match=r"x\.zip: is damaged .*; take it away"):
            unpacked(content[:end], plan, "x.zip")
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        parts = [
            (one.header_offset + 30 + len(one.filename), one.file_size) for one in file.infolist() if one.file_size
        ]
    for start, size in parts:
        at = start + size // 2
        with pytest.raises(RunError, match=r"x\.zip: is damaged"):
            unpacked(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :], plan, "x.zip")


def test_one_of_another_plan_is_told(plan: Plan, tmp_path: Path) -> None:
    laid(tmp_path, plan)
    content = packed(tmp_path, {"responses": counts()["responses"]}, {})
    other = Plan(plan.recipe, {}, {})
    with pytest.raises(RunError, match="is damaged"):
        unpacked(content, other, "x.zip")
