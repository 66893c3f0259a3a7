"""What TRL would make of rows: as its own data functions see them, where it is installed."""

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from prefgen.audit.rows import frame
from prefgen.audit.taken import taken
from prefgen.audit.trl import Looked
from prefgen.conversations import as_text
from prefgen.sources._read import Raw
from tests.layouts import BRIEF, NO_PAIRS, SAMPLES, TWICE, says, user

Rows = Sequence[dict[str, Any]]


def told(rows: Rows, unread: dict[str, int] | None = None, *, framed: bool = False) -> dict[str, Any]:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    looked = Looked()
    looked.add(Raw("it", columns, pl.DataFrame(rows) if framed else list(rows)))
    return looked.told(taken("it", columns), unread or {})


PAIR = {"prompt": "p", "chosen": "a", "rejected": "b"}
EXPLICIT = {"prompt": BRIEF, "chosen": [says("a")], "rejected": [says("b")]}
IMPLICIT = {"chosen": [*BRIEF, says("a")], "rejected": [*BRIEF, says("b")]}


@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize(
    ("row", "type_", "format_", "prompt", "trainers"),
    [
        (PAIR, "preference", "standard", "explicit", "DPOTrainer, RewardTrainer; KTOTrainer takes it apart"),
        (EXPLICIT, "preference", "conversational", "explicit", "DPOTrainer, RewardTrainer; KTOTrainer takes it apart"),
        (IMPLICIT, "preference", "conversational", "implicit", "DPOTrainer, RewardTrainer; KTOTrainer takes it apart"),
        ({**IMPLICIT, "prompt": "p"}, "preference", "mixed", "explicit", ""),
        ({"prompt": "p", "completion": "a", "label": True}, "unpaired preference", "standard", None, "KTOTrainer"),
        ({"prompt": [user("p")], "completion": [says("a")]}, "prompt-completion", "conversational", None, "SFTTrainer"),
        ({"messages": [user("p"), says("a")]}, "language modeling", "conversational", None, "SFTTrainer"),
        ({"prompt": "p", "answer": "a"}, "prompt-only", "standard", None, "GRPOTrainer, RLOOTrainer"),
        ({"question": "p", "response_j": "a", "response_k": "b"}, None, None, None, ""),
        ({"prompt": "p", "response_0": "a", "response_1": "b", "better_response_id": 0}, "prompt-only", "standard", None, ""),
    ],
)  # fmt: skip
def test_type_format_and_trainers(
    row: dict[str, Any], type_: str | None, format_: str | None, prompt: str | None, trainers: str, framed: bool
) -> None:
    found = told([row, row], framed=framed)
    assert (found["type"], found["format"], found["prompt"], found["trainers"]) == (type_, format_, prompt, trainers)
    assert bool(trainers) == (not any(one["stops"] for one in found["problems"]))


@pytest.mark.parametrize(
    ("rows", "what", "number"),
    [
        ([{**EXPLICIT, "prompt": [*BRIEF, says("so")]}, EXPLICIT], "prompt ends with a turn of the assistant", 1),
        ([{**EXPLICIT, "chosen": [says("a"), user("q")]}, EXPLICIT], "chosen does not end with a turn of the assistant", 1),
        ([{**EXPLICIT, "rejected": IMPLICIT["rejected"]}, EXPLICIT], "rejected begins with the prompt, which would stand there twice", 1),
        ([{**PAIR, "chosen": None}, PAIR], "chosen is null", 1),
    ],
)  # fmt: skip
def test_rows_that_are_in_the_way_are_counted(rows: Rows, what: str, number: int) -> None:
    for framed in (False, True):
        assert [(one["what"], one["rows"], one["stops"]) for one in told(rows, framed=framed)["problems"]] == [
            (what, number, False)
        ]


def test_values_of_two_kinds_stop_a_trainer() -> None:
    found = told([PAIR, EXPLICIT])
    assert {one["what"] for one in found["problems"] if one["stops"]} >= {"chosen holds messages and text"}
    assert found["trainers"] == ""
    (problem,) = told([{**PAIR, "chosen": ["a"]}, {**PAIR, "chosen": ["b"]}])["problems"]
    assert problem["what"] == "chosen holds a list"


def test_columns_that_a_trainer_takes_by_name_and_those_that_it_leaves() -> None:
    found = told([{**PAIR, "margin": 1.0, "source": "x", "tools": "[]"}], {"tie": 3})
    assert set(found["by_name"]) == {"margin", "tools"}
    assert found["others"] == ["source"]
    assert [(one["what"], one["rows"]) for one in found["problems"]] == [("row left out: tie", 3)]


def test_formats_of_ours_that_have_these_columns() -> None:
    assert told([{**PAIR, "id": "1"}])["formats"] == ["text"]
    assert "trl" in told([IMPLICIT])["formats"]
    assert "trl" not in told([{**IMPLICIT, "prompt": "p"}])["formats"]
    assert told([EXPLICIT])["formats"] == ["conversational-explicit"]


def trl_data() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("trl.data_utils", reason="make trl")


def test_trl_sees_conversations_where_we_do() -> None:
    data, seen = trl_data(), Counter[str]()
    for rows in (*(one.rows for one in SAMPLES), *NO_PAIRS.values()):
        found = told(rows)
        if found["format"] in {"standard", "conversational"} and found["trainers"]:
            assert data.is_conversational(rows[0]) == (found["format"] == "conversational")
            seen[found["format"]] += 1
    assert min(seen["standard"], seen["conversational"]) > 2


def test_trl_takes_for_the_prompt_what_we_do() -> None:
    data = trl_data()
    texts = [("Rye is a grain.", "Rye is a stone."), ("Rye is good.", "Rye iseful."), ("So it is.", "No it is.")]
    rows: list[dict[str, Any]] = [{"chosen": a, "rejected": b} for a, b in texts[:2]]
    rows += [{"chosen": [*talk, says("a")], "rejected": [*talk, says("b")]} for talk in (TWICE, BRIEF)]
    for row in rows:
        theirs = data.extract_prompt(row)
        ours = frame(Raw("it", [*row], [row]), taken("it", [*row]), "train").row(0, named=True)
        wanted = [as_text(theirs[side]) for side in ("prompt", "chosen", "rejected")]
        assert [ours["prompt"], ours["chosen"], ours["rejected"]] == wanted
