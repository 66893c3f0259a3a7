"""The strongest judgment of a response against the weakest: what a judge learns to prefer. Meta-Rewarding,
arXiv:2407.19594.
"""

import polars as pl

from prefgen.rows import apart, because, drops, finite

SIDES = {"judgment": "judgment", "score": "judgment_score", "elo": "elo"}
"""A judgment's columns, and what follows ``chosen_`` or ``rejected_`` in the names of the pair's."""
OF_ONE_JUDGMENT = {*SIDES, "id", "wins", "battles", "judgment_reply"}


def _unpaired(*, max_chosen: int | None = None, min_gap: float = 0.0, different_scores: bool = False) -> pl.Expr:
    if min_gap < 0:
        raise ValueError(f"min_gap must be 0 or more; it is {min_gap:g}")
    text, here = pl.col("judgment"), pl.int_range(pl.len())
    points = pl.when(text.is_not_null()).then(finite("elo"))
    best, worst, chosen, rejected = points.max(), points.min(), points.arg_max(), points.arg_min()
    same = text.get(chosen).str.strip_chars() == text.get(rejected).str.strip_chars()
    length = text.get(chosen).str.len_chars()
    scores = [("equal scores", pl.col("score").get(chosen) == pl.col("score").get(rejected))]
    return because(
        ("no judgment", text.is_null()),
        ("no elo", points.is_null()),
        ("fewer than two judgments", points.count() < 2),
        ("equal elo", ~apart(best, worst)),
        (f"elo gap under {min_gap:g}", (worst + min_gap > best) & apart(worst + min_gap, best)),
        ("equal texts", same),
        *(scores if different_scores else []),
        *(
            []
            if max_chosen is None
            else [(f"chosen judgment longer than {max_chosen} characters", length > max_chosen)]
        ),
        ("neither strongest nor weakest", (here != chosen) & (here != rejected)),
    ).over("response_id")


@drops(_unpaired)
def judgment_pairs(
    rows: pl.DataFrame,
    *,
    max_chosen: int | None = None,  # noqa: ARG001  the settings decide which rows are dropped
    min_gap: float = 0.0,  # noqa: ARG001
    different_scores: bool = False,  # noqa: ARG001
) -> pl.DataFrame:
    """One pair of each response's judgments: the one with the highest ``elo`` against the one with the lowest.

    ``max_chosen`` characters is the paper's guard against judgments that grow: 1,100 in its first iteration, 1,000 in
    its second (that the unit is characters is from memory). ``different_scores`` also asks that the two judgments gave
    different scores, as NeMo-Aligner does. Of judgments with one elo the first is taken. Raises ValueError for a
    ``min_gap`` under 0.
    """
    best = pl.col("elo") == pl.col("elo").max().over("response_id")
    own = [c for c in rows.columns if c not in OF_ONE_JUDGMENT]
    shown = [c for c in SIDES if c in rows.columns]
    replies = [c for c in ("judgment_reply",) if c in rows.columns]
    chosen = rows.filter(best).select(*own, "id", *(pl.col(c).alias(f"chosen_{SIDES[c]}") for c in shown), *replies)
    rejected = rows.filter(~best).select(
        "response_id",
        pl.col("id").alias("_rejected"),
        *(pl.col(c).alias(f"rejected_{SIDES[c]}") for c in shown),
        *(pl.col(c).alias("_reply") for c in replies),
    )
    pairs = chosen.join(rejected, on="response_id", how="left", maintain_order="left")
    place = pl.col("_rejected").str.strip_prefix(pl.concat_str("response_id", pl.lit(".")))
    both = [pl.concat_list(c, "_reply").list.drop_nulls().alias("judgment_replies") for c in replies]
    return pairs.with_columns(pl.concat_str("id", pl.lit("-"), place).alias("id"), *both).drop(
        "_rejected", *(("_reply", *replies) if replies else ())
    )
