"""Judgments of a pair whose preferred response does not change with the order. LLM-as-a-Judge, arXiv:2306.05685."""

import polars as pl

from prefgen.filters._votes import CHOSEN, prefers
from prefgen.rows import because, filters, whole_across


@whole_across("by")
@filters
def order_agreement(*, by: str = "pair_id") -> pl.Expr:
    """Keeps the judgments of pairs (``by``) for which both orders decide for one response, whichever it is.

    Of several judgments in one order the majority decides. No better response need be known: ``gold`` only says where
    the chosen one stands. Judgments of an agreeing pair that were outvoted in their order are dropped too.
    """
    orders = pl.col("gold").n_unique().over(by)
    read = pl.col("verdict").is_not_null()
    in_order = prefers([by, "gold"])
    decided = pl.when(read & in_order.is_not_null()).then("gold").drop_nulls().n_unique().over(by)
    agreed = in_order.min().over(by) == in_order.max().over(by)
    return because(
        ("no verdict", ~read),
        ("judged in one order only", orders < 2),
        ("undecided in one order", decided < 2),
        ("orders disagree", ~agreed),
        ("outvoted in its order", in_order != CHOSEN),
    )
