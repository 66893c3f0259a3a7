"""What every filter holds to, whatever the rows: none is lost, none is changed, each that goes has a reason."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

import prefgen.filters as room
from prefgen.errors import PrefgenError
from prefgen.needs import MissingColumn
from prefgen.rows import DROPPED

SETTINGS: dict[str, dict[str, Any]] = {
    "language": {"among": "en", "of": "response"},
    "length_control": {"rho": 0.3},
    "max_length": {"of": "response", "at_most": 3},
    "near_duplicates": {"of": "response"},
    "one_of": {"same": "prompt_id"},
    "score_gap": {"at_least": 0.5},
    "select": {"by": "score", "at_least": 1},
    "self_instruct": {"of": "response"},
    "class_cap": {"share": 0.5},
}
"""What a filter needs to be told; the others have defaults."""
NAMES = [name for name in room.__all__ if name not in {"decontaminate", "novel"}]  # these take more than the rows

TEXT = st.one_of(
    st.none(), st.sampled_from(["", " ", "a", "b c", "I'm sorry, but I can't help.", "```\nx", "\ud800", "é" * 40])
)
NUMBER = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 1.0, 4.5, float("nan"), float("inf")]))
LETTER = st.sampled_from(["A", "B", None])
ROW = st.fixed_dictionaries({
    "prompt_id": st.sampled_from(["p", "q"]), "pair_id": st.sampled_from(["p.0", "q.0"]), "gold": LETTER,
    "verdict": LETTER, "judge_model": st.sampled_from(["x", "y", None]), "response_id": st.sampled_from(["p.0", "p.1"]),
    "response": TEXT, "chosen": TEXT, "rejected": TEXT, "chosen_model": st.sampled_from(["x", "y", None]),
    "rejected_model": st.sampled_from(["x", "y", None]), "chosen_score": NUMBER, "rejected_score": NUMBER, "score": NUMBER,
    "rank": st.sampled_from([0, 1, 2, None]), "truncated": st.sampled_from([True, False, None]),
})  # fmt: skip
SCHEMA: Any = {
    **dict.fromkeys(("prompt_id", "id", "pair_id", "gold", "verdict", "judge_model", "response_id", "response"), pl.String),
    **dict.fromkeys(("chosen", "rejected", "chosen_model", "rejected_model"), pl.String),
    **dict.fromkeys(("chosen_score", "rejected_score", "score"), pl.Float64), "rank": pl.Int64, "truncated": pl.Boolean,
}  # fmt: skip


def table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    safe = [{c: v.replace("\ud800", "?") if isinstance(v, str) else v for c, v in row.items()} for row in rows]
    return pl.DataFrame([{"id": f"{row['prompt_id']}.{i}", **row} for i, row in enumerate(safe)], schema=SCHEMA)


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=40)
@given(rows=st.lists(ROW, max_size=8))
def test_no_row_is_lost_or_changed(name: str, rows: list[dict[str, Any]]) -> None:
    verb, given_rows, how = getattr(room, name), table(rows), SETTINGS.get(name, {})
    marked, kept = verb.marked(given_rows, **how), verb(given_rows, **how)
    assert marked.select(given_rows.columns).equals(given_rows, null_equal=True)
    assert kept.select(given_rows.columns).equals(given_rows.filter(marked[DROPPED].is_null()), null_equal=True)
    assert verb(given_rows.lazy(), **how).collect().equals(kept, null_equal=True)
    assert all(reason is None or reason.strip() for reason in marked[DROPPED])
    assert verb(kept.clear(), **how).is_empty()


OTHERS: dict[str, Callable[[pl.DataFrame], Any]] = {
    "eager": lambda rows: rows,
    "lazy": pl.DataFrame.lazy,
    "dicts": pl.DataFrame.to_dicts,
    "arrow": pl.DataFrame.to_arrow,
    "pandas": pl.DataFrame.to_pandas,
    "datasets": Dataset.from_polars,
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_column_that_rows_have_not_is_told_with_those_that_they_have(name: str, kind: str) -> None:
    verb, how = getattr(room, name), SETTINGS.get(name, {})
    rows = OTHERS[kind](pl.DataFrame({"mine": ["a", "b"], "yours": ["c", "d"]}))
    words = rf"^{name} needs [a-z_]+( and [a-z_]+)*, which these rows have not; they have mine, yours$"
    for called in (verb, verb.marked):
        with pytest.raises(MissingColumn, match=words) as told:
            called(rows, **how)
        assert isinstance(told.value, PrefgenError)
        assert isinstance(told.value, KeyError)


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=15)
@given(rows=st.lists(ROW, min_size=1, max_size=8))
def test_prompts_have_nothing_to_do_with_one_another_where_a_filter_is_not_whole(
    name: str, rows: list[dict[str, Any]]
) -> None:
    verb, how = getattr(room, name), SETTINGS.get(name, {})
    whole = verb.whole(how) if callable(verb.whole) else verb.whole
    given_rows = table(rows).with_columns(
        pl.concat_str("prompt_id", pl.lit(".0")).alias("pair_id"),
        pl.concat_str("prompt_id", pl.lit(".0")).alias("response_id"),
    )
    if not whole:
        apart = [verb(given_rows.filter(pl.col("prompt_id") == prompt), **how) for prompt in ("p", "q")]
        together = verb(given_rows, **how)
        assert sorted(pl.concat(apart)["id"]) == sorted(together["id"])
