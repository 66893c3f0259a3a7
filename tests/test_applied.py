import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.applied import _used, _used_of_many, split
from prefgen.rows import because, drops, filters

ID = st.lists(st.sampled_from(["a", "b", "", "0\n", "1"]), min_size=1, max_size=4).map(".".join)


@settings(deadline=None, max_examples=200)
@given(st.lists(ID, max_size=8), st.lists(ID, max_size=8))
def test_many_rows_are_used_as_few_are(ids: list[str], out: list[str]) -> None:
    rows, made = pl.Series(ids, dtype=pl.String), pl.Series(out, dtype=pl.String)
    assert _used_of_many(rows, made).to_list() == _used(rows, made).to_list()


def test_rows_of_a_plain_function_that_are_in_none_of_its_rows() -> None:
    rows = pl.DataFrame({"prompt_id": ["p", "p", "q"], "id": ["p.0", "p.1", "q.0"]})
    made, gone = split(lambda frame: frame.filter(pl.col("id") == "p.0"), [rows], {})
    assert made["id"].to_list() == ["p.0"]
    assert gone["id"].to_list() == ["p.1", "q.0"]


@filters
def _short(*, limit: int = 1) -> pl.Expr:
    return because(("long", pl.col("n") > limit))


@drops(lambda *, limit=1: because(("long", pl.col("n") > limit)))
def _doubled(rows: pl.DataFrame, *, limit=1) -> pl.DataFrame:  # type: ignore[no-untyped-def]
    return rows.with_columns(pl.col("n") * 2)


def test_what_a_run_does_is_what_marking_and_making_do() -> None:
    rows = pl.DataFrame({"prompt_id": ["p", "p"], "id": ["p.0", "p.1"], "n": [1, 2]})
    for verb in (_short, _doubled):
        for limit in (0, 1, 2):
            made, gone = split(verb, [rows], {"limit": limit})
            marked = verb.marked(rows, limit=limit)
            assert gone.equals(marked.filter(pl.col("dropped").is_not_null()))
            assert made.equals(verb(rows, limit=limit))
            assert made.schema == verb(rows.clear(), limit=limit).schema
