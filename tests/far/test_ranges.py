"""How prompts are cut, and how what is made of them is named."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen import Recipe, do
from prefgen import plan as planning
from prefgen.far.ranges import FEW, MOST, name_of, plan_digest, range_size, slice_of
from prefgen.rows import by_prompt

ROWS = pl.DataFrame({"prompt_id": ["a", "b"], "id": ["a", "b"], "prompt": ["x", "y"]})


@given(st.integers(0, 10**7), st.booleans())
def test_ranges_are_of_a_size_that_workers_have_no_say_in(prompts: int, limited: bool) -> None:
    size = range_size(prompts, limited=limited)
    assert 1 <= size <= (FEW if limited else MOST)
    assert size == 1 or size * 16 <= prompts


@given(st.integers(0, 3000), st.integers(1, 40))
def test_slices_are_all_ranges_once_and_as_equal_as_can_be(ranges: int, of: int) -> None:
    slices = [slice_of(ranges, number, of) for number in range(of)]
    assert [place for one in slices for place in one] == [*range(ranges)]
    assert max(map(len, slices)) - min(map(len, slices)) <= 1


def digest(folder: Path, *, steps: Any = None, model: Any = None, **more: Any) -> str:
    (folder / "p.jsonl").write_text('{"prompt": "why?"}\n')
    found = {
        "prompts": do("load", str(folder / "p.jsonl")),
        "responses": do("answer", "prompts", model="m", **(steps or {})),
        **more.pop("last", {}),
    }
    recipe = Recipe(
        name="x",
        models={"m": {"use": "openai/x", "base_url": "http://127.0.0.1:9", **(model or {})}},
        steps=found,
        **more,
    )
    return plan_digest(planning.make(recipe))


def test_what_makes_other_tables_has_another_name(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# user\n\nSay: {{ prompt }}\n")
    names = [
        digest(tmp_path),
        digest(tmp_path, seed=1),
        digest(tmp_path, steps={"n": 2}),
        digest(tmp_path, steps={"template": tmp_path / "a.md"}),
        digest(tmp_path, model={"temperature": 0.5}),
        digest(tmp_path, model={"use": "openai/y"}),
        digest(tmp_path, canaries={"share": 0.5}),
        digest(tmp_path, last={"short": do("max_length", "responses", of="response", at_most=5)}),
        digest(tmp_path, last={"short": do("max_length", "responses", of="response", at_most=6)}),
    ]
    (tmp_path / "a.md").write_text("# user\n\nSay it: {{ prompt }}\n")
    names.append(digest(tmp_path, steps={"template": tmp_path / "a.md"}))
    assert len({*names}) == len(names)


def test_how_replies_come_and_what_is_written_changes_no_name(tmp_path: Path) -> None:
    limit = {"max_tokens": 9}
    model = {
        **limit,
        "base_url": "http://127.0.0.1:10",
        "rpm": 5,
        "concurrency": 3,
        "timeout": 5.0,
        "price": {"input": 1, "output": 2},
    }
    other = digest(tmp_path, model=model, about="words", max_cost=3.0, write={}, splits={"test": 0.1})
    assert other == digest(tmp_path, model=limit)


@by_prompt
def yours(rows: pl.DataFrame) -> pl.DataFrame:
    return rows


def test_a_verb_of_yours_has_the_name_of_its_file_and_one_that_holds_values_has_none(tmp_path: Path) -> None:
    kept = 3

    @by_prompt
    def closed(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.head(kept)

    own, held = ({"last": do(verb, "responses")} for verb in (yours, closed))
    assert digest(tmp_path, last=own) == digest(tmp_path, last=own) != digest(tmp_path)
    assert digest(tmp_path, last=held) != digest(tmp_path, last=held)


@pytest.mark.parametrize(
    "other",
    [
        ROWS.with_columns(prompt=pl.lit("z")),
        ROWS.reverse(),
        ROWS.head(1),
        ROWS.with_columns(more=1),
        ROWS.rename({"prompt": "text"}),
        ROWS.with_columns(pl.col("prompt").cast(pl.Categorical)),
    ],
)
def test_other_rows_have_another_name(other: pl.DataFrame) -> None:
    assert name_of("plan", "root", other) != name_of("plan", "root", ROWS)


def test_the_same_rows_have_one_name_however_they_lie() -> None:
    cut = pl.concat([ROWS.head(1), ROWS.tail(1)], rechunk=False)
    whole = pl.concat([ROWS, ROWS]).slice(2, 2)
    assert name_of("plan", "root", cut) == name_of("plan", "root", whole) == name_of("plan", "root", ROWS)


@pytest.mark.parametrize(
    "wrap", [lambda b: b, lambda b: [b], lambda b: {"bytes": b, "path": None}, lambda b: [{"b": b}]]
)
def test_rows_with_pictures_have_names(wrap: Any) -> None:
    def name(*pictures: bytes) -> str:
        rows = ROWS.with_columns(image=pl.Series([wrap(one) for one in pictures]))
        whole, chunked = name_of("p", "r", rows), name_of("p", "r", pl.concat([rows[:1], rows[1:]], rechunk=False))
        assert whole == chunked
        return whole

    assert name(b"\xff\x00", b"x") == name(b"\xff\x00", b"x") != name(b"\xff\x01", b"x")
