"""A right judgment against a wrong one of the same question: what a judge learns to prefer.

Self-Taught Evaluators' release (arXiv:2408.02666): of each ordered pair all right times all wrong judgments, shuffled,
and the first ``most`` kept. EvalPlanner (arXiv:2501.18099) pairs the executions of one plan in one order the same way.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from prefgen.rows import because, drops, shuffled, whole_across

OF_ONE_JUDGMENT = {"judgment": "judgment", "verdict": "verdict", "judge_model": "judge_model"}
"""A judgment's columns, and what follows ``chosen_`` or ``rejected_`` in the names of the pair's."""
ORDERED_PAIR = ("pair_id", "gold")


def _unpaired(*, most: int | None = 1, by: str | Sequence[str] = ORDERED_PAIR, seed: int = 0) -> pl.Expr:  # noqa: ARG001
    right = pl.col("verdict") == pl.col("gold")
    return because(
        ("no gold", pl.col("gold").is_null()),
        ("no judgment", pl.col("judgment").is_null()),
        ("no right judgment beside it", ~right.fill_null(value=False).any().over(by)),
        ("no wrong judgment beside it", right.fill_null(value=False).all().over(by)),
        ("in none of the pairs drawn", pl.col("rejects").is_null() & ~pl.col("rejected_by_one")),
    )


def _with_rejects(
    rows: pl.DataFrame, *, most: int | None = 1, by: str | Sequence[str] = ORDERED_PAIR, seed: int = 0
) -> pl.DataFrame:
    """The rows; each right judgment with the ids of the wrong ones that it is paired with."""
    if most is not None and most < 1:
        raise ValueError(f"most must be 1 or more, or null for all; it is {most}")
    by = [by] if isinstance(by, str) else list(by)
    known = rows.filter(pl.col("gold").is_not_null(), pl.col("judgment").is_not_null())
    right = pl.col("verdict").eq_missing(pl.col("gold"))
    both = known.filter(right).select("id", *by).join(known.filter(~right).select(*by, wrong="id"), on=by)
    both = both.with_columns(pair=pl.format("{}-{}", "id", "wrong"))
    drawn = both.filter(shuffled(seed, "right_wrong", of="pair").rank("ordinal").over(by) <= (most or both.height))
    rejects = drawn.group_by("id").agg(pl.col("wrong").sort().alias("rejects"))
    return rows.join(rejects, on="id", how="left", maintain_order="left").with_columns(
        pl.col("id").is_in(drawn["wrong"].implode()).alias("rejected_by_one")
    )


@whole_across("by")
@drops(_unpaired, prepared=_with_rejects)
def right_wrong(
    rows: pl.DataFrame,
    *,
    most: int | None = 1,  # noqa: ARG001  the settings decide which rows are dropped
    by: str | Sequence[str] = ORDERED_PAIR,  # noqa: ARG001
    seed: int = 0,  # noqa: ARG001
) -> pl.DataFrame:
    """Pairs of judgments: ``chosen_judgment`` has the verdict that gold has, ``rejected_judgment`` has not.

    Takes judgments of pairs, several of each ordered pair (``by``: the columns whose equal values make one question).
    A judgment without a verdict, which ``compare`` keeps with ``unreadable: keep``, is a wrong one, as in the published
    code; ``rejected_kind`` says "wrong verdict" or "unreadable". ``most`` pairs of each question are drawn by the seed
    (1 by default, as published), all where it is null. The other columns are the chosen judgment's;
    ``judgment_replies`` holds the journal keys of both. Raises ValueError for ``most`` under 1.
    """
    shown = [column for column in OF_ONE_JUDGMENT if column in rows.columns]
    sides = {side: {c: f"{side}_{OF_ONE_JUDGMENT[c]}" for c in shown} for side in ("chosen", "rejected")}
    own = rows.drop("rejects", "rejected_by_one", "judgment_reply", *shown, strict=False)
    wrong = rows.select(pl.col("id").alias("wrong"), pl.col("judgment_reply").alias("_wrong_reply"), *shown)
    said = rows.select("id", "rejects", pl.col("judgment_reply").alias("_reply"), *shown).rename(sides["chosen"])
    pairs = said.drop_nulls("rejects").explode("rejects").rename({"rejects": "wrong"})
    pairs = pairs.join(wrong.rename(sides["rejected"]), on="wrong", how="left", maintain_order="left")
    place = pl.col("wrong").str.strip_prefix(pl.concat_str("prompt_id", pl.lit(".")))
    kind = pl.when(pl.col("rejected_verdict").is_null()).then(pl.lit("unreadable")).otherwise(pl.lit("wrong verdict"))
    return (
        pairs.join(own, on="id", how="left", maintain_order="left")
        .with_columns(
            pl.concat_str("id", pl.lit("-"), place).alias("id"),
            pl.concat_list("_reply", "_wrong_reply").list.drop_nulls().alias("judgment_replies"),
            rejected_kind=kind,
        )
        .select(
            *own.columns, *sides["chosen"].values(), *sides["rejected"].values(), "rejected_kind", "judgment_replies"
        )
    )


def _looks_at(settings: Mapping[str, Any]) -> Sequence[str]:
    by = settings.get("by", ORDERED_PAIR)
    return ("gold", "verdict", "judgment_reply", *([by] if isinstance(by, str) else by))


right_wrong.looks_at = _looks_at
