"""What RewardBench 2 gives a judge for each set of responses (arXiv:2506.01937): one is right among four.

Rankings: 1 where the judge picks it, 0 where it picks another, 0.25 where its reply cannot be read. Ratings: the share
of right ones among the responses with the highest rating, 0.25 where no rating can be read.
"""

from string import ascii_uppercase
from typing import Literal

import polars as pl

from prefgen.rows import ROUNDING, because, drops
from prefgen.scores._rating import official_rating

Mode = Literal["rankings", "ratings"]
Parser = Literal["robust", "official"]

OF_ONE_JUDGMENT = {
    "id", "candidates", "asked", "judgment", "verdict", "picked", "score", "judgment_reply", "response_id", "response",
    "response_model", "response_reply", "truncated", "correct",
}  # fmt: skip
"""Columns of a judgment or of a response that a set's row no longer has."""
QUARTER = 0.25


def _uncounted(*, mode: Mode = "rankings", parser: Parser = "robust", unreadable: float = QUARTER) -> pl.Expr:  # noqa: ARG001
    if not 0 <= unreadable <= 1:
        raise ValueError(f"unreadable must be from 0 to 1; it is {unreadable:g}")
    known = pl.col("correct_ids").list.len().fill_null(0) > 0
    return because(("no response is known to be correct", ~known))


@drops(_uncounted)
def best_of_four(
    rows: pl.DataFrame, *, mode: Mode = "rankings", parser: Parser = "robust", unreadable: float = QUARTER
) -> pl.DataFrame:
    """One row of each set of responses, those with the same ``correct_ids``; its id is the first of these.

    Takes ``best_of``'s judgments for ``rankings``, ``rate``'s for ``ratings``; several judgments of one set have the
    mean of their credits, several of one response the mean of their ratings. ``parser`` says whose reading counts:
    ``robust`` is the column ``picked`` or ``score``, ``official`` reads the judge's words as RewardBench 2 does (the
    first of ``[[A]]``, ``[[B]]`` … that stands anywhere; a number at the very end). ``credit_robust`` and
    ``credit_official`` hold both, ``unreadable`` the share of judgments that ``parser`` cannot read, ``judgments``
    their number, ``credit_mode`` is ``mode``. A rating that cannot be read wins nothing, in either reading.
    """
    rows = rows.with_columns(pl.col("correct_ids").list.join("|").alias("_set"))
    rows = rows.with_columns(**(_picks() if mode == "rankings" else _ratings()))
    stay = [c for c in rows.columns if c not in {*OF_ONE_JUDGMENT, "_set", "_robust", "_official"}]
    made = rows.group_by("_set", maintain_order=True).agg(
        pl.col(stay).first(),
        pl.col(f"_{parser}").is_null().mean().alias("unreadable"),
        pl.len().cast(pl.Int64).alias("judgments"),
        *(
            [pl.col("judgment_reply").drop_nulls().alias("judgment_replies")]
            if "judgment_reply" in rows.columns
            else []
        ),
    )
    for name in ("robust", "official"):
        credits_of = _of_rankings if mode == "rankings" else _of_ratings
        found = credits_of(rows, f"_{name}", unreadable).rename({"credit": f"credit_{name}"})
        made = made.join(found, on="_set", how="left", maintain_order="left")
    return made.select(
        "prompt_id",
        pl.col("correct_ids").list.first().alias("id"),
        pl.exclude("_set", "prompt_id"),
        pl.col(f"credit_{parser}").alias("credit"),
        pl.lit(mode).alias("credit_mode"),
    )


def _picks() -> dict[str, pl.Expr]:
    """Whom the judge picks, by each reading; the official one takes the first letter that stands anywhere."""
    words = pl.col("judgment")
    place = pl.coalesce(
        pl.when(words.str.contains(f"[[{label}]]", literal=True)).then(n) for n, label in enumerate(ascii_uppercase)
    )
    picked = pl.col("candidates").list.get(place, null_on_oob=True).struct.field("response_id")
    return {"_robust": pl.col("picked"), "_official": pl.when(words.is_null()).then("picked").otherwise(picked)}


def _ratings() -> dict[str, pl.Expr]:
    return {"_robust": pl.col("score").cast(pl.Float64), "_official": official_rating()}


def _of_rankings(rows: pl.DataFrame, picked: str, unreadable: float) -> pl.DataFrame:
    right = pl.col(picked).is_in(pl.col("correct_ids")).cast(pl.Float64)
    credit = pl.when(pl.col(picked).is_null()).then(unreadable).otherwise(right)
    return rows.group_by("_set", maintain_order=True).agg(credit.mean().alias("credit"))


def _of_ratings(rows: pl.DataFrame, rating: str, unreadable: float) -> pl.DataFrame:
    rated = rows.group_by("_set", "response_id", maintain_order=True).agg(
        pl.col(rating).mean().alias("rating"), pl.col("response_id").is_in(pl.col("correct_ids")).first().alias("right")
    )
    best = (pl.col("rating") >= pl.col("rating").max() * (1 - ROUNDING)).fill_null(value=False)
    share = (best & pl.col("right")).sum() / best.sum()
    credit = pl.when(best.any()).then(share).otherwise(unreadable)
    return rated.group_by("_set", maintain_order=True).agg(credit.alias("credit"))
