"""One row of each group, as Self-Taught Evaluators (arXiv:2408.02666) keep one right judgment of each ordered pair."""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from prefgen.rows import because, filters, shuffled, whole_across


@whole_across("same")
@filters
def one_of(*, same: str | Sequence[str], pick: Literal["first", "random"] = "first", seed: int = 0) -> pl.Expr:
    """Keeps one row of those with the ``same`` values: the first, or one that the seed and the rows' ids pick.

    Where draws are read in order, the first right judgment has the distribution of a random one.
    Raises ValueError where ``same`` names no column.
    """
    if not same:
        raise ValueError("same must name a column at least")
    order = pl.int_range(pl.len()) if pick == "first" else shuffled(seed, "one_of")
    return because(("another row of its group is kept", pl.int_range(pl.len()) != order.arg_min())).over(same)
