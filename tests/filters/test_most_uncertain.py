from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.filters.most_uncertain import most_uncertain


def table(responses: Sequence[Sequence[float | None]], prompt: str = "p") -> pl.DataFrame:
    """The scores of the judgments of each response."""
    rows = [
        (prompt, f"{prompt}.{r}.{j}", f"{prompt}.{r}", score)
        for r, scores in enumerate(responses)
        for j, score in enumerate(scores)
    ]
    columns = {"prompt_id": pl.String, "id": pl.String, "response_id": pl.String, "score": pl.Float64}
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_the_judgments_of_the_response_with_the_highest_variance_stay() -> None:
    rows = table([[3, 3, 3], [1, 5, 3], [2, 3, 4]])
    assert most_uncertain(rows)["id"].to_list() == ["p.1.0", "p.1.1", "p.1.2"]
    assert most_uncertain(rows.lazy()).collect()["response_id"].unique().to_list() == ["p.1"]


@pytest.mark.parametrize(
    ("responses", "why"),
    [
        ([[1, None, 5]], [None, "not scored", None]),
        ([[1], [2, 3]], ["fewer than 2 scored judgments", None, None]),
        ([[1, 5], [2, 3]], [None, None, *["of a response that the judge is surer of"] * 2]),
        ([[1, 5], [5, 1]], [None, None, *["of another response that the judge is as unsure of"] * 2]),
        ([[3, 3]], [None, None]),
        ([[float("nan"), 3]], ["not scored", "fewer than 2 scored judgments"]),
    ],
)
def test_each_reason(responses: list[list[float | None]], why: list[str | None]) -> None:
    assert most_uncertain.marked(table(responses), ties="first")["dropped"].to_list() == why


def test_the_seed_picks_among_equals() -> None:
    rows = table([[1, 5], [5, 1], [1, 5]])
    found = {most_uncertain(rows, seed=seed)["response_id"][0] for seed in range(30)}
    assert found == {"p.0", "p.1", "p.2"}


def test_two_make_a_battle() -> None:
    with pytest.raises(ValueError, match="at_least must be 2 or more; it is 1"):
        most_uncertain(table([[1, 2]]), at_least=1)


def test_nothing_of_nothing() -> None:
    assert most_uncertain(table([])).is_empty()
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        most_uncertain(table([]).drop("response_id"))


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.lists(st.lists(st.integers(0, 5).map(float), max_size=5), max_size=4), min_size=1, max_size=3),
    st.integers(0, 3),
)
def test_one_response_of_each_prompt_stays_and_none_is_less_sure(prompts: list[list[list[float]]], seed: int) -> None:
    tables = [table(responses, f"p{n}") for n, responses in enumerate(prompts)]
    kept = most_uncertain(pl.concat(tables), seed=seed)
    for n, responses in enumerate(prompts):
        able = [scores for scores in responses if len(scores) >= 2]
        own = kept.filter(prompt_id=f"p{n}")
        assert own["response_id"].n_unique() == bool(able)
        if able:
            variance = max(pl.Series(scores).var() for scores in able)  # type: ignore[type-var]
            assert own["score"].var() == pytest.approx(variance)
        assert own.equals(most_uncertain(tables[n], seed=seed))
