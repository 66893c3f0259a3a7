"""The strongest judgment of a response against the weakest: what a judge learns to prefer. Meta-Rewarding,
arXiv:2407.19594.
"""

import polars as pl

from prefgen.pairs.best_worst import two
from prefgen.rows import Stages, apart, because, drops, finite, in_stages

SIDES = {"judgment": "judgment", "score": "judgment_score", "elo": "elo"}
"""A judgment's columns, and what follows ``chosen_`` or ``rejected_`` in the names of the pair's."""
OF_ONE_JUDGMENT = {*SIDES, "id", "wins", "battles", "judgment_reply"}


def _unpaired(*, max_chosen: int | None = None, min_gap: float = 0.0, different_scores: bool = False) -> pl.Expr:
    if min_gap < 0:
        raise ValueError(f"min_gap must be 0 or more; it is {min_gap:g}")
    best, worst = pl.col("__best"), pl.col("__worst")
    long = f"chosen judgment longer than {max_chosen} characters"
    return because(
        ("no judgment", pl.col("judgment").is_null()),
        ("no elo", pl.col("__points").is_null()),
        ("fewer than two judgments", pl.col("__judged") < 2),
        ("equal elo", ~apart(best, worst)),
        (f"elo gap under {min_gap:g}", (worst + min_gap > best) & apart(worst + min_gap, best)),
        ("equal texts", pl.col("__same")),
        *([("equal scores", pl.col("__same_score"))] if different_scores else []),
        *([] if max_chosen is None else [(long, pl.col("__length") > max_chosen)]),
        ("neither strongest nor weakest", ~pl.col("__chosen") & ~pl.col("__rejected")),
    )


def _ends(*, max_chosen: int | None = None, min_gap: float = 0.0, different_scores: bool = False) -> Stages:  # noqa: ARG001
    """Of each response its strongest and its weakest judgment; of each judgment whether it is one of them."""
    points, text, by = pl.col("__points"), pl.col("judgment"), "response_id"
    chosen, rejected = points.arg_max(), points.arg_min()
    more = {}
    if different_scores:
        more["__same_score"] = (pl.col("score").get(chosen) == pl.col("score").get(rejected)).over(by)
    if max_chosen is not None:
        more["__length"] = text.get(chosen).str.len_chars().over(by)
    return (
        {"__points": pl.when(text.is_not_null()).then(finite("elo"))},
        {
            "__best": points.max().over(by),
            "__worst": points.min().over(by),
            "__judged": points.count().over(by),
            **two(chosen, rejected, by, "judgment"),
            **more,
        },
    )


@in_stages(_ends)
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
