"""Rows in one shape: what others publish, read as load_pairs reads it, but for what an audit looks for."""

from typing import Any

import polars as pl
import pytest

from prefgen.asker import as_text
from prefgen.audit.columns import in_columns
from prefgen.audit.rows import SHAPE, _rows, frame
from prefgen.audit.taken import UnknownLayout, taken
from prefgen.sources._read import LoadError, Raw
from tests.layouts import BRIEF, NO_PAIRS, SAMPLES, TWICE, Sample, says, user

KEPT = ("prompt", "chosen", "rejected", "chosen_model", "rejected_model")


def raw(rows: Any) -> Raw:
    columns = (
        rows.columns if isinstance(rows, pl.DataFrame) else list(dict.fromkeys(name for row in rows for name in row))
    )
    return Raw("it", columns, rows)


def read(rows: Any, split: str = "train", **said: Any) -> pl.DataFrame:
    source = raw(rows)
    return frame(source, taken("it", source.columns, **said), split)


def usable(rows: pl.DataFrame) -> pl.DataFrame:
    """What load_pairs keeps."""
    said = [pl.col(side).str.strip_chars() for side in ("chosen", "rejected")]
    return rows.filter(pl.col("why").is_null(), said[0] != "", said[1] != "", said[0] != said[1])


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.layout)
def test_published_layouts_are_read_as_load_pairs_reads_them(sample: Sample) -> None:
    found = read(sample.rows, sample.split)
    wanted = [(as_text(pair.talk()), pair.chosen, pair.rejected, *pair.models) for pair in sample.pairs]
    assert usable(found).select(KEPT).rows() == wanted
    scores = [pair.scores or (None, None) for pair in sample.pairs]
    assert usable(found).select("chosen_score", "rejected_score").rows() == scores
    lost = sum(sample.gone.values())
    assert usable(found).height == found.height - lost


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.layout)
def test_columns_come_to_what_rows_come_to(sample: Sample) -> None:
    """As lists, and as the frames that Parquet gives."""
    for rows in (sample.rows, pl.DataFrame(sample.rows, infer_schema_length=None)):
        source = raw(rows)
        of = taken("it", source.columns)
        one_by_one = pl.DataFrame(list(_rows(source, of, sample.split)), schema=SHAPE, orient="row")
        in_bulk = in_columns(source, of)
        assert in_bulk is None or in_bulk.select(*SHAPE).equals(one_by_one)


def test_whole_conversations_and_texts_are_read_in_columns() -> None:
    talk = [user("So?"), says("Yes."), user("And?")]
    talks = pl.DataFrame({"chosen": [[*talk, says("a")]] * 2, "rejected": [[*talk, says("b")]] * 2})
    for rows in (talks, pl.DataFrame({"prompt": ["p", None], "chosen": ["a", "b"], "rejected": ["b", None]})):
        source = raw(rows)
        found = in_columns(source, taken("it", source.columns))
        assert found is not None
        assert found.height == 2
    assert read(talks)["asked"].to_list() == ["And?", "And?"]
    assert read(talks)["prompt"][0] == "User: So?\n\nAssistant: Yes.\n\nUser: And?"


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([{"prompt": "p", "completion": "r", "label": True}], ("p", "r", None)),
        ([{"prompt": "p", "completion": "r", "label": "False"}], ("p", None, "r")),
        ([{"prompt": [user("p")], "completion": [says("r")], "label": False}], ("p", None, "r")),
        ([{"prompt": "p", "response": "r", "rank": 2}], ("p", "r", None)),
        ([{"instruction": "p", "output": None}], ("p", "", None)),
        ([{"messages": [user("p"), says("r")]}], ("p", "r", None)),
        ([{"turns": ["one", "two"]}], ("one\ntwo", None, None)),
        ([{"question": "p", "difficulty": 2}], ("p", None, None)),
        ([{"prompt": TWICE}], ("User: What is soot?\n\nAssistant: Carbon, mostly.\n\nUser: And ash?", None, None)),
        ([{"chosen": "Rye is a grain.", "rejected": "Rye is a stone."}], ("Rye is a", " grain.", " stone.")),
        ([{"chosen": "Rye.", "rejected": "Coal."}], (None, "Rye.", "Coal.")),
        ([{"chosen": [*BRIEF, says("a")], "rejected": []}], ("System: Be brief.\n\nUser: What is soot?", "a", "")),
        ([{"chosen": [user("p"), says("a"), user("q"), says("b")], "rejected": [user("p"), says("c")]}], ("p", "a\n\nq\n\nb", "c")),
        ([{"prompt": None, "chosen": None, "rejected": "b"}], ("", "", "b")),
    ],
)  # fmt: skip
def test_what_is_no_pair_of_load_pairs_is_read_too(rows: list[dict[str, Any]], wanted: tuple[Any, ...]) -> None:
    assert read(rows).select("prompt", "chosen", "rejected").rows() == [wanted]
    assert read(rows)["why"].to_list() == [None]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"chosen": [user("p"), says("a"), user("q")], "rejected": [user("p"), says("b")]}, "ends with no answer"),
        ({"chosen": [user("p"), says("a")], "rejected": [user("q"), says("b")]}, "no common prompt"),
        (
            {"chosen": [user("p"), {"role": "assistant", "content": "", "tool_calls": [1]}], "rejected": []},
            "tool calls",
        ),
        ({"chosen": [user("p"), {"who": "me"}], "rejected": [user("p"), says("b")]}, "bad messages"),
        ({"prompt": "p", "chosen": 3, "rejected": "b"}, "bad messages"),
        ({"prompt": "p", "completion": "r", "label": "maybe"}, "no label"),
        ({"instruction": "p", "generations": ["a", "b"], "ratings": [1, None]}, "no rank"),
        ({"instruction": "p", "generations": ["a", "b"], "ratings": [1, 1]}, "tie"),
        ({"instruction": "p", "generations": ["a"], "ratings": [1]}, "no response"),
        ({"instruction": "p", "generations": [f"{n}" for n in range(50)], "ratings": [*range(50)]}, "over 1000 pairs"),
    ],
)
def test_rows_of_which_no_texts_can_be_read(row: dict[str, Any], why: str) -> None:
    assert read([row])["why"].to_list() == [why]


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "p", "generations": ["a", "b", "c"], "ratings": [2, 5, 2], "generation_models": ["x", "y", "z"]},
        {"instruction": "p", "completions": [{"response": t, "overall_score": s, "model": m} for t, s, m in (("a", 2, "x"), ("b", 5, "y"), ("c", 2, "z"))]},
        {"prompt": "p", "answers": [{"answer": t, "rank": r, "model": m} for t, r, m in (("a", 2, "x"), ("b", 1, "y"), ("c", 2, "z"))]},
    ],
)  # fmt: skip
def test_lists_with_scores_or_ranks_are_pairs_of_what_differs(row: dict[str, Any]) -> None:
    found = read([row])
    assert found.select("place", "chosen", "rejected", "chosen_model", "rejected_model").rows() == [(0, "b", "a", "y", "x"), (1, "b", "c", "y", "z")]  # fmt: skip
    assert (found["chosen_score"] > found["rejected_score"]).all()


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"history": "p", "human_ref_A": "a", "human_ref_B": "b", "labels": 0}, ("b", "a", False)),
        ({"prompt": "p", "response_0": "a", "response_1": "b", "better_response_id": 0}, ("a", "b", True)),
        ({"instruction": "p", "output_1": "a", "output_2": "b", "preference": 2.0}, ("b", "a", False)),
        ({"question": "p", "response_j": "a", "response_k": "b"}, ("a", "b", None)),
    ],
)
def test_more_layouts_than_load_pairs_reads(row: dict[str, Any], wanted: tuple[Any, ...]) -> None:
    assert read([row]).select("chosen", "rejected", "first").rows() == [wanted]


def test_columns_may_be_named() -> None:
    found = read([{"ask": "p", "good": "a", "bad": "b"}], prompt="ask", sides=("good", "bad"))
    assert found.select("prompt", "chosen", "rejected").rows() == [("p", "a", "b")]
    with pytest.raises(LoadError, match="has no column 'goood'"):
        read([{"good": "a", "bad": "b"}], sides=("goood", "bad"))


def test_what_is_not_known_says_so() -> None:
    with pytest.raises(UnknownLayout, match="has no pairs, responses or prompts"):
        read([{"score": 1, "name": "x"}])
    both = {**SAMPLES[0].rows[0], "response1": "a", "response2": "b", "overall_preference": 1, "context": "p"}
    with pytest.raises(LoadError, match="name its columns: --prompt, --chosen, --rejected"):
        read([both])


def test_every_layout_without_pairs_is_taken_for_something() -> None:
    kinds = {name: taken("it", list(rows[0])).kind for name, rows in NO_PAIRS.items()}
    assert kinds == {"kto": "unpaired", "kto, conversational": "unpaired", "helpsteer": "completions"}


def test_rows_are_counted_on_over_chunks() -> None:
    source = Raw("it", ["prompt", "chosen", "rejected"], [{"prompt": "p", "chosen": "a", "rejected": "b"}], start=4096)
    assert frame(source, taken("it", source.columns), "train")["row"].to_list() == [4097]
