import polars as pl
import pytest

from prefgen.verbs import find

unpair = find("unpair")
PAIR = {
    "prompt_id": "p",
    "id": "p.0",
    "prompt": [{"role": "user", "content": "why?"}],
    "chosen": "good",
    "rejected": "bad",
}


def test_each_pair_is_two_responses() -> None:
    rows = pl.DataFrame([{**PAIR, "chosen_model": "x", "rejected_model": "y", "chosen_score": 1.0, "topic": "t"}])
    assert unpair(rows).select(pl.exclude("prompt")).to_dicts() == [
        {"prompt_id": "p", "topic": "t", "id": "p.0.0", "pair_id": "p.0", "response": "good", "response_model": "x", "side": "chosen"},
        {"prompt_id": "p", "topic": "t", "id": "p.0.1", "pair_id": "p.0", "response": "bad", "response_model": "y", "side": "rejected"},
    ]  # fmt: skip


def test_pairs_keep_their_order() -> None:
    rows = pl.DataFrame([{**PAIR, "id": f"p.{n}"} for n in (2, 0, 1)])
    assert unpair(rows)["id"].to_list() == ["p.2.0", "p.2.1", "p.0.0", "p.0.1", "p.1.0", "p.1.1"]


def test_nothing_of_nothing() -> None:
    rows = pl.DataFrame([PAIR])
    assert unpair(rows.clear()).schema == unpair(rows).schema
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        unpair(rows.drop("rejected"))
