"""As many rows of each class, so that no judge learns a favourite letter. Self-Taught Evaluators, arXiv:2408.02666."""

from collections.abc import Sequence

import polars as pl

from prefgen.rows import Stages, because, filters, in_stages, shuffled, whole


def _shuffled(
    *,
    by: str = "gold",  # noqa: ARG001
    classes: Sequence[str | int] | None = None,  # noqa: ARG001
    same: str | Sequence[str] = "id",  # noqa: ARG001
    seed: int = 0,
) -> Stages:
    """What orders the rows of a class: eight bytes of each, which are all that is held of its id."""
    return ({"__place": shuffled(seed, "balance")},)


@whole
@in_stages(_shuffled, first_alone=True)
@filters
def balance(
    *,
    by: str = "gold",
    classes: Sequence[str | int] | None = None,
    same: str | Sequence[str] = "id",
    seed: int = 0,  # noqa: ARG001  rows are shuffled before
) -> pl.Expr:
    """Keeps min over classes of their rows in each class of ``by``: min(|P_A|, |P_B|) for gold verdicts.

    Which ones, the seed and the rows' ids decide; they keep their order. ``classes`` are those to keep, all
    that occur where it is None. A class without rows leaves none of the others, and so does having but one.
    Rows with the ``same`` values count as one, and stay or go together: the published code balances ordered pairs
    (pair_id and gold), each with all of its pairs of judgments.
    Raises ValueError for fewer than two ``classes``.
    """
    if classes is not None and len(set(classes)) < 2:
        raise ValueError(f"classes must be two at least; they are {list(classes)}")
    column = pl.col(by)
    wanted = column.is_not_null() if classes is None else column.is_in(list(classes))
    place = pl.col("__place")
    one, first = (place, place) if same in ("id", ["id"]) else (pl.struct(same), place.min().over(same))
    size, place = one.n_unique().over(by), first.rank("dense").over(by)
    return because(
        ("no class", column.is_null()),
        ("not among the classes", ~wanted),
        *_absent(column, classes),
        ("more than the smallest class has", place > pl.when(wanted).then(size).min()),
    )


def _absent(column: pl.Expr, classes: Sequence[str | int] | None) -> list[tuple[str, pl.Expr]]:
    """The reasons for a whole table."""
    if classes is None:
        return [("no second class", column.drop_nulls().n_unique() < 2)]
    return [(f"no rows of class {name}", ~(column == name).any()) for name in classes]
