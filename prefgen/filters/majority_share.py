"""Judgments that voted with a clear majority. Self-consistency of a judge, as Self-Taught Evaluators' code asks for it
(arXiv:2408.02666) where the better response is known; here where it need not be.
"""

from collections.abc import Sequence

import polars as pl

from prefgen.filters._votes import CHOSEN, prefers
from prefgen.rows import because, filters, whole_across


@whole_across("by")
@filters
def majority_share(*, at_least: float = 0.5, by: str | Sequence[str] = "pair_id", votes: int = 1) -> pl.Expr:
    """Keeps the judgments that prefer the response which most of their group (``by``) prefer, where that is
    ``at_least`` this share of those that could be read, and there are so many ``votes``. A tie has no majority.

    By pair_id both orders vote together; by [pair_id, gold] each order by itself. Raises ValueError for a share outside
    [0, 1].
    """
    if not 0 <= at_least <= 1:
        raise ValueError(f"at_least must be from 0 to 1; it is {at_least:g}")
    most = prefers(by)
    with_it, read = (most == CHOSEN).sum().over(by), pl.col("verdict").count().over(by)
    return because(
        ("no verdict", pl.col("verdict").is_null()),
        (f"fewer than {votes} votes", read < votes),
        ("tied vote", most.is_null()),
        (f"majority under {at_least:g}", with_it < at_least * read - 1e-9),
        ("outvoted", most != CHOSEN),
    )
