"""What a benchmark gives a judge for each pair: 1 for the chosen response, 0 for the other. RewardBench,
arXiv:2403.13787; with both orders as EvalPlanner (arXiv:2501.18099) and J1 (arXiv:2505.10320) count them.
"""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from prefgen.rows import because, drops

Parser = Literal["robust", "official"]
Orders = Literal["single", "both_correct", "mean"]

OF_ONE_JUDGMENT = {
    "id", "response_a", "response_b", "gold", "asked", "judgment", "verdict", "judgment_reply", "votes",
}  # fmt: skip
"""Columns of a judgment that a pair's row no longer has."""
PARSERS = ("robust", "official")


def _uncounted(*, parser: Parser = "robust", unreadable: float = 0.5, orders: Orders = "single") -> pl.Expr:  # noqa: ARG001
    if not 0 <= unreadable <= 1:
        raise ValueError(f"unreadable must be from 0 to 1; it is {unreadable:g}")
    gold = pl.col("gold")
    lost = {
        "single": ("not the pair's first judgment", pl.int_range(pl.len()).over("pair_id") > 0),
        "both_correct": ("only one order was judged", gold.drop_nulls().n_unique().over("pair_id") < 2),
    }
    return because(("no gold", gold.is_null()), *([lost[orders]] if orders in lost else []))


@drops(_uncounted)
def credit(
    rows: pl.DataFrame,
    *,
    parser: Parser = "robust",
    unreadable: float = 0.5,
    orders: Orders = "single",
) -> pl.DataFrame:
    """One row of each pair, its id the pair's: ``credit`` is 1 where the verdict is gold, 0 where it is the other
    side, and ``unreadable`` (RewardBench's half a point) where there is none.

    Takes judgments of ordered pairs; ``compare`` leaves a row for an unreadable one with ``unreadable: keep``.
    ``parser`` says whose verdict counts: ``robust`` is the column ``verdict``, ``official`` reads the judge's words as
    RewardBench does: A where ``[[A]]`` stands anywhere in them, else B where ``[[B]]`` does. ``credit_robust`` and
    ``credit_official`` hold both; they cannot differ for a judgment without words. ``orders`` says what several
    judgments of a pair come to: ``single`` takes the first, ``mean`` the mean, and ``both_correct`` gives 1 only where
    every one of them is right, and 0 else: there an unreadable verdict is not a right one.

    ``unreadable`` in the table is the share of the pair's judgments that ``parser`` cannot read, ``judgments`` their
    number, ``judgment_replies`` their journal keys, and ``credit_mode`` is ``orders``. The pair's own columns stay.
    """
    said = {"robust": pl.col("verdict"), "official": _official(rows.columns)}
    rows = rows.with_columns(**{f"_{name}": verdict for name, verdict in said.items()})
    stay = [c for c in rows.columns if c not in {*OF_ONE_JUDGMENT, "pair_id", "_robust", "_official"}]
    made = rows.group_by("pair_id", maintain_order=True).agg(
        pl.col(stay).first(),
        *(_credit(pl.col(f"_{name}"), unreadable, orders).alias(f"credit_{name}") for name in PARSERS),
        pl.col(f"_{parser}").is_null().mean().alias("unreadable"),
        pl.len().cast(pl.Int64).alias("judgments"),
        *_replies(rows.columns),
    )
    return made.select(
        "prompt_id",
        pl.col("pair_id").alias("id"),
        pl.exclude("prompt_id", "pair_id", "credit_robust", "credit_official", *ADDED),
        pl.col(f"credit_{parser}").alias("credit"),
        "credit_robust",
        "credit_official",
        pl.lit(orders).alias("credit_mode"),
        *(c for c in ADDED if c in made.columns),
    )


ADDED = ("unreadable", "judgments", "judgment_replies")


def _official(columns: Sequence[str]) -> pl.Expr:
    """The official code's verdict: a text that holds both markers is A, which is a bias it has."""
    if "judgment" not in columns:
        return pl.col("verdict")
    words = pl.col("judgment")
    a, b = (words.str.contains(f"[[{label}]]", literal=True) for label in "AB")
    found = pl.when(a).then(pl.lit("A")).when(b).then(pl.lit("B"))
    return pl.when(words.is_null()).then("verdict").otherwise(found)


def _credit(verdict: pl.Expr, unreadable: float, orders: Orders) -> pl.Expr:
    right = verdict == pl.col("gold")
    if orders == "both_correct":
        return right.fill_null(value=False).all().cast(pl.Float64)
    return right.cast(pl.Float64).fill_null(unreadable).mean()


def _replies(columns: Sequence[str]) -> list[pl.Expr]:
    """The keys of the replies that were counted."""
    return [pl.col("judgment_reply").drop_nulls().alias("judgment_replies")] if "judgment_reply" in columns else []
