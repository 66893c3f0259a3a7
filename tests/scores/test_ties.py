import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen.scores.ties import Ratings, ties, ties_score

SCHEMA = {
    "prompt_id": pl.String,
    "id": pl.String,
    "response_id": pl.String,
    "item": pl.String,
    "correct": pl.Boolean,
    "score": pl.Float64,
    "judgment": pl.String,
    "judge_model": pl.String,
}
GOLDEN: dict[str, tuple[list[float | None], list[float | None]]] = {
    "ref:0": ([9], [3, 4]),
    "tied:0": ([9, 8, 8], [5, 1]),
    "ref:1": ([6], [7, 2]),
    "tied:1": ([9, 5], [4, 3]),
}
MEASURES = {"tied_acc": 1.0, "ref_acc": 0.5, "p1": 0.5, "p2": 0.5, "m": 0.057872, "score": 0.650579}


def rated(items: dict[str, Any], words: dict[str, str] | None = None) -> pl.DataFrame:
    rows = []
    for item, (right, wrong) in items.items():
        for k, score in enumerate([*right, *wrong]):
            name = f"{item}.{k}"
            rows.append((item, f"{name}.0", name, item, k < len(right), score, (words or {}).get(name), "m"))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def rows_of(made: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in made.iter_rows(named=True)}


def test_the_golden_vector() -> None:
    made = rows_of(ties(rated(GOLDEN)))
    for name, value in MEASURES.items():
        assert made["Ties" if name == "score" else name]["score"] == pytest.approx(100 * value, abs=5e-5)
    assert {name: row["rows"] for name, row in made.items()} == {
        "tied_acc": 2, "ref_acc": 2, "p1": 2, "p2": 2, "m": 2, "Ties": 4,
    }  # fmt: skip
    assert made["Ties"]["kind"] == "domain"


@pytest.mark.parametrize(("gap", "spread", "m"), [(0, 0, 0), (2, 0, 1), (-2, 0, -1), (2, 2, 0), (4, 2, math.tanh(1))])
def test_the_limits_of_the_margin(gap: int, spread: int, m: float) -> None:
    low = 5
    item: Ratings = ([low, low + spread], [low - gap])
    assert ties_score({"0": ([low], [low - gap])}, {"0": item})["m"] == pytest.approx(m)


def test_items_without_their_twin_count_for_accuracy_alone() -> None:
    found = ties_score({"0": ([9], [1]), "9": ([1], [2])}, {"7": ([5, 5], [1])})
    assert found == {"tied_acc": 1, "ref_acc": 0.5, "p1": 0, "p2": 0, "m": 0, "score": pytest.approx(0.45)}
    assert ties_score({}, {})["score"] == 0
    assert ties_score({"0": ([9], [1])}, {"0": ([9], [1])})["p1"] == 0  # one right answer has no spread


def test_a_rating_that_cannot_be_read() -> None:
    items = {**GOLDEN, "ref:1": ([6], [None, 2])}
    left_out = rows_of(ties(rated(items)))
    assert (left_out["ref_acc"]["score"], left_out["ref_acc"]["rows"], left_out["p1"]["rows"]) == (100, 1, 1)
    assert left_out["Ties"]["note"] == "1 items left out"
    assert left_out["Ties"]["unreadable"] == pytest.approx(1 / 15)
    official = rows_of(ties(rated(items), parser="official"))  # -1 for a wrong answer is below every right one
    assert (official["ref_acc"]["score"], official["ref_acc"]["rows"]) == (100, 2)
    assert official["Ties"]["unreadable"] == pytest.approx(1 / 15)
    worse = rows_of(ties(rated({**GOLDEN, "ref:0": ([None], [3, 4])}), parser="official"))
    assert worse["ref_acc"]["score"] == 0


def test_the_official_reading() -> None:
    rows = rated(GOLDEN, {"ref:1.0": "6/10", "ref:1.1": "Rating: 7."})
    made = rows_of(ties(rows, parser="official"))
    assert made["ref_acc"]["score"] == 100  # 10 above -1 and 2
    assert made["Ties"]["disagreement"] == rows_of(ties(rows))["Ties"]["disagreement"] == pytest.approx(2 / 15)


def test_several_ratings_have_their_mean() -> None:
    rows = pl.concat([rated({"ref:0": ([9], [6])}), rated({"ref:0": ([3], [4])})])
    assert rows_of(ties(rows))["ref_acc"]["score"] == 100


def test_each_reason_and_no_rows() -> None:
    items = {"ref:0": ([9], [3]), "17": ([9], [3]), "ref:2": ([9], []), "ref:3": ([9], [None])}
    rows = rated(items).with_columns(correct=pl.when(pl.int_range(pl.len()) > 0).then("correct"))
    rows = rows.vstack(rated({"ref:0": ([9], [])}))
    assert ties.marked(rows)["dropped"].to_list() == [
        "not known to be right or wrong",
        None,
        *["neither a ref: nor a tied: item"] * 2,
        "its item lacks right or wrong answers",
        *["a rating of its item cannot be read"] * 2,
        None,
    ]
    assert ties.whole
    empty = ties(rated({}))
    assert empty.schema == ties(rated(GOLDEN)).schema
    assert rows_of(empty)["Ties"]["note"] == "no rows: counts as 0"
    for column in ("correct", "score", "judgment", "item", "response_id"):
        with pytest.raises(pl.exceptions.ColumnNotFoundError, match=column):
            ties(rated({}).drop(column))


ITEM = st.tuples(
    st.lists(st.integers(1, 10), min_size=1, max_size=4), st.lists(st.integers(1, 10), min_size=1, max_size=4)
)
TIED = st.tuples(
    st.lists(st.integers(1, 10), min_size=2, max_size=4), st.lists(st.integers(1, 10), min_size=1, max_size=4)
)


@given(st.lists(st.tuples(ITEM, TIED), min_size=1, max_size=5))
def test_against_arrays(items: list[tuple[Any, Any]]) -> None:
    """The same with NumPy, whose division makes infinities and nan."""
    gap_ref, gap_tied = (np.array([min(pair[k][0]) - max(pair[k][1]) for pair in items], float) for k in (0, 1))
    spread = np.array([max(tied[0]) - min(tied[0]) for _, tied in items], float)
    least = np.minimum(gap_ref, gap_tied)
    with np.errstate(divide="ignore", invalid="ignore"):
        m = np.nan_to_num(np.tanh(least / spread - 1), nan=0.0).mean()
    parts = [(gap_tied > 0).mean(), (gap_ref > 0).mean(), (gap_tied > spread).mean(), (least > spread).mean(), m]
    found = ties_score({str(n): ref for n, (ref, _) in enumerate(items)}, {str(n): t for n, (_, t) in enumerate(items)})
    assert list(found.values()) == pytest.approx([*parts, float(np.dot([0.3, 0.3, 0.2, 0.2, 0.01], parts))])
