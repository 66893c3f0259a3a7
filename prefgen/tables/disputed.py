"""Pairs on which cheap judges do not agree, to be asked of a better one. Cascades of judges: Trust or Escalate,
arXiv:2407.18370; FrugalGPT, arXiv:2305.05176.
"""

import polars as pl

from prefgen.rows import because, drops, whole_across

OF_A_JUDGMENT = ("asked", "judgment", "verdict", "judge_model", "judgment_reply", "votes", "part")
"""Columns of a judgment, which the pair has no more."""


def _agreed(*, at_least: float = 1.0, votes: int = 2, by: str = "pair_id") -> pl.Expr:
    if not 0 <= at_least <= 1:
        raise ValueError(f"at_least must be from 0 to 1; it is {at_least:g}")
    chosen, read = pl.col("verdict") == pl.col("gold"), pl.col("verdict").count().over(by)
    for_it, against = (vote.sum().over(by) for vote in (chosen, ~chosen))
    most = pl.max_horizontal(for_it, against)
    agree = (for_it != against) & (read >= votes) & (most >= at_least * read - 1e-9)
    return because(
        ("the judges agree", agree),
        ("another judgment of its pair and order", ~pl.struct(by, "gold").is_first_distinct()),
    )


@whole_across("by")
@drops(_agreed, row_by_row=True)
def disputed(
    rows: pl.DataFrame,
    *,
    at_least: float = 1.0,  # noqa: ARG001  what is dropped is settled before
    votes: int = 2,  # noqa: ARG001
    by: str = "pair_id",
) -> pl.DataFrame:
    """One row for each pair and order, without its judgments, of the pairs that ``majority_share`` with the same
    settings does not keep: those of whose read judgments less than ``at_least`` prefer one response, or that have fewer
    than ``votes`` of them.

    Rows are as ``both_orders`` made them, and are asked as those would be. The judges before should have
    ``unreadable: keep``, so that a pair is not lost of which they said nothing. Raises ValueError for a share outside
    [0, 1].
    """
    own = rows.select(c for c in rows.columns if c not in OF_A_JUDGMENT)
    order = pl.when(pl.col("gold") == "A").then(pl.lit(".ab")).otherwise(pl.lit(".ba"))
    return own.with_columns(pl.concat_str(by, order).alias("id"))


disputed.keeps_most = {"votes": 1 << 30}
