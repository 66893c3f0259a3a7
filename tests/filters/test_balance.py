from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from prefgen.filters import balance


def table(gold: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame({"id": [f"j.{i}" for i in range(len(gold))], "gold": gold}, schema={"id": str, "gold": str})


def reasons(gold: list[str | None], **how: Any) -> list[str | None]:
    return balance.marked(table(gold), **how)["dropped"].to_list()


def test_the_smallest_class_decides() -> None:
    kept = balance(table(["A", "A", "B", "A", "B", "A"]))
    assert kept["gold"].value_counts(sort=True)["count"].to_list() == [2, 2]
    assert kept["id"].to_list() == sorted(kept["id"])
    assert reasons(["A", "B", "A"]).count("more than the smallest class has") == 1


def test_the_seed_decides_which_stay() -> None:
    rows = table([*"AAAAAAAA", "B"])
    picks = {seed: balance(rows, seed=seed)["id"].to_list() for seed in range(60)}
    assert picks == {seed: balance(rows.lazy(), seed=seed).collect()["id"].to_list() for seed in range(60)}
    assert {id_ for kept in picks.values() for id_ in kept} == set(rows["id"])


def test_a_single_class_leaves_nothing() -> None:
    assert reasons(["A", "A"]) == ["no second class"] * 2
    assert reasons(["A", None]) == ["no second class", "no class"]
    assert reasons(["A", "C"], classes=["A", "B"]) == ["no rows of class B", "not among the classes"]


def test_only_the_classes_that_are_named() -> None:
    assert reasons(["A", "B", "C", None], classes=["A", "B"]) == [None, None, "not among the classes", "no class"]
    assert balance(table(["A", "B", "C", "C"]))["gold"].to_list().count("C") == 1


def test_any_column_may_hold_the_classes() -> None:
    rows = [{"id": str(i), "label": i % 3} for i in range(7)]
    assert len(balance(rows, by="label")) == 6
    assert len(balance(rows, by="label", classes=[0, 2])) == 4


@pytest.mark.parametrize("classes", [[], ["A"], ["A", "A"]])
def test_one_class_cannot_be_balanced(classes: list[str]) -> None:
    with pytest.raises(ValueError, match="classes must be two at least"):
        balance(table(["A"]), classes=classes)


def test_it_sees_the_whole_table() -> None:
    assert balance.whole


def test_an_empty_frame_stays_as_it_is() -> None:
    assert_frame_equal(balance(table([])), table([]))
    assert_frame_equal(balance(table([]), classes=["A", "B"]), table([]))
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="side"):
        balance(table([]), by="side")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["A", "B", "C", None])), st.integers())
def test_classes_are_equal_whatever_the_order(gold: list[str | None], seed: int) -> None:
    kept = balance(table(gold), seed=seed)
    sizes = [gold.count(name) for name in {*gold} - {None}]
    smallest = min(sizes) if len(sizes) > 1 else 0
    assert kept.height == smallest * len(sizes)
    assert set(kept["gold"].value_counts()["count"]) <= {smallest}
    mixed = table(gold).sample(fraction=1, shuffle=True, seed=abs(seed) % 1000)
    assert_frame_equal(balance(mixed, seed=seed), kept, check_row_order=False)


def test_rows_that_count_as_one_stay_or_go_together() -> None:
    """Four pairs of A and two of B, each with as many rows as its number says."""
    pairs = [(f"p{n}", "AAAABB"[n], k) for n in range(6) for k in range(n + 1)]
    rows = pl.DataFrame([(f"{p}.{k}", p, gold) for p, gold, k in pairs], schema=["id", "pair_id", "gold"], orient="row")
    for seed in range(5):
        kept = balance(rows, same="pair_id", seed=seed)
        assert kept.group_by("gold").agg(pl.col("pair_id").n_unique())["pair_id"].to_list() == [2, 2]
        assert kept.equals(rows.filter(pl.col("pair_id").is_in(kept["pair_id"].unique().implode())))
