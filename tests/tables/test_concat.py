import polars as pl
import pytest

from prefgen.verbs import find

concat = find("concat")


def table(*ids: str, **columns: object) -> pl.DataFrame:
    return pl.DataFrame({"prompt_id": [i[0] for i in ids], "id": ids}).with_columns(
        pl.lit(value).alias(name) for name, value in columns.items()
    )


def test_rows_of_all_tables_say_where_they_come_from() -> None:
    made = concat(table("p.0", "q.0", new=1), table("p.0", old=2.5))
    assert made.to_dicts() == [
        {"prompt_id": "p", "id": "p.0.0", "new": 1, "part": 0, "old": None},
        {"prompt_id": "q", "id": "q.0.0", "new": 1, "part": 0, "old": None},
        {"prompt_id": "p", "id": "p.0.1", "new": None, "part": 1, "old": 2.5},
    ]


def test_ids_stay_apart_when_tables_are_joined_twice() -> None:
    once = concat(table("p.0"), table("p.0"))
    assert concat(once, table("p.0", "p.0.1"))["id"].is_unique().all()


def test_two_types_become_one_that_holds_both() -> None:
    assert concat(table("p", n=1), table("q", n=2.5))["n"].to_list() == [1.0, 2.5]


def test_nothing_of_nothing() -> None:
    empty = table("p", new=1).clear()
    assert concat(empty).schema == concat(table("p", new=1)).schema
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        concat(pl.DataFrame({"prompt_id": ["p"]}))
