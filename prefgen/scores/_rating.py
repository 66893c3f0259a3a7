"""How RewardBench 2's code reads a rating (arXiv:2506.01937): a whole number from 1 to 10 at the very end."""

import polars as pl

_TAIL = r"\b([1-9]|10)\b\s*$"


def official_rating() -> pl.Expr:
    """The rating in the column ``judgment``, null where there is none; a judgment without words has its ``score``."""
    words = pl.col("judgment")
    found = words.str.extract(_TAIL).cast(pl.Float64)
    return pl.when(words.is_null()).then(pl.col("score").cast(pl.Float64)).otherwise(found)
