"""The best response against one of the others at random: UltraFeedback (arXiv:2310.01377) as it was binarised.

Argilla's version takes the best mean rating against a random response with a lower one (``below: lower``); that of
Zephyr (arXiv:2310.16944; from memory) against a random one of the others, whatever its rating (``below: any``).
"""

from typing import Literal

import polars as pl

from prefgen.pairs.best_worst import best_worst
from prefgen.rows import apart, because, drops, finite, shuffled

Below = Literal["lower", "any"]


def _unpaired(*, below: Below = "lower", seed: int = 0) -> pl.Expr:
    text, here = pl.col("response"), pl.int_range(pl.len())
    points = pl.when(text.is_not_null()).then(finite("score"))
    best = points.max()
    chosen = pl.when(~apart(points, best)).then(here).arg_min()
    lower = points.is_not_null() & (here != chosen) & (apart(points, best) if below == "lower" else pl.lit(value=True))
    rejected = pl.when(lower).then(shuffled(seed, "best_random")).arg_min()
    same = text.get(chosen).str.strip_chars() == text.get(rejected).str.strip_chars()
    return because(
        ("no response", text.is_null()),
        ("not scored", points.is_null()),
        ("fewer than two scored responses", points.count() < 2),
        ("equal scores", ~lower.any()),
        ("equal texts", same),
        ("neither best nor drawn", (here != chosen) & (here != rejected)),
    ).over("prompt_id")


@drops(_unpaired)
def best_random(
    rows: pl.DataFrame,
    *,
    below: Below = "lower",  # noqa: ARG001  the settings decide which rows are dropped; the two that stay are the pair
    seed: int = 0,  # noqa: ARG001
) -> pl.DataFrame:
    """One pair of each prompt: its first best response, and one of the others that the seed draws.

    Takes one row for each response, with its score; gives the columns of ``best_worst``. With ``below: any`` the
    rejected one may be as good as the chosen; then the one that came first is chosen.
    """
    first = pl.int_range(pl.len()).over("prompt_id") == 0
    higher = pl.col("score") == pl.col("score").max().over("prompt_id")
    tied = pl.col("score").n_unique().over("prompt_id") == 1
    best = pl.when(tied).then(first).otherwise(higher)
    kept = pl.when(best).then(1.0).otherwise(0.0)
    pairs = best_worst(rows.with_columns(pl.col("score").alias("_rated"), kept.alias("score")))
    rated = rows.select("prompt_id", score="score", _best=best)
    sides = {side: rated.filter(pl.col("_best") == is_best).select("prompt_id", pl.col("score").alias(f"{side}_score"))
             for side, is_best in (("chosen", True), ("rejected", False))}  # fmt: skip
    made = pairs.drop("chosen_score", "rejected_score", "_rated")
    for side in sides.values():
        made = made.join(side, on="prompt_id", how="left", maintain_order="left")
    return made.select(c for c in pairs.columns if c != "_rated")
