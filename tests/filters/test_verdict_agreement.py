from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from prefgen.filters import verdict_agreement

Judgment = tuple[str, str | None, str | None]


def table(judgments: Sequence[Judgment]) -> pl.DataFrame:
    return pl.DataFrame(judgments, schema={"pair_id": str, "verdict": str, "gold": str}, orient="row")


def reasons(judgments: Sequence[Judgment], **how: Any) -> list[str | None]:
    return verdict_agreement.marked(table(judgments), **how)["dropped"].to_list()


def test_a_judgment_stays_where_its_verdict_is_gold() -> None:
    judgments = [("p", "A", "A"), ("p", "B", "A"), ("p", "B", "B"), ("q", None, "A"), ("q", "A", None)]
    why = [None, "verdict differs from gold", None, "no verdict", "no gold"]
    assert reasons(judgments) == why
    assert verdict_agreement(table(judgments)).height == 2


def test_no_group_is_needed_where_nothing_is_asked_of_it() -> None:
    rows = [{"verdict": "A", "gold": "A"}, {"verdict": "B", "gold": "A"}]
    assert verdict_agreement(rows) == rows[:1]
    lazy = verdict_agreement(pl.LazyFrame(rows))
    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.collect().to_dicts() == rows[:1]


def test_a_share_of_a_group_must_agree() -> None:
    judgments = [("p", "A", "A"), ("p", "A", "A"), ("p", "B", "A"), ("p", None, "A"), ("q", "B", "B")]
    differs, unread = "verdict differs from gold", "no verdict"
    assert reasons(judgments, share=2 / 3) == [None, None, differs, unread, None]
    assert reasons(judgments, share=0.7) == ["agreement under 0.7", "agreement under 0.7", differs, unread, None]


def test_both_orders_must_agree() -> None:
    judgments = [("p", "A", "A"), ("p", "B", "B"), ("q", "A", "A"), ("q", "A", "B"), ("r", "A", "A")]
    one = "agreement under 1"
    assert reasons(judgments, share=1) == [None, None, one, "verdict differs from gold", None]
    both = [None, None, one, "verdict differs from gold", "fewer than 2 judgments"]
    assert reasons(judgments, share=1, at_least=2) == both


def test_groups_of_several_columns() -> None:
    judgments = [("p", "A", "A"), ("p", "B", "B"), ("p", "A", "B")]
    assert reasons(judgments, share=1, same=["pair_id", "gold"]) == [
        None,
        "agreement under 1",
        "verdict differs from gold",
    ]


def test_other_column_names() -> None:
    rows = [{"said": 1, "label": 1}, {"said": 2, "label": 1}]
    assert verdict_agreement(rows, verdict="said", gold="label") == rows[:1]


@pytest.mark.parametrize(
    ("how", "text"), [({"share": 1.1}, "share"), ({"share": -0.1}, "share"), ({"at_least": 0}, "at_least")]
)
def test_settings_without_sense_are_refused(how: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        verdict_agreement(table([]), **how)


def test_an_empty_frame_stays_as_it_is() -> None:
    assert_frame_equal(verdict_agreement(table([]), share=1, at_least=2), table([]))
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="gold"):
        verdict_agreement(table([]).drop("gold"))


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from(["A", "B", None]), st.sampled_from("AB"))),
    st.integers(0, 5),
    st.integers(1, 3),
)
def test_it_keeps_what_counting_says(judgments: list[Judgment], fifths: int, at_least: int) -> None:
    share = fifths / 5

    def stays(pair: str, verdict: str | None, gold: str | None) -> bool:
        read = [(v, g) for p, v, g in judgments if p == pair and v is not None]
        right = sum(v == g for v, g in read)
        return verdict == gold and len(read) >= at_least and 5 * right >= fifths * len(read)

    kept = verdict_agreement(table(judgments), share=share, at_least=at_least)
    assert_frame_equal(kept, table([judgment for judgment in judgments if stays(*judgment)]))
    by_pair = [table([j for j in judgments if j[0] == pair]) for pair in "pqr"]
    shards = [verdict_agreement(shard, share=share, at_least=at_least) for shard in by_pair]
    assert_frame_equal(pl.concat(shards), kept.sort("pair_id", maintain_order=True))
