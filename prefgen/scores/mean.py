"""A response's score is the mean of what its judgments say. Self-Rewarding Language Models, arXiv:2401.10020."""

from collections.abc import Iterator

import polars as pl

from prefgen.rows import because, drops, finite, whole_across

OF_ONE_JUDGMENT = {
    "id", "response_id", "judgment", "verdict", "judge_model", "judgment_reply", "judgment_replies", "asked",
    "score", "score_sd", "judgments",
}  # fmt: skip
"""Columns that a response's row no longer has, or has from this verb."""


def _not_counted(*, of: str = "score", by: str = "response_id", at_least: int = 1) -> pl.Expr:
    if at_least < 1:
        raise ValueError(f"at_least must be 1 or more; it is {at_least}")
    return because(
        ("not scored", finite(of).is_null()),
        (f"fewer than {at_least} judgments", finite(of).count().over(by) < at_least),
    )


@whole_across("by")
@drops(_not_counted)
def mean(
    rows: pl.DataFrame,
    *,
    of: str = "score",
    by: str = "response_id",
    at_least: int = 1,  # noqa: ARG001 what is dropped is settled before the means
) -> pl.DataFrame:
    """One row for each response: its mean ``score``, the sample standard deviation and number of its judgments.

    Takes one row for each read judgment, with its number in ``of``; ``score_sd`` is null for a single one.
    ``by`` holds what becomes the id. The responses' own columns stay, in order of first appearance; those of single
    judgments go, but for the journal keys of their replies, which are gathered in ``judgment_replies``.
    ``at_least`` is how many read judgments a response needs: the papers ask for 3 and 11, and keep what parses.
    """
    stay = [c for c in rows.columns if c not in OF_ONE_JUDGMENT | {of, by}]
    number = pl.col(of).cast(pl.Float64)
    made = rows.group_by(by, maintain_order=True).agg(
        pl.col(stay).first(),
        number.mean().alias("score"),
        number.std().alias("score_sd"),
        pl.len().cast(pl.UInt32).alias("judgments"),
        *_replies(rows.columns),
    )
    made = made.rename({by: "id"}) if by == "response_id" else made.with_columns(pl.col(by).alias("id"))
    own = [c for c in rows.columns if c in {*stay, "id", by} and c in made.columns]
    return made.select(*own, pl.exclude(own))


mean.looks_at = lambda settings: (
    settings.get("of", "score"), settings.get("by", "response_id"), "judgment_reply", "judgment_replies",
)  # fmt: skip


def _replies(columns: list[str]) -> Iterator[pl.Expr]:
    """The keys of the replies that were counted, one or several from each judgment."""
    if "judgment_replies" in columns:
        yield pl.col("judgment_replies").explode().drop_nulls()
    elif "judgment_reply" in columns:
        yield pl.col("judgment_reply").drop_nulls().alias("judgment_replies")
