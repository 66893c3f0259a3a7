"""The best against the worst of N responses. Self-Rewarding LMs, arXiv:2401.10020; West-of-N, arXiv:2401.12086."""

from typing import Literal

import polars as pl

from prefgen.rows import Stages, apart, because, drops, finite, in_stages, shuffled

Ties = Literal["first", "shortest", "random"]

ONE_SIDE = {"response": "", "response_model": "_model", "response_reply": "_reply", "score": "_score"}
"""A response's columns, and what follows ``chosen`` or ``rejected`` in the names of the pair's."""
NEITHER_SIDE = {"truncated", "score_sd", "judgments"}


def _unpaired(*, ties: Ties = "first", min_gap: float = 0.0, seed: int = 0) -> pl.Expr:  # noqa: ARG001
    if min_gap < 0:
        raise ValueError(f"min_gap must be 0 or more; it is {min_gap:g}")
    best, worst = pl.col("__best"), pl.col("__worst")
    return because(
        ("no response", pl.col("response").is_null()),
        ("not scored", pl.col("__points").is_null()),
        ("fewer than two scored responses", pl.col("__scored") < 2),
        ("equal scores", ~apart(best, worst)),
        (f"score gap under {min_gap:g}", (worst + min_gap > best) & apart(worst + min_gap, best)),
        ("equal texts", pl.col("__same")),
        ("neither best nor worst", ~pl.col("__chosen") & ~pl.col("__rejected")),
    )


def _ends(*, ties: Ties = "first", min_gap: float = 0.0, seed: int = 0) -> Stages:  # noqa: ARG001
    """Of each prompt the best and the worst score; of each response whether it is the one that stands for it."""
    points, best, worst = (pl.col(f"__{name}") for name in ("points", "best", "worst"))
    return (
        {"__points": pl.when(pl.col("response").is_not_null()).then(finite("score")), "__order": _order(ties, seed)},
        {
            "__best": points.max().over("prompt_id"),
            "__worst": points.min().over("prompt_id"),
            "__scored": points.count().over("prompt_id"),
        },
        {f"__{end}": pl.when(~apart(points, of)).then("__order") for end, of in (("top", best), ("low", worst))},
        two(pl.col("__top").arg_min(), pl.col("__low").arg_min(), "prompt_id", "response"),
    )


def two(chosen: pl.Expr, rejected: pl.Expr, by: str, text: str) -> dict[str, pl.Expr]:
    """Which row of each group is ``__chosen`` and which is ``__rejected``, from their places in it; and whether their
    texts are the ``__same``.
    """
    here, said = pl.int_range(pl.len()), pl.col(text)
    same = said.get(chosen).str.strip_chars() == said.get(rejected).str.strip_chars()
    return {
        "__chosen": (here == chosen).over(by),
        "__rejected": (here == rejected).over(by),
        "__same": same.over(by),
    }


def _order(ties: Ties, seed: int) -> pl.Expr:
    """The first in this order stands for all responses of one score."""
    if ties == "shortest":
        return pl.col("response").str.len_chars()
    return shuffled(seed, "best_worst") if ties == "random" else pl.int_range(pl.len())


@in_stages(_ends)
@drops(_unpaired)
def best_worst(
    rows: pl.DataFrame,
    *,
    ties: Ties = "first",  # noqa: ARG001 the settings decide which rows are dropped; the two that stay are the pair
    min_gap: float = 0.0,  # noqa: ARG001
    seed: int = 0,  # noqa: ARG001
) -> pl.DataFrame:
    """One pair of each prompt: the response with the highest score against the one with the lowest.

    Takes one row for each response, with its score. A prompt makes no pair where the two scores are equal, nearer
    than ``min_gap``, or the two texts are equal but for white space at their ends. ``ties`` says which of several
    best, and of several worst, is taken (the papers do not): the first, the shortest, or one picked by the seed.
    Where the chosen should be the shortest and the rejected the longest, ``length_control`` goes before.

    A pair's id is the chosen's id and the rejected's place: ``<prompt_id>.2-0``. The prompt's other columns are taken
    from the chosen's row; ``judgment_replies`` holds the chosen's, then the rejected's.
    """
    score = pl.col("score").cast(pl.Float64)
    return paired(rows.with_columns(score), score == score.max().over("prompt_id"))


def paired(rows: pl.DataFrame, best: pl.Expr) -> pl.DataFrame:
    """One pair of each prompt's two rows; ``best`` says which is the chosen one."""
    names = {c: end for c, end in ONE_SIDE.items() if c in rows.columns}
    replies = [c for c in rows.columns if c == "judgment_replies"]
    own = [c for c in rows.columns if c not in NEITHER_SIDE]
    first = rows.select(best).to_series()
    chosen = rows.filter(first).select(pl.col(c).alias(f"chosen{names[c]}" if c in names else c) for c in own)
    rejected = rows.filter(~first).select(
        "prompt_id",
        *(pl.col(c).alias(f"rejected{end}") for c, end in names.items()),
        *(pl.col(c).alias(f"rejected_{c}") for c in ("id", *replies)),
    )
    pairs = chosen.join(rejected, on="prompt_id", how="left", maintain_order="left", nulls_equal=True)
    place = pl.col("rejected_id").str.strip_prefix(pl.concat_str("prompt_id", pl.lit(".")))
    made = {"id": pl.concat_str("id", pl.lit("-"), place)} | {c: pl.concat_list(c, f"rejected_{c}") for c in replies}
    gone = {f"rejected_{c}" for c in ("id", *replies)}
    return pairs.select(made.get(c, pl.col(c)) for c in pairs.columns if c not in gone)
