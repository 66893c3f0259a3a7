"""Two forms of a table: which rows are gone, new or others, and where."""

from math import isnan
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from prefgen.differences import Change, differences

ROWS = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from("abcde"), "score": st.none() | st.floats(), "said": st.sampled_from(["x", "y"])}
    ),
    max_size=6,
)


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"id": pl.String, "score": pl.Float64, "said": pl.String})


@given(ROWS, ROWS)
def test_from_the_one_and_the_changes_comes_the_other(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    before, now = (dict(numbered(rows)) for rows in (old, new))
    for change in differences("t", frame(old), frame(new)):
        was = {name: value for name, (value, _) in change.columns.items()}
        assert all(same(value, before.get(change.id, {}).get(name)) for name, value in was.items())
        if change.kind == "gone":
            del before[change.id]
        else:
            empty = {"id": None, "score": None, "said": None}
            before[change.id] = {**before.get(change.id, empty), **{n: v for n, (_, v) in change.columns.items()}}
    assert before.keys() == now.keys()
    assert all(same(before[name][column], value) for name, row in now.items() for column, value in row.items())


def same(a: Any, b: Any) -> bool:
    return bool(a == b) or all(isinstance(one, float) and isnan(one) for one in (a, b))


def numbered(rows: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    seen: dict[str, int] = {}
    found = []
    for row in rows:
        seen[row["id"]] = seen.get(row["id"], 0) + 1
        found.append((row["id"] if seen[row["id"]] == 1 else f"{row['id']} #{seen[row['id']]}", row))
    return found


def test_lists_columns_and_empty_tables() -> None:
    talk = [{"role": "user", "content": "hi"}]
    one, two = pl.DataFrame({"id": ["a"], "asked": [talk]}), pl.DataFrame({"id": ["a"], "asked": [talk], "votes": [3]})
    assert differences("t", one, two) == [Change("t", "a", "changed", {"votes": (None, 3)})]
    assert differences("t", one, pl.DataFrame()) == [
        Change("t", "a", "gone", {"id": ("a", None), "asked": (talk, None)})
    ]
    by = pl.DataFrame({"kind": ["x", "x"], "name": ["n", None], "n": [1, 2]})
    assert [c.id for c in differences("t", pl.DataFrame(), by, ("kind", "name"))] == ["x / n", "x"]
    assert differences("t", by, by, ("kind", "name")) == []
