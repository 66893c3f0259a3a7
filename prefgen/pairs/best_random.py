"""The best response against one of the others at random: UltraFeedback (arXiv:2310.01377) as it was binarised.

Argilla's version takes the best mean rating against a random response with a lower one (``below: lower``); that of
Zephyr (arXiv:2310.16944; from memory) against a random one of the others, whatever its rating (``below: any``).
"""

from typing import Literal

import polars as pl

from prefgen.pairs.best_worst import paired, two
from prefgen.rows import Stages, apart, because, drops, finite, in_stages, shuffled

Below = Literal["lower", "any"]


def _unpaired(*, below: Below = "lower", seed: int = 0) -> pl.Expr:  # noqa: ARG001
    return because(
        ("no response", pl.col("response").is_null()),
        ("not scored", pl.col("__points").is_null()),
        ("fewer than two scored responses", pl.col("__scored") < 2),
        ("equal scores", ~pl.col("__any")),
        ("equal texts", pl.col("__same")),
        ("neither best nor drawn", ~pl.col("__chosen") & ~pl.col("__rejected")),
    )


def _drawn(*, below: Below = "lower", seed: int = 0) -> Stages:
    """Of each prompt its first best response, and the one that is drawn of the others."""
    points, best, here = pl.col("__points"), pl.col("__best"), pl.int_range(pl.len())
    other = points.is_not_null() & (here != pl.col("__top").arg_min()).over("prompt_id")
    return (
        {"__points": pl.when(pl.col("response").is_not_null()).then(finite("score"))},
        {"__best": points.max().over("prompt_id"), "__scored": points.count().over("prompt_id")},
        {"__top": pl.when(~apart(points, best)).then(here)},
        {"__lower": (other & apart(points, best)) if below == "lower" else other},
        {"__drawn": pl.when("__lower").then(shuffled(seed, "best_random"))},
        {
            "__any": pl.col("__lower").any().over("prompt_id"),
            **two(pl.col("__top").arg_min(), pl.col("__drawn").arg_min(), "prompt_id", "response"),
        },
    )


@in_stages(_drawn)
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
    points, here = pl.col("score"), pl.int_range(pl.len())
    best = pl.when(points.n_unique() == 1).then(here == 0).otherwise(points == points.max()).over("prompt_id")
    return paired(rows, best)
