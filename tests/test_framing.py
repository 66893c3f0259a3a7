"""Rows as tables: conversations that go in by their parts are as polars makes them."""

from typing import Any

import polars as pl
import pytest

from prefgen.asker import MESSAGES
from prefgen.framing import frame_of, framed

SCHEMA = pl.Schema([("id", pl.String), ("prompt", MESSAGES), ("score", pl.Float64)])
TURN = {"role": "user", "content": "x"}


def rows(*talks: Any) -> list[dict[str, Any]]:
    return [{"id": f"{i}", "prompt": talk, "score": i, "more": 1} for i, talk in enumerate(talks)]


@pytest.mark.parametrize(
    "talks",
    [
        [],
        [[]],
        [[TURN], [], [TURN, {"content": "", "role": "assistant"}]],
        [[{"role": "user", "content": None, "more": 1}], [TURN]],
        [[TURN], None],
        [[None], [{"role": "user"}]],
        [[{"role": 1, "content": "x"}]],
        ["no talk", ""],
        [{}, (TURN,)],
    ],
)
def test_a_table_is_what_polars_makes_of_its_rows(talks: list[Any]) -> None:
    expected = pl.DataFrame(rows(*talks), schema=SCHEMA, orient="row")
    found = frame_of(rows(*talks), SCHEMA)
    assert found.schema == expected.schema
    assert found.equals(expected)


def test_frames_and_rows_become_one_table() -> None:
    frame = frame_of(rows([TURN]), SCHEMA)
    found = framed([rows([TURN, TURN]), [], frame, frame.clear(), rows([])], SCHEMA)
    assert found["prompt"].list.len().to_list() == [2, 1, 0]
    assert framed([], SCHEMA).schema == SCHEMA
