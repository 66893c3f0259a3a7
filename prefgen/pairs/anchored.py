"""The best of a newer model against the worst of an older one, so that the two stay apart as the newer one improves.
Temporal Self-Rewarding, arXiv:2508.06026 (by a third party's notes), its data without its training.

The paper's older model is the first, M0, and its chosen responses come from one that was trained ahead; here the newer
and the older are two endpoints, both scored by one judge.
"""

import polars as pl

from prefgen.pairs.best_worst import best_worst
from prefgen.rows import apart, because, drops, finite

NEW, OLD = 0, 1


def _unpaired() -> pl.Expr:
    text, here = pl.col("response"), pl.int_range(pl.len())
    points = pl.when(text.is_not_null()).then(finite("score"))
    new, old = (pl.when(pl.col("part") == part).then(points) for part in (NEW, OLD))
    chosen = new.arg_max()
    anchor = pl.when((old.min() < new.min()) & apart(old.min(), new.min())).then(old.arg_min()).otherwise(new.arg_min())
    same = text.get(chosen).str.strip_chars() == text.get(anchor).str.strip_chars()
    return because(
        ("no response", text.is_null()),
        ("not scored", points.is_null()),
        ("no scored response of the newer model", new.count() == 0),
        (
            "no score above the anchor",
            (points.get(chosen) <= points.get(anchor)) | ~apart(points.get(chosen), points.get(anchor)),
        ),
        ("equal texts", same),
        ("neither best of the newer nor the anchor", (here != chosen) & (here != anchor)),
    ).over("prompt_id")


@drops(_unpaired)
def anchored(rows: pl.DataFrame) -> pl.DataFrame:
    """One pair of each prompt: chosen is the newer model's best response; rejected the older model's worst where that
    scores below the newer model's worst, else the newer model's worst. Pairs whose chosen does not score higher go.

    Takes scored responses with ``part``: 0 for the newer model's, 1 for the older's, as ``concat: [new, old]`` marks
    them. Gives the columns of ``best_worst``.
    """
    return best_worst(rows.drop("part"))
