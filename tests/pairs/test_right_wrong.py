from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.applied import split
from prefgen.configs import judge_preferences
from prefgen.pairs.right_wrong import right_wrong

ASKED = [{"role": "user", "content": "Which?"}]


def table(votes: str, gold: str = "A", pair: str = "p.0") -> pl.DataFrame:
    """Judgments "ab-" of one ordered pair, "-" being unreadable, "x" one of which nothing is left."""
    rows = [
        {
            "prompt_id": "p",
            "id": f"{pair}.{gold}.{k}",
            "pair_id": pair,
            "gold": gold,
            "asked": ASKED,
            "judgment": None if vote == "x" else f"text {k}",
            "verdict": {"a": "A", "b": "B"}.get(vote),
            "judge_model": "fake/j",
            "judgment_reply": f"r{k}",
        }
        for k, vote in enumerate(votes)
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("prompt_id", "id", "pair_id", "gold"), pl.String),
    "asked": pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
    **dict.fromkeys(("judgment", "verdict", "judge_model", "judgment_reply"), pl.String),
}


def test_a_right_one_against_a_wrong_one() -> None:
    (pair,) = right_wrong(table("ba")).to_dicts()
    assert pair == {
        "prompt_id": "p",
        "id": "p.0.A.1-0.A.0",
        "pair_id": "p.0",
        "gold": "A",
        "asked": ASKED,
        "chosen_judgment": "text 1",
        "chosen_verdict": "A",
        "chosen_judge_model": "fake/j",
        "rejected_judgment": "text 0",
        "rejected_verdict": "B",
        "rejected_judge_model": "fake/j",
        "rejected_kind": "wrong verdict",
        "judgment_replies": ["r1", "r0"],
    }


def test_an_unreadable_judgment_is_a_wrong_one_and_never_a_right_one() -> None:
    assert right_wrong(table("a-"))["rejected_kind"].to_list() == ["unreadable"]
    assert right_wrong(table("-b")).is_empty()


@pytest.mark.parametrize(
    ("votes", "why"),
    [
        ("aa", ["no wrong judgment beside it"] * 2),
        ("b-", ["no right judgment beside it"] * 2),
        ("abx", [None, None, "no judgment"]),
        ("ab", [None, None]),
    ],
)
def test_each_reason(votes: str, why: list[str | None]) -> None:
    assert right_wrong.marked(table(votes))["dropped"].to_list() == why


def test_no_gold() -> None:
    unknown = table("ab").with_columns(gold=pl.lit(None, pl.String))
    assert right_wrong.marked(unknown)["dropped"].to_list() == ["no gold"] * 2


def test_all_pairs_where_no_limit_is_set() -> None:
    assert right_wrong(table("aabb-"), most=None).height == 6
    with pytest.raises(ValueError, match="most must be 1 or more"):
        right_wrong(table("ab"), most=0)


def test_questions_are_kept_apart() -> None:
    rows = pl.concat([table("ab"), table("ab", "B")])
    assert Counter(right_wrong(rows, most=None)["gold"]) == {"A": 1, "B": 1}
    assert right_wrong(rows, most=None, by="pair_id").height == 4


def test_nothing_of_nothing_and_the_dataset_of_it() -> None:
    assert right_wrong(table("")).schema == right_wrong(table("ab")).schema
    written = judge_preferences(right_wrong(table("ab")))
    assert written["chosen"].to_list() == [[*ASKED, {"role": "assistant", "content": "text 0"}]]
    assert judge_preferences(right_wrong(table(""))).schema == written.schema


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text("ab-", max_size=6), max_size=4), st.integers(1, 4), st.integers(0, 9))
def test_every_row_is_accounted_for(questions: list[str], most: int, seed: int) -> None:
    rows = pl.concat([table(""), *(table(votes, pair=f"p.{i}") for i, votes in enumerate(questions))])
    made, gone = split(right_wrong, [rows], {"most": most, "seed": seed})
    for i, votes in enumerate(questions):
        right, wrong = votes.count("a"), len(votes) - votes.count("a")
        assert made.filter(pair_id=f"p.{i}").height == min(most, right * wrong)
    used = {one for row in made["judgment_replies"].to_list() for one in row}
    assert gone.height == rows.height - len({*used}) or len(questions) > 1
    assert made["id"].is_unique().all()
    assert (made["chosen_verdict"] == "A").all()
    assert (made["rejected_verdict"].fill_null("-") != "A").all()
