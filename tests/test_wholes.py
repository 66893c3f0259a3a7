"""A verb that sees its whole table makes the same of one that is held and of one that goes by in pieces."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.frames import TABLES
from prefgen import verbs, wholes
from prefgen.errors import RunError
from prefgen.order import Folder
from prefgen.planned import Planned
from prefgen.rows import because, filters, whole
from prefgen.shards import Made
from prefgen.tables.concat import concat

ROWS = 1500
CARRIED: Mapping[str, Sequence[tuple[str, dict[str, Any]]]] = {
    "domains": [("credited", {})],
    "elo": [("battles", {})],
    "few_shots": [("prompts", {"n": 200}), ("responses", {"n": 200, "each": [3, 2]})],
    "majority": [
        ("verdicts", {"by": "subset"}),
        ("verdicts", {"by": ["subset", "gold"], "undecided": "first"}),
        ("verdicts", {"by": ["chosen_model", "rejected_model"], "undecided": "keep"}),
    ],
    "mean": [("ratings", {"by": "category"}), ("ratings", {"by": "category", "at_least": 300})],
    "neighbor": [("responses", {})],
    "right_wrong": [("verdicts", {"by": "subset"}), ("verdicts", {"by": ["subset", "gold"], "most": 7})],
    "sections": [("credited", {})],
    "ties": [("ratings", {}), ("ratings", {"parser": "official"})],
}
"""The same of verbs that make rows of several ones, and say what they look at."""
ACROSS: Mapping[str, Sequence[tuple[str, dict[str, Any]]]] = {
    "as_prompts": [("new_texts", {})],
    "author_balance": [("pairs", {})],
    "balance": [
        ("verdicts", {}),
        ("verdicts", {"same": ["pair_id", "gold"], "by": "judge_model"}),
        ("responses", {"by": "category", "classes": ["1", "3"]}),
        ("responses", {"by": "category", "classes": ["1", "x"]}),
    ],
    "class_cap": [("responses", {"by": "category", "share": 0.17}), ("responses", {"by": "correct", "share": 0.6})],
    "disputed": [("verdicts", {"by": "subset"})],
    "length_control": [("responses", {"rho": 0.3, "by": "category", "unit": "words", "max_chosen": 40})],
    "majority_share": [("verdicts", {"by": "judge_model"})],
    "near_duplicates": [("prompts", {}), ("pairs", {"of": ["prompt", "chosen"], "threshold": 0.2})],
    "novel": [("new_texts", {})],
    "one_of": [("responses", {"same": "category"}), ("responses", {"same": ["category", "part"], "pick": "random"})],
    "order_agreement": [("verdicts", {"by": "judge_model"})],
    "panel_agreement": [("verdicts", {"by": "subset", "at_least": 1})],
    "score_gap": [("pairs", {"at_least": 0.5, "top_share": 0.5})],
    "select": [("responses", {"by": "score", "at_least": 2, "take": 100})],
    "verdict_agreement": [("verdicts", {"same": "judge_model", "share": 0.5})],
}
"""Of each verb that may see a whole table, and whose rows are each made by themselves, tables and settings that ask it
to.
"""


def step_of(verb: Any, frames: Sequence[pl.DataFrame], how: Mapping[str, Any]) -> Planned:
    empty = verb(*(frame.clear() for frame in frames), **how)
    return Planned("made", verb.__name__, verb, tuple(f"in{n}" for n in range(len(frames))), empty.schema, how)


def laid(frames: Sequence[pl.DataFrame], home: Folder) -> list[Path]:
    paths = [home.path / f"{n}.parquet" for n in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        frame.write_parquet(path, row_group_size=100)
    return paths


def together(pieces: Sequence[Made]) -> tuple[pl.DataFrame, pl.DataFrame, Any]:
    total = pieces[0].count
    for piece in pieces[1:]:
        total.add(piece.count)
    return pl.concat([p.table for p in pieces]), pl.concat([p.lost for p in pieces]), total


def both(verb: Any, frames: Sequence[pl.DataFrame], how: Mapping[str, Any], at_once: int = 130) -> list[Any]:
    """What is made of tables that are held, and piece by piece."""
    home, step = Folder(), step_of(verb, frames, how)
    paths = laid(frames, home)
    held, by_pieces = [*wholes.made(step, paths)], [*wholes.made(step, paths, held=-1, at_once=at_once)]
    assert len(held) == 1
    return [together(held), together(by_pieces)]


@pytest.mark.parametrize(
    ("word", "table", "how"), [(w, *case) for w, cases in {**ACROSS, **CARRIED}.items() for case in cases]
)
def test_pieces_are_what_the_whole_is(word: str, table: str, how: dict[str, Any]) -> None:
    frame = TABLES[table](ROWS)
    frame = frame.filter(pl.col("id").hash() % 10 > 2)  # nothing comes out even
    held, by_pieces = both(verbs.find(word), [frame], how)
    assert by_pieces[0].equals(held[0])
    assert by_pieces[1].equals(held[1])
    assert by_pieces[2] == held[2]
    assert held[1].height > 0 or word in CARRIED


def test_every_verb_that_may_go_by_in_pieces_is_held_against_itself() -> None:
    """Of the verbs that may see a whole table; the others go by in shards."""
    found = {word: verbs.find(word) for word in verbs.names()}
    whole = {word: verb for word, verb in found.items() if getattr(verb, "whole", None)}
    by_row = {word for word, verb in whole.items() if wholes.row_by_row(verb)}
    assert by_row == ACROSS.keys()
    assert {word for word, verb in whole.items() if wholes.looks_at(verb)} - by_row == CARRIED.keys()
    assert whole.keys() == by_row | CARRIED.keys()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.sampled_from("pqr"), st.integers(0, 3)), max_size=12), st.integers(1, 5))
def test_several_tables_as_one(rows: list[tuple[str, int]], at_once: int) -> None:
    schema = {"prompt_id": pl.String, "id": pl.String, "n": pl.Int32}
    one = pl.DataFrame([(p, f"{p}.{i}", n) for i, (p, n) in enumerate(rows)], schema=schema, orient="row")
    other = one.head(5).select("prompt_id", "id", pl.col("n").cast(pl.Int64), text=pl.lit("x"))
    held, by_pieces = both(concat, [one, other, one.head(2)], {}, at_once)
    assert by_pieces[0].equals(held[0])
    assert by_pieces[1].is_empty()
    assert held[1].is_empty()
    assert by_pieces[2] == held[2]


def ids_of(*ids: str) -> pl.DataFrame:
    return pl.DataFrame({"prompt_id": ids, "id": ids})


@whole
@filters
def late(*, most: int = 3) -> pl.Expr:
    return because(("late", pl.int_range(pl.len()) >= most))


def test_a_filter_of_yours_goes_by_in_pieces_too() -> None:
    held, by_pieces = both(late, [ids_of(*"abcdefg")], {}, 2)
    assert by_pieces[0]["id"].to_list() == [*"abc"]
    assert by_pieces[1].equals(held[1])


def test_an_id_that_comes_twice_is_told_whichever_pieces_it_is_in() -> None:
    home, step = Folder(), step_of(late, [ids_of("a")], {})
    (path,) = laid([ids_of(*"abcdefa")], home)
    assert len([*wholes.made(step, [path], held=-1, at_once=2)]) == 4  # the second one goes
    with pytest.raises(RunError, match="made: late made several rows with the id a; a row's id is its own"):
        list(wholes.made(step_of(late, [ids_of("a")], {"most": 9}), [path], held=-1, at_once=2))


def test_other_columns_are_told() -> None:
    home, step = Folder(), step_of(late, [ids_of("a").with_columns(more=pl.lit(1))], {})
    (path,) = laid([ids_of("a")], home)
    with pytest.raises(RunError, match="made: late made other columns"):
        list(wholes.made(step, [path], held=-1))


@whole
def counted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.len().alias("of"))


def test_a_function_of_yours_has_its_table_in_memory_or_a_word_why_not() -> None:
    home, step = Folder(), step_of(counted, [ids_of("a")], {})
    (path,) = laid([ids_of(*"abc")], home)
    (made,) = wholes.made(step, [path], held=-1)
    assert made.table["of"].to_list() == [3, 3, 3]
    told = wholes.no_room(step, 30_000_000_000, 4_000_000_000)
    assert told.startswith("made: counted is given its whole table at once, 30.0 GB, and 4.0 GB of memory are free; ")


def test_memory_that_is_free_is_known_or_not(tmp_path: Path) -> None:
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:       100 kB\nMemAvailable:    7 kB\n")
    assert wholes.room(told) == 7 * 1024
    told.write_text("MemTotal:       100 kB\n")
    assert wholes.room(told) is None
    assert wholes.room(tmp_path / "nowhere") is None
