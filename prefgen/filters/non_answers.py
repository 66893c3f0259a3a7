"""Texts that are no answers: empty, an opener alone (a master key, arXiv:2507.08794), or spoken to a judge.

Judges pass over such texts by themselves (``guard``); this is for pairs that others have judged.
"""

from collections.abc import Sequence

import polars as pl

from prefgen.hostile import REASONS
from prefgen.rows import because, filters


@filters
def non_answers(*, of: str | Sequence[str] = ("chosen", "rejected")) -> pl.Expr:
    """Drops rows with a text of the columns ``of`` that is no answer. Precision goes first: a text that hides better
    stays.
    """
    columns = [of] if isinstance(of, str) else of
    texts = [(column, pl.col(column).cast(pl.String)) for column in columns]
    return because(*((f"{column}: {why}", holds(text)) for column, text in texts for why, holds in REASONS.items()))
