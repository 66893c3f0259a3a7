"""All battles between the judgments of one response, each in both orders. Meta-Rewarding, arXiv:2407.19594."""

import polars as pl

from prefgen.rows import because, drops

SIDES = {"id": "id", "judgment": "judgment", "score": "score", "judgment_reply": "reply"}
"""A judgment's columns, and what follows ``first_`` or ``second_`` in the names of the battle's."""
OF_ONE_JUDGMENT = {*SIDES, "verdict", "judge_model"}


def _unfought(*, distinct: bool = True) -> pl.Expr:
    text = pl.col("judgment").str.strip_chars()
    again = ~pl.struct("response_id", text).is_first_distinct() if distinct else pl.lit(value=False)
    counted = pl.when(pl.col("judgment").is_not_null() & ~again).then(pl.col("id"))
    return because(
        ("no judgment", pl.col("judgment").is_null()),
        ("the same text as an earlier judgment", again),
        ("no other judgment of its response", counted.count().over("response_id") < 2),
    )


@drops(_unfought)
def battles(rows: pl.DataFrame, *, distinct: bool = True) -> pl.DataFrame:  # noqa: ARG001  decides what is dropped
    """Every ordered pair of a response's judgments: n(n - 1) rows, so that each two meet once in each order.

    ``judgment_a`` is shown first; ``first_id`` and ``second_id`` name the two. The response's own columns stay. Of
    judgments with one text ``distinct`` leaves the first: the paper does not say which survive.
    """
    shown = [c for c in SIDES if c in rows.columns]
    own = rows.drop(OF_ONE_JUDGMENT, strict=False).columns
    first = rows.select(*own, *(pl.col(c).alias(f"first_{SIDES[c]}") for c in shown)).with_row_index("_m")
    second = rows.select("response_id", *(pl.col(c).alias(f"second_{SIDES[c]}") for c in shown)).with_row_index("_n")
    both = first.join(second, on="response_id", maintain_order="left_right").filter(pl.col("_m") != pl.col("_n"))
    parts = [pl.col(f"{side}_id").str.strip_prefix(pl.concat_str("response_id", pl.lit("."))) for side in NAMES]
    return both.select(
        *own,
        pl.concat_str("response_id", pl.lit("."), parts[0], pl.lit("-"), parts[1]).alias("id"),
        "first_id",
        "second_id",
        pl.col("first_judgment").alias("judgment_a"),
        pl.col("second_judgment").alias("judgment_b"),
        *(pl.col(f"{side}_score") for side in NAMES if "score" in shown),
        *(pl.col(f"{side}_reply") for side in NAMES if "judgment_reply" in shown),
    )


NAMES = ("first", "second")
