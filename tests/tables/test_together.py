from typing import Any

import polars as pl
import pytest

from prefgen.tables.together import together

SCHEMA = {**dict.fromkeys(("prompt_id", "id", "response", "response_model", "response_reply"), pl.String),
          "kind": pl.String, "turn": pl.Int64}  # fmt: skip


def responses(*texts: str) -> pl.DataFrame:
    """A prompt for each word, a response for each letter; ``-`` is none."""
    rows = [
        (f"p{i}", f"p{i}.{k}", None if t == "-" else t, f"m{k}", f"j{k}", f"kind {i}", k)
        for i, several in enumerate(texts)
        for k, t in enumerate(several)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_the_responses_of_a_prompt_stand_in_one_row() -> None:
    made = together(responses("abc", "de"), order="given")
    assert made.columns == ["prompt_id", "id", "kind", "candidates"]
    assert made.select("prompt_id", "id", "kind").rows() == [("p0", "p0", "kind 0"), ("p1", "p1", "kind 1")]
    assert made["candidates"][0].to_list()[1] == {
        "response_id": "p0.1",
        "response": "b",
        "response_model": "m1",
        "response_reply": "j1",
    }
    assert [one["response"] for one in made["candidates"][1]] == ["d", "e"]


def test_the_seed_decides_the_order() -> None:
    table = responses(*["abcd"] * 50)
    first, again, other = (together(table, seed=seed)["candidates"].to_list() for seed in (0, 0, 1))
    assert first == again != other
    assert all(sorted(one["response"] for one in row) == list("abcd") for row in first)
    assert len({"".join(one["response"] for one in row) for row in first}) > 10


@pytest.mark.parametrize(
    ("settings", "reasons"),
    [
        ({}, [None, None, None, None, None, "no response", "fewer than 2 responses"]),
        ({"at_least": 3}, [None] * 3 + ["fewer than 3 responses"] * 2 + ["no response", "fewer than 3 responses"]),
        ({"exactly": 2}, ["not 2 responses"] * 3 + [None, None, "no response", "not 2 responses"]),
    ],
)
def test_each_reason(settings: Any, reasons: list[str | None]) -> None:
    table = responses("abc", "de", "-f")
    assert together.marked(table, **settings)["dropped"].to_list() == reasons


def test_columns_that_are_not_there_are_null() -> None:
    made = together(responses("ab").drop("response_model", "response_reply"))
    assert made["candidates"][0][0]["response_model"] is None


def test_one_is_not_several() -> None:
    with pytest.raises(ValueError, match="at_least must be 2 or more"):
        together(responses("ab"), at_least=1)


def test_nothing_of_nothing() -> None:
    assert together(responses()).schema == together(responses("ab")).schema
