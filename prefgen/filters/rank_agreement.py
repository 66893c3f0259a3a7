"""Judgments whose scores put responses in the order that people gave them. EFT data of Self-Rewarding LMs,
arXiv:2401.10020.
"""

from typing import Literal

import polars as pl

from prefgen.rows import because, drops, finite

Ties = Literal["disagree", "agree"]


def _disagrees(*, rank: str = "rank", ties: Ties = "disagree") -> pl.Expr:  # noqa: ARG001
    one = ["prompt_id", "_draw"]
    responses, judged = pl.col("response_id").n_unique().over("prompt_id"), finite("score").count().over(one)
    return because(
        ("no rank", pl.col(rank).is_null()),
        ("not scored", finite("score").is_null()),
        ("fewer than two ranks", pl.col(rank).n_unique().over(one) < 2),
        ("not all responses scored in this draw", judged < responses),
        ("scores are in another order", ~pl.col("_in_order")),
    )


def _ordered(rows: pl.DataFrame, *, rank: str = "rank", ties: Ties = "disagree") -> pl.DataFrame:
    """The rows with the number of their draw, and whether its scores fall as the ranks do."""
    numbered = rows.with_columns(pl.col("id").str.extract(r"\.(\d+)$").alias("_draw"))
    by_rank = numbered.group_by("prompt_id", "_draw", rank).agg(low=finite("score").min(), high=finite("score").max())
    below = pl.col("high").shift(-1).over("prompt_id", "_draw", order_by=rank)
    falls = (pl.col("low") > below) if ties == "disagree" else (pl.col("low") >= below)
    told = by_rank.with_columns(falls.fill_null(value=True).alias("_falls"))
    told = told.group_by("prompt_id", "_draw").agg(pl.col("_falls").all().alias("_in_order"))
    return numbered.join(told, on=["prompt_id", "_draw"], how="left", maintain_order="left", nulls_equal=True)


@drops(_disagrees, prepared=_ordered)
def rank_agreement(rows: pl.DataFrame, *, rank: str = "rank", ties: Ties = "disagree") -> pl.DataFrame:  # noqa: ARG001
    """Keeps a prompt's judgments of one draw where a response with a lower ``rank`` (better) has the higher score, for
    every two responses with different ranks. The draws of all its responses with one number are held together: the
    first judgments of all replies, the second, and so on.

    Equal scores of different ranks disagree by default: the paper does not say. Takes judgments of responses with their
    people's ``rank``; a draw needs two ranks, and a score of every response.
    """
    return rows.drop("_draw", "_in_order")
