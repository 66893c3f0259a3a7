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


def test_rows_that_share_a_conversation_have_each_their_own_place() -> None:
    one, other = [TURN], [TURN, {"role": "assistant", "content": "y"}]
    shared = rows(one, other, one, [], other, one)
    assert frame_of(shared, SCHEMA).equals(pl.DataFrame(shared, schema=SCHEMA, orient="row"))


@pytest.mark.parametrize("value", [1, "1", True, None, 1.5, float("nan")])
@pytest.mark.parametrize("kind", [pl.String, pl.Boolean, pl.Int64, pl.Float64, pl.List(pl.String)])
def test_a_plain_value_is_what_polars_makes_of_it(value: Any, kind: Any) -> None:
    some, schema = [{"id": "0", "made": value}, {"id": "1", "made": None}], pl.Schema({"id": pl.String, "made": kind})
    found, expected = (_or_fault(lambda made=made: made(some, schema)) for made in (frame_of, _by_polars))
    assert found == expected


def _by_polars(some: Any, schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(some, schema=schema, orient="row")


def _or_fault(made: Any) -> str:
    try:
        return str(made())
    except Exception as e:  # noqa: BLE001  # whatever polars raises
        return type(e).__name__


def test_frames_and_rows_become_one_table() -> None:
    frame = frame_of(rows([TURN]), SCHEMA)
    found = framed([rows([TURN, TURN]), [], frame, frame.clear(), rows([])], SCHEMA)
    assert found["prompt"].list.len().to_list() == [2, 1, 0]
    assert framed([], SCHEMA).schema == SCHEMA
