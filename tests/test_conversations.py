from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from prefgen.asker import MESSAGES
from prefgen.conversations import as_text, as_texts, ended, twos

TURN = st.fixed_dictionaries({
    "role": st.sampled_from(["user", "assistant", "ßpeaker", "SYSTEM"]),
    "content": st.one_of(st.none(), st.sampled_from(["", "hi", "é"])),
})  # fmt: skip
TALKS = st.lists(st.one_of(st.none(), st.lists(TURN, max_size=3)), max_size=6)


@given(TALKS)
def test_a_column_reads_as_its_values_do(talks: list[Any]) -> None:
    told = as_texts(pl.Series("x", talks, dtype=MESSAGES))
    assert told.to_list() == [None if talk is None else str(as_text(talk)) for talk in talks]
    assert told.to_frame().schema == {"x": pl.String}


def test_columns_that_are_no_conversations() -> None:
    assert as_texts(pl.Series(["a", None])).to_list() == ["a", None]
    assert as_texts(pl.Series([["a", "b"], None])).to_list() == ["['a', 'b']", None]
    assert as_texts(pl.Series([1.5, None])).to_list() == ["1.5", None]


@given(TALKS, st.integers(0, 1))
def test_a_conversation_is_ended_by_a_turn(talks: list[Any], known: int) -> None:
    turns = [{"role": "assistant", "content": f"{n}" if known else None} for n in range(len(talks))]
    column = pl.Series("talk", talks, dtype=MESSAGES)
    made = ended(column, pl.Series(turns, dtype=pl.Struct({"role": pl.String, "content": pl.String})))
    assert made.to_list() == [None if a is None else [*a, b] for a, b in zip(talks, turns, strict=True)]
    assert made.to_frame().schema == {"talk": MESSAGES}


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 9)), st.integers(0, 9))))
def test_lists_of_two(values: list[tuple[int | None, int]]) -> None:
    a, b = (pl.Series([pair[side] for pair in values], dtype=pl.Int64) for side in (0, 1))
    assert twos(a, b).to_list() == [list(pair) for pair in values]
