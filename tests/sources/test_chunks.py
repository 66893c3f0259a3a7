"""How many rows are read together changes nothing of what comes out: not rows, not types, not what is told."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.rows import DROPPED
from prefgen.sources._seen import Seen
from prefgen.sources._taking import Chunks
from prefgen.sources.load import LoadError, load

SIZES = (1, 2, 3, 7, 4096)


def cut(chunks: Chunks, size: int) -> Chunks:
    return replace(chunks, wanted=replace(chunks.wanted, chunk=size))


def outcome(source: Any, size: int, how: dict[str, Any]) -> tuple[Any, ...]:
    """All that can be seen of a source that is read so many rows at a time."""
    told: list[str] = []
    try:
        rows = cut(load.chunks(source, tell=told.append, **how), size).collected()
    except LoadError as e:
        return str(e), told
    return rows.schema, repr(rows.rows()), told  # NaN is NaN


numbers = st.one_of(st.integers(-5, 5), st.sampled_from([2**62, 2**63, 2**64, -(2**63), -(2**63) - 1]))
scalars = st.one_of(st.none(), st.booleans(), numbers, st.floats(), st.sampled_from(["", "a", "é\n", "2020-01-01"]))
nested = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner), max_leaves=6
)
alike = st.sampled_from(
    [
        st.one_of(st.none(), numbers),
        st.one_of(st.none(), st.integers(-5, 5), st.floats(allow_nan=False)),
        st.lists(st.one_of(st.none(), st.floats(-9, 9), st.integers(-9, 9)), max_size=3),
        st.dictionaries(st.sampled_from("abc"), st.integers(0, 3) | st.text("xy", max_size=2)),
        nested,
    ]
)
"""Columns whose values often have one type, and now and then none."""
prompts = st.one_of(st.sampled_from(["why?", "how?", "who?", " ", "\u2028", "\x1c"]), st.none())


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of which some lack a column; the kept one may come late."""
    kept = draw(alike)
    one = st.fixed_dictionaries({}, optional={"prompt": prompts, "x": kept, "y": st.just("y")})
    late = draw(st.lists(st.fixed_dictionaries({"prompt": prompts}), max_size=6))
    return late + draw(st.lists(one, min_size=1, max_size=12))


how = st.fixed_dictionaries(
    {"keep": st.sampled_from([[], ["x"], ["x.a"], {"z": "x", "y": "y"}]), "shuffle": st.booleans()},
    optional={"take": st.integers(1, 6)},
)


@settings(deadline=None, max_examples=60)
@given(rows(), how, st.sampled_from(["list", "jsonl", "json"]))
def test_the_size_of_chunks_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], how: dict[str, Any], kind: str
) -> None:
    source: Any = rows
    if kind != "list":
        source = tmp_path_factory.mktemp("rows") / f"x.{kind}"
        lines = [json.dumps(row) for row in rows]
        source.write_text("\n".join(lines) if kind == "jsonl" else f"[{', '.join(lines)}]")
    first, *others = (outcome(source, size, how) for size in SIZES)
    assert all(other == first for other in others)


cells = st.sampled_from(["why?", "how?", 'a "b", c', "l1\nl2", "", " ", "7", "1.5", "007"])


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(cells, cells), min_size=1, max_size=12),
    how.map(lambda how: {**how, "keep": ["x"]}),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n\n", "only\n"]),
)
def test_nor_that_of_a_csv_file_with_empty_and_short_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str]], how: dict[str, Any], end: str, tail: str
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows([("prompt", "x"), *lines])
    path = tmp_path_factory.mktemp("rows") / "x.csv"
    path.write_text(text.getvalue() + tail, newline="")
    first, *others = (outcome(path, size, how) for size in SIZES)
    assert all(other == first for other in others)
    whole = pl.read_csv(path, infer_schema=False)
    assert load(path).height == whole.height


@pytest.mark.parametrize("size", SIZES)
def test_duplicates_are_found_across_chunks(size: int) -> None:
    many = [{"prompt": f"number {i % 10}"} for i in range(30)]
    rows = cut(load.chunks(many), size).collected()
    assert rows[DROPPED].to_list() == [None] * 10 + ["duplicate prompt"] * 20
    assert rows["id"][10:].to_list() == [f"row {n}" for n in range(11, 31)]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 9) | st.integers(0, 2**64 - 1), max_size=40), max_size=30))
def test_what_was_seen_is_known(batches: list[list[int]]) -> None:
    seen, known = Seen(), set[int]()
    for batch in batches:
        first = [n not in known and n not in batch[:i] for i, n in enumerate(batch)]
        assert seen.add(pl.Series(batch, dtype=pl.UInt64)).to_list() == first
        known |= set(batch)
    assert sum(map(len, seen.runs)) == len(known)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "text"), [("x.jsonl", '{"prompt": "a"}\n' * 5), ("x.csv", "prompt\n" + "a\n" * 5)])
def test_with_take_nothing_behind_the_rows_taken_is_read(name: str, text: str, size: int, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text + ('{"prompt": \n' if name == "x.jsonl" else "a,b,c,d\n"))
    assert cut(load.chunks(tmp_path / name, take=1), size).collected().height == 1
    with pytest.raises(LoadError, match=r":[67]: "):
        cut(load.chunks(tmp_path / name), size).collected()


@pytest.mark.parametrize("size", [1, 4096])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"prompt": "a"}, {"prompt": }]', r"x\.json: not JSON: Expecting value \(column 30\)"),
        ('[{"prompt": "a"},\n{"prompt": "b"}\n', r"x\.json:3: not JSON: Expecting ',' delimiter"),
        ('[{"prompt": "a"}, 12]', r"x\.json: row 2: holds a number, not an object"),
        ('[{"prompt": "a"}] x', r"x\.json: not JSON: Extra data \(column 19\)"),
        ("[]", r"x\.json has no rows"),
    ],
)
def test_a_list_s_faults_are_told_with_their_place(text: str, words: str, size: int, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(LoadError, match=words):
        cut(load.chunks(tmp_path / "x.json"), size).collected()


def test_a_list_whose_values_go_over_the_blocks_that_are_read(tmp_path: Path) -> None:
    long = [{"prompt": f"{i} " + "é\\" * 300_000} for i in range(5)]
    (tmp_path / "x.json").write_text("\ufeff" + json.dumps(long, indent=1, ensure_ascii=False), encoding="utf-8")
    assert [talk[0]["content"] for talk in load(tmp_path / "x.json")["prompt"]] == [row["prompt"] for row in long]


def test_a_number_of_more_than_64_bits_stays_what_it_is(tmp_path: Path) -> None:
    """orjson makes a fraction of it."""
    (tmp_path / "x.jsonl").write_text('{"prompt": "a", "n": 1}\n{"prompt": "b", "n": 36893488147419103233}\n')
    assert load(tmp_path / "x.jsonl", keep=["n"])["n"].to_list() == ["1", "36893488147419103233"]


def test_a_file_that_is_written_to_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"prompt": "a"}\n{"prompt": "b"}\n')
    opened = load.chunks(path)._opened()
    path.write_text('{"prompt": "a"}\n{"prompt": "b"}\n{"prompt": "c"}\n')
    with pytest.raises(LoadError, match=r"x\.jsonl was changed while it was read"):
        list(opened.chunks())


def test_a_layout_is_told_once_however_often_the_source_is_read() -> None:
    told: list[str] = []
    pair = {"chosen": "Human: why?\n\nAssistant: so", "rejected": "Human: why?\n\nAssistant: no"}
    many: list[dict[str, Any]] = [pair, pair, {**pair, "chosen": "Human: how?\n\nAssistant: so"}]
    assert load(many, take=2, tell=told.append).height == 3
    assert len(told) == 1


@pytest.mark.parametrize("kept", [1, {"a": [1, None]}, None])
def test_nor_that_of_a_dataset_folder(kept: Any, tmp_path: Path) -> None:
    many = [{"prompt": f"number {i % 7}", "x": kept if i % 3 else None} for i in range(20)]
    (tmp_path / "train.jsonl").write_text("\n".join(json.dumps(row) for row in many))
    first, *others = (outcome(tmp_path, size, {"keep": ["x"], "shuffle": True}) for size in SIZES)
    assert all(other == first for other in others)
    assert load(tmp_path).height == 20
