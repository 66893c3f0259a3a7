import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from prefgen.filters import one_of

ROWS = pl.DataFrame(
    {
        "id": [f"p.{i}" for i in range(6)],
        "pair_id": ["p", "p", "p", "q", "p", "q"],
        "gold": ["A", "B", "A", "A", "B", "A"],
    }
)


def test_the_first_of_each_group_stays() -> None:
    assert one_of(ROWS, same="pair_id")["id"].to_list() == ["p.0", "p.3"]
    assert one_of(ROWS, same=["pair_id", "gold"])["id"].to_list() == ["p.0", "p.1", "p.3"]
    assert one_of(ROWS.lazy(), same="pair_id").collect()["id"].to_list() == ["p.0", "p.3"]


def test_the_reason() -> None:
    other = "another row of its group is kept"
    assert one_of.marked(ROWS, same="pair_id")["dropped"].to_list() == [None, other, other, None, other, other]


def test_one_picked_by_the_seed_is_always_the_same() -> None:
    picks = [one_of(ROWS, same="pair_id", pick="random", seed=seed)["id"].to_list() for seed in range(40)]
    again = [one_of(ROWS.lazy(), same="pair_id", pick="random", seed=s).collect()["id"].to_list() for s in range(40)]
    assert picks == again
    assert {id_ for kept in picks for id_ in kept} == set(ROWS["id"])


def test_null_is_a_group_too() -> None:
    rows = [{"x": None, "n": 0}, {"x": 1, "n": 1}, {"x": None, "n": 2}]
    assert one_of(rows, same="x") == rows[:2]


def test_a_group_needs_a_column() -> None:
    with pytest.raises(ValueError, match="same must name a column"):
        one_of(ROWS, same=[])


def test_groups_may_reach_over_prompts() -> None:
    assert one_of.whole


def test_an_empty_frame_stays_as_it_is() -> None:
    for empty in (ROWS.clear(), ROWS.clear().with_columns(score=0.5)):
        assert_frame_equal(one_of(empty, same="pair_id", pick="random"), empty)
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="pair"):
        one_of(ROWS.clear(), same="pair")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans())), st.integers())
def test_one_row_of_each_group_whatever_the_order(groups: list[tuple[int, bool]], seed: int) -> None:
    schema = {"group": pl.Int64, "flag": pl.Boolean}
    rows = pl.DataFrame(groups, schema=schema, orient="row").with_row_index("id").cast({"id": pl.String})
    kept = one_of(rows, same=["group", "flag"], pick="random", seed=seed)
    assert sorted(kept.select("group", "flag").rows()) == sorted(set(groups))
    mixed = rows.sample(fraction=1, shuffle=True, seed=abs(seed) % 1000)
    assert_frame_equal(one_of(mixed, same=["group", "flag"], pick="random", seed=seed), kept, check_row_order=False)
