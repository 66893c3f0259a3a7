from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from prefgen.configs import judge_preferences
from prefgen.pairs.judgment_pairs import judgment_pairs

ASKED = [{"role": "user", "content": "Rate it."}]
SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("prompt_id", "id", "response_id", "response"), pl.String),
    "asked": pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
    "judgment": pl.String, "score": pl.Float64, "elo": pl.Float64, "wins": pl.Float64, "battles": pl.Int64,
    "judgment_reply": pl.String,
}  # fmt: skip


def table(judgments: Sequence[tuple[float | None, str | None]], response: str = "p.0") -> pl.DataFrame:
    rows = [
        {"prompt_id": "p", "id": f"{response}.{k}", "response_id": response, "response": "r", "asked": ASKED,
         "judgment": text, "score": float(k % 3), "elo": elo, "wins": 1.0, "battles": 2, "judgment_reply": f"k{k}"}
        for k, (elo, text) in enumerate(judgments)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA)


def test_the_strongest_against_the_weakest() -> None:
    (pair,) = judgment_pairs(table([(0.1, "a"), (0.5, "b"), (-0.6, "c")])).to_dicts()
    assert pair == {
        "prompt_id": "p", "response_id": "p.0", "response": "r", "asked": ASKED, "id": "p.0.1-2",
        "chosen_judgment": "b", "chosen_judgment_score": 1.0, "chosen_elo": 0.5,
        "rejected_judgment": "c", "rejected_judgment_score": 2.0, "rejected_elo": -0.6,
        "judgment_replies": ["k1", "k2"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("judgments", "settings", "why"),
    [
        ([(1, "a"), (0, "b"), (-1, "c")], {}, [None, "neither strongest nor weakest", None]),
        ([(1, "a"), (None, "b"), (-1, "c")], {}, [None, "no elo", None]),
        ([(1, None), (0, "b"), (-1, "c")], {}, ["no judgment", None, None]),
        ([(1, "a")], {}, ["fewer than two judgments"]),
        ([(1, "a"), (1, "b")], {}, ["equal elo"] * 2),
        ([(1, "a "), (0, "a")], {}, ["equal texts"] * 2),
        ([(1, "abcd"), (0, "b")], {"max_chosen": 3}, ["chosen judgment longer than 3 characters"] * 2),
        ([(1, "abc"), (0, "b" * 9)], {"max_chosen": 3}, [None, None]),
        ([(1, "a"), (0.5, "b")], {"min_gap": 0.6}, ["elo gap under 0.6"] * 2),
        ([(1, "a"), (0, "b"), (0.5, "c"), (-1, "d")], {"different_scores": True}, ["equal scores"] * 4),
    ],
)
def test_each_reason(judgments: Any, settings: Any, why: list[str | None]) -> None:
    assert judgment_pairs.marked(table(judgments), **settings)["dropped"].to_list() == why


def test_each_response_has_its_pair() -> None:
    rows = pl.concat([table([(1, "a"), (0, "b")]), table([(0, "a"), (1, "b")], "p.1")])
    assert judgment_pairs(rows)["id"].to_list() == ["p.0.0-1", "p.1.1-0"]


def test_a_dataset_of_them() -> None:
    made = judge_preferences(judgment_pairs(table([(1, "a"), (0, "b")])))
    assert made["chosen"].to_list() == [[*ASKED, {"role": "assistant", "content": "a"}]]
    assert made.select("pair_id", "gold", "chosen_elo", "rejected_kind").row(0) == (None, None, 1.0, None)


def test_nothing_of_nothing() -> None:
    assert judgment_pairs(table([])).schema == judgment_pairs(table([(1, "a"), (0, "b")])).schema
    with pytest.raises(ValueError, match="min_gap must be 0 or more"):
        judgment_pairs(table([]), min_gap=-1)
