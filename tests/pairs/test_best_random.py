from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.pairs.best_random import best_random
from prefgen.pairs.best_worst import best_worst

SCHEMA = {**dict.fromkeys(("prompt_id", "id", "response", "response_model", "response_reply"), pl.String),
          "score": pl.Float64}  # fmt: skip


def table(*prompts: Sequence[float | None]) -> pl.DataFrame:
    rows = [
        (f"p{i}", f"p{i}.{k}", f"text {i} {k}", f"m{k}", f"j{k}", score)
        for i, scores in enumerate(prompts)
        for k, score in enumerate(scores)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_the_best_against_one_that_is_lower() -> None:
    made = best_random(table(*[[3, 5, 1, 5]] * 60))
    assert set(made["chosen_model"]) == {"m1"}
    assert set(made["chosen_score"]) == {5}
    assert set(made.select("rejected_model", "rejected_score").rows()) == {("m0", 3), ("m2", 1)}
    assert made.columns == best_worst(table([3, 5, 1, 5])).columns


def test_or_against_any_of_the_others() -> None:
    made = best_random(table(*[[3, 5, 1, 5]] * 90), below="any")
    assert set(made.select("chosen_model", "chosen_score").rows()) == {("m1", 5)}
    assert set(made.select("rejected_model", "rejected_score").rows()) == {("m0", 3), ("m2", 1), ("m3", 5)}


def test_the_seed_decides() -> None:
    rows = table(*[[3, 5, 1, 4]] * 60)
    assert best_random(rows).equals(best_random(rows))
    assert not best_random(rows).equals(best_random(rows, seed=1))


@pytest.mark.parametrize(
    ("scores", "below", "reasons"),
    [
        ([4, 4], "lower", ["equal scores"] * 2),
        ([4, 4], "any", [None, None]),
        ([4, None, 2], "lower", [None, "not scored", None]),
        ([4], "lower", ["fewer than two scored responses"]),
        ([None, float("nan")], "lower", ["not scored"] * 2),
    ],
)
def test_each_reason(scores: list[float | None], below: Any, reasons: list[str | None]) -> None:
    assert best_random.marked(table(scores), below=below)["dropped"].to_list() == reasons


def test_equal_texts_are_no_pair() -> None:
    rows = table([4, 2]).with_columns(response=pl.lit("same"))
    assert best_random.marked(rows)["dropped"].to_list() == ["equal texts"] * 2


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.none(), st.integers(0, 4).map(float)), min_size=1, max_size=6), st.integers(0, 3))
def test_a_pair_holds_the_best_and_another(scores: list[float | None], seed: int) -> None:
    known = [s for s in scores if s is not None]
    lower = best_random(table(scores), seed=seed)
    either = best_random(table(scores), seed=seed, below="any")
    assert lower.height == (len(set(known)) > 1)
    assert either.height == (len(known) > 1)
    for made in (lower, either):
        for row in made.to_dicts():
            assert row["chosen_score"] == max(known)
            assert scores[int(row["rejected_model"][1:])] == row["rejected_score"]
            assert row["chosen"] != row["rejected"]
            assert scores.index(max(known)) == int(row["chosen_model"][1:])


def test_none_of_nothing() -> None:
    assert best_random(table()).schema == best_random(table([1, 2])).schema
