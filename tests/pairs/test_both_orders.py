import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from prefgen.pairs.both_orders import both_orders

PAIRS = pl.DataFrame(
    {"prompt_id": ["p", "q"], "id": ["p.0", "q.0"], "chosen": ["good", "fine"], "rejected": ["bad", "poor"]}
)


def test_each_pair_is_shown_in_both_orders() -> None:
    made = both_orders(PAIRS)
    assert made["id"].to_list() == ["p.0.ab", "p.0.ba", "q.0.ab", "q.0.ba"]
    assert made["pair_id"].to_list() == ["p.0", "p.0", "q.0", "q.0"]
    assert made["gold"].to_list() == ["A", "B", "A", "B"]
    assert made["response_a"].to_list() == ["good", "bad", "fine", "poor"]
    assert made["response_b"].to_list() == ["bad", "good", "poor", "fine"]
    assert made.select("prompt_id", "chosen", "rejected").unique(maintain_order=True).rows() == [
        ("p", "good", "bad"),
        ("q", "fine", "poor"),
    ]


def test_no_pairs_have_no_orders_but_their_columns() -> None:
    assert both_orders(PAIRS.clear()).schema == both_orders(PAIRS).schema
    assert both_orders(PAIRS.clear()).is_empty()


@pytest.mark.parametrize("column", ["id", "chosen", "rejected"])
def test_a_missing_column_is_an_error(column: str) -> None:
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match=column):
        both_orders(PAIRS.clear().drop(column))


@given(st.lists(st.tuples(st.text(), st.text())))
def test_gold_is_where_the_chosen_stands(texts: list[tuple[str, str]]) -> None:
    pairs = pl.DataFrame(texts, schema={"chosen": str, "rejected": str}, orient="row").with_row_index("id")
    made = both_orders(pairs.cast({"id": pl.String}))
    in_a, in_b = made.filter(gold="A"), made.filter(gold="B")
    assert in_a.select("response_a", "response_b").rows() == texts
    assert in_b.select("response_b", "response_a").rows() == texts
    assert made["id"].is_unique().all()
    shards = [both_orders(pairs.cast({"id": pl.String})[i : i + 1]) for i in range(len(texts))]
    assert_frame_equal(pl.concat([made.clear(), *shards]), made)
