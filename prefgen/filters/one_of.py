"""One row of each group, as Self-Taught Evaluators (arXiv:2408.02666) keep one right judgment of each ordered pair."""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from prefgen.rows import Stages, because, filters, in_stages, shuffled, whole_across

Pick = Literal["first", "random"]


def _shuffled(*, same: str | Sequence[str], pick: Pick = "first", seed: int = 0) -> Stages:  # noqa: ARG001
    return ({"__place": shuffled(seed, "one_of")},) if pick == "random" else ()


@whole_across("same")
@in_stages(_shuffled, first_alone=True)
@filters
def one_of(*, same: str | Sequence[str], pick: Pick = "first", seed: int = 0) -> pl.Expr:  # noqa: ARG001
    """Keeps one row of those with the ``same`` values: the first, or one that the seed and the rows' ids pick.

    Where draws are read in order, the first right judgment has the distribution of a random one.
    Raises ValueError where ``same`` names no column.
    """
    if not same:
        raise ValueError("same must name a column at least")
    order = pl.int_range(pl.len()) if pick == "first" else pl.col("__place")
    return because(("another row of its group is kept", pl.int_range(pl.len()) != order.arg_min())).over(same)
