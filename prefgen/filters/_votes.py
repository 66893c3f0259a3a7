"""What judgments of a pair say of its two responses, whatever the order in which they were shown."""

from collections.abc import Sequence

import polars as pl

CHOSEN = pl.col("verdict") == pl.col("gold")
"""Whether a judgment prefers the response in ``chosen``; null where it could not be read."""


def prefers(over: str | Sequence[str]) -> pl.Expr:
    """What most judgments of a group prefer: true for the chosen response, false for the rejected; null for a tie, and
    where none could be read.
    """
    for_it, against = (vote.sum().over(over) for vote in (CHOSEN, ~CHOSEN))
    return pl.when(for_it != against).then(for_it > against)
