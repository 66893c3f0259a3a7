from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import datasets
import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from prefgen.filters import length_control

GOLDEN = [(4.6, 1500), (4.4, 900), (3.0, 700), (2.2, 1800), (2.0, 400)]


def table(responses: Sequence[tuple[float | None, int]], prompt: str = "p") -> pl.DataFrame:
    rows = [
        {"prompt_id": prompt, "id": f"{prompt}.{i}", "response": "x" * length, "score": score}
        for i, (score, length) in enumerate(responses)
    ]
    return pl.DataFrame(rows, schema={"prompt_id": str, "id": str, "response": str, "score": float})


def reasons(responses: Sequence[tuple[float | None, int]], **how: Any) -> list[str | None]:
    return length_control.marked(table(responses), **how)["dropped"].to_list()


@pytest.mark.parametrize(("rho", "kept"), [(0, ["p.0", "p.4"]), (0.32, ["p.1", "p.3"]), (0.40, ["p.1", "p.3"])])
def test_the_golden_vector(rho: float, kept: list[str]) -> None:
    assert length_control(table(GOLDEN), rho=rho)["id"].to_list() == kept
    assert length_control(table(GOLDEN).lazy(), rho=rho).collect()["id"].to_list() == kept


def test_every_kind_of_table_keeps_the_same_rows() -> None:
    rows = table(GOLDEN).to_dicts()
    assert length_control(rows, rho=0.32) == [rows[1], rows[3]]
    assert length_control(datasets.Dataset.from_list(rows), rho=0.32).to_list() == [rows[1], rows[3]]
    assert length_control(pd.DataFrame(rows), rho=0.32).to_dict("records") == [rows[1], rows[3]]


@pytest.mark.parametrize("rho", [-0.1, 0.5, 1.0, float("nan")])
def test_tiers_that_meet_are_refused(rho: float) -> None:
    with pytest.raises(ValueError, match=r"rho must be 0 or more, and under 0\.5"):
        length_control(table(GOLDEN), rho=rho)


@pytest.mark.parametrize(
    ("responses", "rho", "why"),
    [
        ([(4, 1), (2, 1), (None, 1)], 0, [None, None, "not scored"]),
        ([(4, 1), (2, 1), (float("nan"), 1)], 0, [None, None, "not scored"]),
        ([(4, 1), (2, 1), (float("-inf"), 1)], 0, [None, None, "not scored"]),
        ([(4, 1), (None, 1)], 0, ["fewer than two scored responses", "not scored"]),
        ([(3, 1), (3, 2)], 0.3, ["equal scores", "equal scores"]),
        ([(0.1 + 0.2, 1), (0.3, 2)], 0.3, ["equal scores", "equal scores"]),
        ([(4, 1), (3, 1), (2, 1)], 0, [None, "between the tiers", None]),
        ([(4, 2), (4, 1), (2, 1)], 0, ["longer than the shortest of the top tier", None, None]),
        ([(4, 1), (2, 1), (2, 2)], 0, [None, "shorter than the longest of the bottom tier", None]),
        ([(4, 1), (4, 1), (2, 1)], 0, [None, "as short as an earlier response of the top tier", None]),
        ([(4, 1), (2, 1), (2, 1)], 0, [None, None, "as long as an earlier response of the bottom tier"]),
    ],
)
def test_each_reason(responses: list[tuple[float | None, int]], rho: float, why: list[str | None]) -> None:
    assert reasons(responses, rho=rho) == why


def test_a_row_without_a_response_is_no_candidate() -> None:
    rows = table([(5, 0), (4, 1), (2, 1)]).with_columns(response=pl.Series([None, "x", "x"], dtype=pl.String))
    assert length_control.marked(rows, rho=0)["dropped"].to_list() == ["no response", None, None]


def test_a_chosen_that_is_too_long_drops_its_prompt() -> None:
    over = "chosen longer than 2500 characters"
    long = [(5.0, 2501), (4.0, 10), (None, 1), (1.0, 9000)]
    assert reasons(long, rho=0, max_chosen=2500) == [over, over, "not scored", over]
    assert reasons([(5.0, 2500), (1.0, 9000)], rho=0, max_chosen=2500) == [None, None]


def test_length_in_words() -> None:
    rows = table([(4, 1), (4, 1), (1, 1)]).with_columns(response=pl.Series(["a b c", "incomprehensible", "z"]))
    assert length_control(rows, rho=0)["id"].to_list() == ["p.0", "p.2"]
    assert length_control(rows, rho=0, unit="words")["id"].to_list() == ["p.1", "p.2"]


def test_characters_are_not_bytes() -> None:
    rows = table([(4, 1), (4, 1), (1, 1)]).with_columns(response=pl.Series(["\u00e4\u00e4", "abc", "z"]))
    assert length_control(rows, rho=0)["id"].to_list() == ["p.0", "p.2"]


def test_a_score_on_the_border_is_in_the_tier() -> None:
    # In floats 0.9 * 0.2 is over 0.18, and 0.2 - 0.18 over 0.1 * 0.2.
    assert reasons([(0.2, 9), (0.18, 1), (0.0, 1)], rho=0.1)[1:] == [None, None]
    assert reasons([(0.0, 1), (-0.18, 9), (-0.2, 1)], rho=0.1)[:2] == [None, None]


def test_other_column_names() -> None:
    rows = table(GOLDEN).rename({"score": "points", "response": "text", "prompt_id": "question"})
    kept = length_control(rows, rho=0.32, score="points", response="text", by="question")
    assert kept["id"].to_list() == ["p.1", "p.3"]


def test_an_empty_frame_stays_as_it_is() -> None:
    empty = table([])
    assert_frame_equal(length_control(empty, rho=0.3, max_chosen=1), empty)
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="score"):
        length_control(empty.drop("score"), rho=0.3)


# Scores as means of 11 judgments are, whose borders no float hits.
SCORES = st.one_of(st.none(), st.integers(0, 55).map(lambda n: n / 11), st.integers(0, 5).map(float))
PROMPTS = st.lists(st.lists(st.tuples(SCORES, st.integers(0, 6)), max_size=7), min_size=1, max_size=5)
RHOS = st.sampled_from([Fraction(n, 100) for n in (0, 10, 20, 25, 32, 40, 45, 49)])


def exactly(responses: list[tuple[float | None, int]], rho: Fraction) -> list[int]:
    """The rows to keep, by the paper's formula in exact arithmetic."""
    points = {i: Fraction(score).limit_denominator(11) for i, (score, _) in enumerate(responses) if score is not None}
    if len(points) < 2 or len(set(points.values())) < 2:
        return []
    best, worst = max(points.values()), min(points.values())
    top = [i for i, s in points.items() if s >= (1 - rho) * best + rho * worst]
    bottom = [i for i, s in points.items() if s <= (1 - rho) * worst + rho * best]
    return sorted([min(top, key=lambda i: responses[i][1]), max(bottom, key=lambda i: responses[i][1])])


@settings(deadline=None, max_examples=150)
@given(PROMPTS, RHOS)
def test_it_keeps_what_the_formula_says(prompts: list[list[tuple[float | None, int]]], rho: Fraction) -> None:
    tables = [table(responses, f"p{n}") for n, responses in enumerate(prompts)]
    kept = length_control(pl.concat(tables), rho=float(rho))
    expected = [t[exactly(responses, rho)] for t, responses in zip(tables, prompts, strict=True)]
    assert_frame_equal(kept, pl.concat(expected))
    assert kept.is_empty() or kept.group_by("prompt_id").len()["len"].unique().to_list() == [2]


@settings(deadline=None, max_examples=60)
@given(PROMPTS, RHOS, st.randoms(use_true_random=False))
def test_prompts_do_not_look_at_one_another(
    prompts: list[list[tuple[float | None, int]]], rho: Fraction, random: Any
) -> None:
    tables = [table(responses, f"p{n}") for n, responses in enumerate(prompts)]
    marked = length_control.marked(pl.concat(tables), rho=float(rho), max_chosen=4)
    assert_frame_equal(marked, pl.concat([length_control.marked(t, rho=float(rho), max_chosen=4) for t in tables]))
    mixed = sorted(pl.concat(tables).to_dicts(), key=lambda row: (random.random(), row["id"]))
    mixed.sort(key=lambda row: row["id"].partition(".")[2])  # prompts interleaved, each in its own order
    again = length_control.marked(pl.DataFrame(mixed, schema=tables[0].schema), rho=float(rho), max_chosen=4)
    assert_frame_equal(again.sort("id"), marked.sort("id"))
