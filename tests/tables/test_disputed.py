"""What one judge is sure of, and what goes on to the next: between them every pair, and none in both."""

from itertools import product
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen.filters import majority_share
from prefgen.pairs.both_orders import both_orders
from prefgen.rows import DROPPED
from prefgen.tables.disputed import disputed

SCHEMA: Any = dict.fromkeys(("prompt_id", "id", "pair_id", "gold", "verdict", "judgment", "judge_model"), pl.String)


def judged(**pairs: str) -> pl.DataFrame:
    """Pairs by name, each with its judgments in turns of the two orders: c for the chosen, r for the other, - unread."""
    rows = []
    for name, votes in pairs.items():
        for k, vote in enumerate(votes):
            gold, order = ("A", "ab") if k % 2 == 0 else ("B", "ba")
            verdict = {"c": gold, "r": "AB".replace(gold, "")}.get(vote)
            row = {"prompt_id": name[0], "id": f"{name}.{order}.{k // 2}", "pair_id": name, "gold": gold}
            rows.append({**row, "verdict": verdict, "judgment": "So.", "judge_model": "cheap"})
    return pl.DataFrame(rows, schema=SCHEMA)


@pytest.mark.parametrize(
    ("votes", "doubted"),
    [("cc", False), ("rr", False), ("cr", True), ("c-", True), ("--", True), ("c", True), ("ccc-", False)],
)
def test_a_pair_goes_on_unless_both_orders_prefer_one_response(votes: str, doubted: bool) -> None:
    made = disputed(judged(p=votes))
    assert made["id"].to_list() == (["p.ab", "p.ba"][: len(votes)] if doubted else [])


def test_it_gives_the_rows_as_both_orders_made_them() -> None:
    pairs = pl.DataFrame({"prompt_id": ["p"], "id": ["p.0"], "chosen": ["c"], "rejected": ["r"]})
    orders = both_orders(pairs)
    said = orders.with_columns(pl.concat_str("id", pl.lit(".0")).alias("id"), verdict=pl.lit("A"), judgment=pl.lit("A"))
    assert disputed(said).select(orders.columns).equals(orders)
    assert not {"verdict", "judgment"} & set(disputed(said).columns)


@pytest.mark.parametrize(("at_least", "votes"), [(1.0, 2), (0.75, 2), (0.5, 3), (1.0, 4)])
def test_it_is_what_majority_share_does_not_keep(at_least: float, votes: int) -> None:
    every = {f"p{i}": "".join(some) for i, some in enumerate(product("cr-", repeat=4))}
    rows = judged(**every)
    kept = set(majority_share(rows, at_least=at_least, votes=votes)["pair_id"])
    doubted = set(disputed(rows, at_least=at_least, votes=votes)["pair_id"])
    assert kept | doubted == set(every)
    assert not kept & doubted


@given(st.dictionaries(st.sampled_from(["p", "q", "p2"]), st.text("cr-", min_size=1, max_size=6)))
def test_every_row_that_goes_has_its_reason(pairs: dict[str, str]) -> None:
    rows = judged(**pairs)
    marked = disputed.marked(rows)
    assert marked.height == rows.height
    assert disputed(rows).height == marked[DROPPED].null_count()
    assert set(marked[DROPPED].drop_nulls()) <= {"the judges agree", "another judgment of its pair and order"}
    assert disputed(rows)["id"].is_unique().all()


def test_a_share_is_one() -> None:
    with pytest.raises(ValueError, match="at_least must be from 0 to 1; it is 2"):
        disputed(judged(p="cc"), at_least=2)
