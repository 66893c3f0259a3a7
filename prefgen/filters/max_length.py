"""Texts that are too long. Meta-Rewarding (arXiv:2407.19594) caps chosen responses and judgments."""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from prefgen.filters.length_ratio import length
from prefgen.rows import because, filters


@filters
def max_length(
    *, of: str | Sequence[str], at_most: int, unit: Literal["characters", "words"] = "characters"
) -> pl.Expr:
    """Drops rows with a text of the columns ``of`` that is longer than ``at_most``. The paper's limits: 2,500
    characters for a chosen response in its first iteration; 1,100 and then 1,000 for a chosen judgment. A text that
    is not there is not long. Raises ValueError for ``at_most`` under 1.
    """
    if at_most < 1:
        raise ValueError(f"at_most must be 1 or more; it is {at_most}")
    columns = [of] if isinstance(of, str) else of
    return because(*((f"{c} longer than {at_most} {unit}", length(c, unit).fill_null(0) > at_most) for c in columns))
