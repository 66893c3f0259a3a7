"""Judgments without a model: the longer response, the shorter one, the first, or a coin. What a judge must beat.

Choosing the longer one scores 80.6 % on RewardBench's Chat section (allenai/reward-bench, issue 267, which leaves out
pairs of equal length; arXiv:2403.13787).
"""

from typing import Literal

import polars as pl

from prefgen.asker import MESSAGES
from prefgen.rows import because, drops, shuffled

By = Literal["longest", "shortest", "first", "random"]


def _undecided(*, by: By = "longest", seed: int = 0) -> pl.Expr:  # noqa: ARG001
    a, b = pl.col("response_a"), pl.col("response_b")
    equal = [("equal lengths", a.str.len_chars() == b.str.len_chars())] if by in {"longest", "shortest"} else []
    return because(("no response", a.is_null() | b.is_null()), *equal)


@drops(_undecided)
def baseline(rows: pl.DataFrame, *, by: By = "longest", seed: int = 0) -> pl.DataFrame:
    """One judgment of each ordered pair, as ``compare`` gives them, but with no words in it.

    ``by`` is what decides: ``longest`` and ``shortest`` count characters, and drop pairs of equal length; ``first``
    always says A; ``random`` is decided by the seed and the row's id. ``judge_model`` is ``baseline/longest`` and so
    on; ``asked``, ``judgment`` and ``judgment_reply`` are null.
    """
    return rows.with_columns(
        pl.concat_str("id", pl.lit(".0")).alias("id"),
        pl.lit(None, MESSAGES).alias("asked"),
        pl.lit(None, pl.String).alias("judgment"),
        pl.when(_says_a(by, seed)).then(pl.lit("A")).otherwise(pl.lit("B")).alias("verdict"),
        pl.lit(f"baseline/{by}").alias("judge_model"),
        pl.lit(None, pl.String).alias("judgment_reply"),
    )


def _says_a(by: By, seed: int) -> pl.Expr:
    longer = pl.col("response_a").str.len_chars() > pl.col("response_b").str.len_chars()
    coin = shuffled(seed, "baseline") % 2 == 0
    first = pl.lit(True)  # noqa: FBT003
    return {"longest": longer, "shortest": ~longer, "first": first, "random": coin}[by]
