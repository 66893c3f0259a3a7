import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.pairs.anchored import anchored
from prefgen.pairs.best_worst import best_worst

SCHEMA = {**dict.fromkeys(("prompt_id", "id", "response", "response_model", "response_reply"), pl.String),
          "part": pl.Int64, "score": pl.Float64}  # fmt: skip

Scores = list[float | None]


def table(new: Scores, old: Scores, text: str | None = None) -> pl.DataFrame:
    rows = [
        ("p", f"p.{part}.{k}", text or f"text {part} {k}", ("new", "old")[part], f"j{k}", part, score)
        for part, scores in enumerate((new, old))
        for k, score in enumerate(scores)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ([3, 5, 4], [1, 2], ("new", 5, "old", 1)),
        ([3, 5, 4], [3, 4], ("new", 5, "new", 3)),
        ([3, 5, 4], [], ("new", 5, "new", 3)),
        ([4], [2], ("new", 4, "old", 2)),
        ([4, None], [None, 2], ("new", 4, "old", 2)),
    ],
)
def test_who_is_chosen_and_who_rejected(new: Scores, old: Scores, expected: tuple[object, ...]) -> None:
    made = anchored(table(new, old))
    assert made.select("chosen_model", "chosen_score", "rejected_model", "rejected_score").rows() == [expected]
    assert made.columns == best_worst(table([1, 2], []).drop("part")).columns


@pytest.mark.parametrize(
    ("new", "old", "reasons"),
    [
        ([4, 4], [4], ["no score above the anchor"] * 3),
        ([], [4, 2], ["no scored response of the newer model"] * 2),
        ([None, 4], [2, None], ["not scored", None, None, "not scored"]),
        ([5, 4, 3], [1, 2], [None, *["neither best of the newer nor the anchor"] * 2, None,
                             "neither best of the newer nor the anchor"]),
    ],
)  # fmt: skip
def test_each_reason(new: Scores, old: Scores, reasons: list[str | None]) -> None:
    assert anchored.marked(table(new, old))["dropped"].to_list() == reasons


def test_equal_texts_are_no_pair() -> None:
    assert anchored(table([4], [2], "same")).is_empty()


SCORE = st.integers(0, 4).map(float)


@settings(deadline=None, max_examples=80)
@given(st.lists(SCORE, min_size=1, max_size=4), st.lists(SCORE, max_size=4))
def test_it_is_the_papers_rule(new: list[float], old: list[float]) -> None:
    anchor = min(old) if old and min(old) < min(new) else min(new)
    pairs = anchored(table([*new], [*old])).select("chosen_score", "rejected_score").rows()
    assert pairs == ([(max(new), anchor)] if max(new) > anchor else [])


def test_none_of_nothing() -> None:
    assert anchored(table([], [])).schema == anchored(table([1, 2], [])).schema
