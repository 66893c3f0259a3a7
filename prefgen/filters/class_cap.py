"""No class may be more than a share of what is kept. NeMo-Aligner caps each score of its judge's data at 40%;
Self-Rewarding LMs (arXiv:2401.10020) take out part of the score 4.
"""

import polars as pl

from prefgen.rows import Stages, because, drops, in_stages, shuffled, whole


def largest(counts: dict[object, int], share: float) -> dict[object, int]:
    """How many of each class can stay at most, so that none is over ``share`` of all that stay. All zero where no
    number of rows will do: fewer classes than 1 / share.

    The total T is the largest with sum of min(count, floor(share T)) >= T; it falls until it holds.
    """
    total = sum(counts.values())
    while total:
        limit = int(share * total + 1e-9)
        kept = sum(min(count, limit) for count in counts.values())
        if kept >= total:
            return {name: min(count, limit) for name, count in counts.items()}
        total = kept
    return dict.fromkeys(counts, 0)


def _over(*, by: str = "score", share: float = 0.4, seed: int = 0) -> pl.Expr:  # noqa: ARG001
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1; it is {share:g}")
    place = pl.col("__place").rank("ordinal").over(by)
    return because(
        ("no class", pl.col(by).is_null()),
        (f"too few classes for a share of {share:g}", pl.col("_limit").max() == 0),
        (f"class over {share:g} of what is kept", place > pl.col("_limit")),
    )


def _shuffled(*, by: str = "score", share: float = 0.4, seed: int = 0) -> Stages:  # noqa: ARG001
    return ({"__place": shuffled(seed, "class_cap")},)


def _limits(rows: pl.LazyFrame, *, by: str = "score", share: float = 0.4, seed: int = 0) -> pl.LazyFrame:  # noqa: ARG001
    of_each = rows.filter(pl.col(by).is_not_null()).group_by(by).len().sort(by)
    counts = dict(of_each.collect(engine="streaming").iter_rows())
    limits = largest(counts, share)
    given = pl.DataFrame(
        {by: list(limits), "_limit": list(limits.values())}, schema={by: rows.collect_schema()[by], "_limit": pl.Int64}
    )
    return rows.join(given.lazy(), on=by, how="left", maintain_order="left")


@whole
@in_stages(_shuffled, first_alone=True)
@drops(_over, prepared=_limits, lazily=True, row_by_row=True)
def class_cap(rows: pl.DataFrame, *, by: str = "score", share: float = 0.4, seed: int = 0) -> pl.DataFrame:  # noqa: ARG001
    """Keeps as many rows as can stay with no class of ``by`` over ``share`` of them; which of a class, the seed and the
    rows' ids decide. A share that so few classes cannot meet keeps none: two classes need one half at least. Raises
    ValueError for a share outside (0, 1].
    """
    return rows.drop("_limit")
