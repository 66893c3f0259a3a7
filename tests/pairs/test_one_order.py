import polars as pl
import pytest
from polars.testing import assert_frame_equal

from prefgen.pairs.both_orders import both_orders
from prefgen.pairs.one_order import one_order


def table(ids: list[str]) -> pl.DataFrame:
    rows = [(i, f"{i}.0", f"good {i}", "bad") for i in ids]
    return pl.DataFrame(rows, schema=dict.fromkeys(["prompt_id", "id", "chosen", "rejected"], pl.String), orient="row")


def test_each_pair_in_one_of_its_two_orders() -> None:
    pairs = table([f"p{n}" for n in range(400)])
    shown, both = one_order(pairs, seed=3), both_orders(pairs)
    assert shown["pair_id"].to_list() == pairs["id"].to_list()
    assert_frame_equal(shown.select(both.columns), both.filter(pl.col("id").is_in(shown["id"].implode())))
    assert 160 < (shown["gold"] == "A").sum() < 240


def test_the_seed_and_the_pair_decide_and_nothing_else() -> None:
    pairs = table([f"p{n}" for n in range(50)])
    shown = one_order(pairs, seed=1)
    alone = pl.concat(one_order(pairs.slice(n, 1), seed=1) for n in range(50))
    assert_frame_equal(alone, shown)
    assert one_order(pairs, seed=2)["gold"].to_list() != shown["gold"].to_list()


def test_no_pairs() -> None:
    assert one_order(table([])).schema == one_order(table(["p"])).schema
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        one_order(table([]).drop("chosen"))
