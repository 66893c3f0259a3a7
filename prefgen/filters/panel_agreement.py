"""Pairs on which so many judges of a panel agree. Panel of LLM evaluators, arXiv:2404.18796."""

import polars as pl

from prefgen.filters._votes import CHOSEN, prefers
from prefgen.rows import because, filters, whole_across


@whole_across("by")
@filters
def panel_agreement(*, at_least: int = 2, by: str = "pair_id") -> pl.Expr:
    """Keeps the judgments of pairs for which ``at_least`` judges (``judge_model``) prefer one response, and more than
    prefer the other. A judge's judgments of a pair, in both orders, are one vote: their majority; a judge whose
    judgments are tied has none. Judgments against the panel's preference are dropped too.

    The paper lets the panel vote however it splits: that is ``at_least: 1``. Raises ValueError for ``at_least`` under
    1.
    """
    if at_least < 1:
        raise ValueError(f"at_least must be 1 or more; it is {at_least}")
    own = prefers([by, "judge_model"])
    first = pl.struct(by, "judge_model").is_first_distinct()
    for_it, against = (pl.when(first).then(vote).sum().over(by) for vote in (own, ~own))
    return because(
        ("no verdict", pl.col("verdict").is_null()),
        (f"fewer than {at_least} judges agree", pl.max_horizontal(for_it, against) < at_least),
        ("panel is split evenly", for_it == against),
        ("against the panel", (for_it > against) != CHOSEN),
    )
