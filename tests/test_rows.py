import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from prefgen.kinds import as_frame
from prefgen.rows import Stages, apart, because, drops, filters, finite, in_stages, shuffled, whole


@filters
def over(*, limit: int = 1) -> pl.Expr:
    """Keeps what is not over the limit."""
    return because((f"over {limit}", pl.col("x") > limit))


def _over(*, limit: int = 1) -> pl.Expr:
    return because((f"over {limit}", pl.col("x") > limit))


@drops(_over)
def doubled(rows: pl.DataFrame, *, limit: int = 1) -> pl.DataFrame:
    return rows.select(pl.col("x") * 2)


def _with_sum(rows: pl.DataFrame, *, limit: int = 1) -> pl.DataFrame:
    return rows.with_columns(pl.col("x").sum().alias("sum"))


def _odd_one(*, limit: int = 1) -> pl.Expr:
    return because(("too much", pl.col("sum") - pl.col("x") > limit))


@drops(_odd_one, prepared=_with_sum)
def summed(rows: pl.DataFrame, *, limit: int = 1) -> pl.DataFrame:
    return rows.select("x", "sum")


def _mean(*, limit: int = 1) -> Stages:
    return {"__sum": pl.col("x").sum(), "__n": pl.col("x").count()}, {"__mean": pl.col("__sum") / pl.col("__n")}


@in_stages(_mean)
@filters
def far(*, limit: int = 1) -> pl.Expr:
    """Keeps what is no further than the limit from the mean."""
    return because((f"over {limit} from the mean", (pl.col("x") - pl.col("__mean")).abs() > limit))


@in_stages(_mean)
@drops(lambda *, limit=1: because(("far", (pl.col("x") - pl.col("__mean")).abs() > limit)))
def near(rows: pl.DataFrame, *, limit=1) -> pl.DataFrame:  # type: ignore[no-untyped-def]
    return rows.select("x")


ROWS: list[dict[str, Any]] = [{"x": 1, "y": "a"}, {"x": 2, "y": "b"}, {"x": None, "y": "c"}]
FRAME = pl.DataFrame(ROWS)
KINDS: dict[str, Callable[[], Any]] = {
    "eager": lambda: FRAME,
    "lazy": FRAME.lazy,
    "list": lambda: ROWS,
    "dataset": lambda: datasets.Dataset.from_list(ROWS),
    "pandas": lambda: pd.DataFrame({"x": [1, 2, None], "y": ["a", "b", "c"]}, index=[7, 8, 9]),
    "arrow": lambda: pa.Table.from_pylist(ROWS),
}


@pytest.fixture(params=KINDS)
def rows(request: pytest.FixtureRequest) -> Any:
    return KINDS[request.param]()


def test_a_filter_keeps_the_kind_that_came_in(rows: Any) -> None:
    kept = over(rows)
    assert type(kept) is type(rows)
    assert as_frame(kept)["y"].to_list() == ["a", "c"]


def test_marked_rows_say_why_and_keep_their_kind(rows: Any) -> None:
    marked = over.marked(rows, limit=0)
    assert type(marked) is type(rows)
    assert as_frame(marked).columns == ["x", "y", "dropped"]
    assert as_frame(marked)["dropped"].to_list() == ["over 0", "over 0", None]
    assert as_frame(rows).columns == ["x", "y"]


def test_marking_twice_says_the_second_reason(rows: Any) -> None:
    twice = over.marked(over.marked(rows, limit=0), limit=1)
    assert as_frame(twice)["dropped"].to_list() == [None, "over 1", None]


def test_a_verb_that_reshapes_gives_back_the_kind(rows: Any) -> None:
    made = doubled(rows)
    assert type(made) is type(rows)
    assert as_frame(made)["x"].to_list() == [2, None]


def test_prepared_columns_are_there_for_the_reason_and_the_table(rows: Any) -> None:
    made = summed(rows)
    assert type(made) is type(rows)
    assert as_frame(made).to_dicts() == [{"x": 2, "sum": 3}, {"x": None, "sum": 3}]
    assert as_frame(summed.marked(rows)).columns == ["x", "y", "sum", "dropped"]


def test_a_filter_of_a_lazy_frame_stays_lazy_and_reads_nothing() -> None:
    def read(_: pl.DataFrame) -> pl.DataFrame:
        raise AssertionError("collected")

    unread = FRAME.lazy().map_batches(read, schema=FRAME.schema)
    for verb in (over, far):
        assert isinstance(verb(unread), pl.LazyFrame)
        assert isinstance(verb.marked(unread), pl.LazyFrame)


def test_what_is_added_for_a_reason_is_in_no_table(rows: Any) -> None:
    assert as_frame(far(rows, limit=0)).to_dicts() == [{"x": None, "y": "c"}]
    marked = as_frame(far.marked(rows, limit=0))
    assert marked.columns == ["x", "y", "dropped"]
    assert marked["dropped"].to_list() == ["over 0 from the mean", "over 0 from the mean", None]
    assert as_frame(near(rows, limit=1))["x"].to_list() == [1, 2, None]
    assert far.parted(FRAME, limit=0)[1].columns == ["x", "y", "dropped"]


def test_a_reason_is_built_once_for_equal_settings_of_equal_types() -> None:
    built: list[Any] = []

    @filters
    def keeps(*, limit: Any = 1) -> pl.Expr:
        built.append(limit)
        return because(
            (
                f"over {limit}",
                pl.col("x") > pl.lit(limit).list.first() if isinstance(limit, list) else pl.col("x") > limit,
            )
        )

    for limit in (1, 1, 1.0, 1.0, [1], [1], [2]):
        last = keeps.marked(FRAME, limit=limit)["dropped"].to_list()
    assert built == [1, 1.0, [1], [2]]
    assert [type(one) for one in built] == [int, float, list, list]
    assert last == [None, None, None]
    assert keeps.marked(FRAME, limit=1.0)["dropped"].to_list() == [None, "over 1.0", None]


def test_a_filter_leaves_a_column_of_its_own_name_alone() -> None:
    assert over(FRAME.with_columns(dropped=pl.lit("mine"))).columns == ["x", "y", "dropped"]


def test_a_filter_looks_only_at_its_columns() -> None:
    things = [{"x": 1, "y": object()}, {"x": 5, "y": {3}}, {"x": 1}]
    assert over(things) == [things[0], things[2]]


def test_pandas_rows_keep_their_index() -> None:
    assert over(KINDS["pandas"]()).index.to_list() == [7, 9]


def test_nothing_in_nothing_out() -> None:
    nothing: list[dict[str, Any]] = []
    assert over(nothing) == over.marked(nothing) == doubled(nothing) == []
    for empty in (datasets.Dataset.from_list(ROWS).select([]), pd.DataFrame(ROWS).iloc[:0], FRAME.clear()):
        assert len(over(empty)) == len(doubled(empty)) == 0


def test_an_empty_frame_has_the_schema_of_a_full_one() -> None:
    assert doubled(FRAME.clear()).schema == doubled(FRAME).schema
    assert over.marked(FRAME.clear()).schema == over.marked(FRAME).schema


@pytest.mark.parametrize("rows", [5, "text", [1, 2], datasets.DatasetDict(), None])
def test_what_holds_no_rows_is_refused(rows: object) -> None:
    with pytest.raises(TypeError, match="cannot read rows from a"):
        over(rows if rows is not None else {"x": [1]})


def test_a_missing_column_is_an_error(rows: Any) -> None:
    other = filters(lambda: pl.col("z").is_null())
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="z"):
        as_frame(other(rows))


def test_as_frame_leaves_out_columns_that_are_not_looked_at(rows: Any) -> None:
    assert as_frame(rows, ["y", "z"]).columns == ["y"]
    assert as_frame(rows).columns == ["x", "y"]


def test_verbs_carry_the_words_of_their_functions() -> None:
    assert (over.__name__, over.__doc__, over.__module__) == ("over", "Keeps what is not over the limit.", __name__)
    assert doubled.__name__ == "doubled"


def test_settings_that_differ_are_refused() -> None:
    def other(rows: pl.DataFrame, *, limit: int = 2) -> pl.DataFrame:
        return rows

    with pytest.raises(TypeError, match="other and _over must take the same settings"):
        drops(_over)(other)
    with pytest.raises(TypeError, match="other and _odd_one must take the same settings"):
        drops(_odd_one, prepared=other)(_with_sum)


def test_whole_marks_one_verb_only() -> None:
    marked = whole(filters(_over))
    assert (marked.whole, over.whole) == (True, None)


def test_because_gives_the_first_reason() -> None:
    reasons = because(("small", pl.col("x") < 2), ("any", pl.col("x").is_not_null()))
    assert FRAME.select(reasons).to_series().to_list() == ["small", "any", None]


def test_finite_numbers() -> None:
    frame = pl.DataFrame({"x": [1.5, None, float("nan"), float("inf"), -float("inf"), 0.0]})
    assert frame.select(finite("x")).to_series().to_list() == [1.5, None, None, None, None, 0.0]
    assert pl.DataFrame({"x": [None, None]}).select(finite("x"))["x"].to_list() == [None, None]
    assert pl.DataFrame({"x": [3]}).select(finite("x")).schema == {"x": pl.Float64}


@pytest.mark.parametrize(
    ("a", "b", "differ"),
    [(0.1 + 0.2, 0.3, False), (0.0, 0.0, False), (0.0, 1e-300, True), (4.0, 4.0001, True), (-1e9, -1e9 - 1e-6, False)],
)
def test_numbers_apart(a: float, b: float, differ: bool) -> None:
    frame = pl.DataFrame({"a": [a], "b": [b]})
    assert frame.select(apart(pl.col("a"), pl.col("b"))).item() is differ
    assert frame.select(apart(pl.col("b"), pl.col("a"))).item() is differ


SHUFFLED = [0xF34A048844001F95, 0x3E535D714CAF520, 0xD13C769761B6447E]
"""printf 0/test/a.0 | b2sum -l 64, and so on."""


def test_shuffled_numbers_never_change() -> None:
    # Written down, so that another version of anything cannot reorder what a recipe made.
    ids = pl.DataFrame({"id": ["a.0", "a.1", "\u00e4"]})
    assert ids.select(shuffled(0, "test")).to_series().to_list() == SHUFFLED
    assert ids.select(shuffled(1, "test")).to_series().to_list() != SHUFFLED
    assert ids.select(shuffled(0, "rest")).to_series().to_list() != SHUFFLED
    assert ids.rename({"id": "key"}).select(shuffled(0, "test", of="key")).to_series().to_list() == SHUFFLED


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1), st.integers())
def test_a_row_s_number_does_not_depend_on_other_rows(ids: list[str], seed: int) -> None:
    frame = pl.DataFrame({"id": ids})
    together = frame.with_columns(n=shuffled(seed, "p"))
    alone = pl.concat([frame[i : i + 1].with_columns(n=shuffled(seed, "p")) for i in range(len(ids))])
    assert_frame_equal(together, alone)
    assert_frame_equal(frame.lazy().with_columns(n=shuffled(seed, "p")).collect(), together)
    assert frame.clear().with_columns(n=shuffled(seed, "p")).schema == together.schema


def test_rows_imports_no_table_library_but_polars() -> None:
    heavy = "{'datasets', 'pandas', 'pyarrow', 'openai', 'anthropic', 'scipy', 'numpy', 'huggingface_hub'}"
    check = (
        "import sys; from prefgen.filters import length_control, verdict_agreement; "
        "print(verdict_agreement([{'verdict': 'A', 'gold': 'A'}, {'verdict': 'B', 'gold': 'A'}])); "
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.splitlines() == ["[{'verdict': 'A', 'gold': 'A'}]", "[]"]
