"""The best of a newer model against the worst of an older one, so that the two stay apart as the newer one improves.
Temporal Self-Rewarding, arXiv:2508.06026 (by a third party's notes), its data without its training.

The paper's older model is the first, M0, and its chosen responses come from one that was trained ahead; here the newer
and the older are two endpoints, both scored by one judge.
"""

import polars as pl

from prefgen.pairs.best_worst import best_worst, two
from prefgen.rows import Stages, apart, because, drops, finite, in_stages

NEW, OLD = 0, 1


def _unpaired() -> pl.Expr:
    above, anchor = pl.col("__above"), pl.col("__anchor")
    return because(
        ("no response", pl.col("response").is_null()),
        ("not scored", pl.col("__points").is_null()),
        ("no scored response of the newer model", pl.col("__scored") == 0),
        ("no score above the anchor", (above <= anchor) | ~apart(above, anchor)),
        ("equal texts", pl.col("__same")),
        ("neither best of the newer nor the anchor", ~pl.col("__chosen") & ~pl.col("__rejected")),
    )


def _ends() -> Stages:
    """Of each prompt the newer model's best and worst, and the older one's worst; of each response whether it is the
    one that stands for it.
    """
    points, new, old = pl.col("__points"), pl.col("__new"), pl.col("__old")
    below = (old.min() < new.min()) & apart(old.min(), new.min())
    anchor = pl.when(below).then(old.arg_min()).otherwise(new.arg_min())
    return (
        {"__points": pl.when(pl.col("response").is_not_null()).then(finite("score"))},
        {f"__{age}": pl.when(pl.col("part") == part).then(points) for age, part in (("new", NEW), ("old", OLD))},
        {
            "__scored": new.count().over("prompt_id"),
            "__above": new.max().over("prompt_id"),
            "__anchor": points.get(anchor).over("prompt_id"),
            **two(new.arg_max(), anchor, "prompt_id", "response"),
        },
    )


@in_stages(_ends)
@drops(_unpaired)
def anchored(rows: pl.DataFrame) -> pl.DataFrame:
    """One pair of each prompt: chosen is the newer model's best response; rejected the older model's worst where that
    scores below the newer model's worst, else the newer model's worst. Pairs whose chosen does not score higher go.

    Takes scored responses with ``part``: 0 for the newer model's, 1 for the older's, as ``concat: [new, old]`` marks
    them. Gives the columns of ``best_worst``.
    """
    return best_worst(rows.drop("part"))
