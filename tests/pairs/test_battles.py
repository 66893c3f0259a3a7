from itertools import permutations
from typing import Any

import polars as pl
import pytest

from prefgen.pairs.battles import battles

ROW: dict[str, Any] = {
    "prompt_id": "p",
    "prompt": [{"role": "user", "content": "q"}],
    "response": "r",
    "judge_model": "m",
}
SCHEMA = {
    "id": pl.String,
    "response_id": pl.String,
    "judgment": pl.String,
    "score": pl.Float64,
    "judgment_reply": pl.String,
}


def table(texts: str, response: str = "p.0") -> pl.DataFrame:
    rows = [
        {**ROW, "id": f"{response}.{k}", "response_id": response, "judgment": None if t == "-" else t, "score": float(k),
         "judgment_reply": f"k{k}"}
        for k, t in enumerate(texts)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema={**pl.DataFrame([ROW]).schema, **SCHEMA})


def test_every_two_meet_in_both_orders() -> None:
    made = battles(table("abc"))
    assert made.select("first_id", "second_id").rows() == [
        (f"p.0.{m}", f"p.0.{n}") for m, n in permutations(range(3), 2)
    ]
    first = made.row(0, named=True)
    assert {name: first[name] for name in ("id", "judgment_a", "judgment_b", "first_score", "second_score")} == {
        "id": "p.0.0-1", "judgment_a": "a", "judgment_b": "b", "first_score": 0.0, "second_score": 1.0,
    }  # fmt: skip
    assert (first["first_reply"], first["second_reply"], first["response"]) == ("k0", "k1", "r")


@pytest.mark.parametrize("n", [2, 5, 11])
def test_how_many(n: int) -> None:
    assert battles(table("abcdefghijk"[:n])).height == n * (n - 1)


def test_responses_do_not_meet() -> None:
    both = battles(pl.concat([table("ab"), table("ab", "p.1")]))
    assert both["id"].to_list() == ["p.0.0-1", "p.0.1-0", "p.1.0-1", "p.1.1-0"]


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ("ab-", [None, None, "no judgment"]),
        ("aba", [None, None, "the same text as an earlier judgment"]),
        ("aa", ["no other judgment of its response", "the same text as an earlier judgment"]),
        ("a", ["no other judgment of its response"]),
    ],
)
def test_each_reason(texts: str, why: list[str | None]) -> None:
    assert battles.marked(table(texts))["dropped"].to_list() == why


def test_equal_texts_may_meet() -> None:
    assert battles(table("aa"), distinct=False).height == 2


def test_nothing_of_nothing() -> None:
    assert battles(table("")).schema == battles(table("ab")).schema
    assert battles(table("")).is_empty()
