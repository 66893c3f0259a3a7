"""The last revision against the first draft. Constitutional AI, arXiv:2212.08073; the pair is our choice."""

import polars as pl

from prefgen.rows import because, drops

CHOSEN = {"response": "chosen", "response_model": "chosen_model", "response_reply": "chosen_reply"}
REJECTED = {"draft": "rejected", "draft_model": "rejected_model", "draft_reply": "rejected_reply"}


def _unpaired() -> pl.Expr:
    same = pl.col("response").str.strip_chars() == pl.col("draft").str.strip_chars()
    return because(
        ("no revision", pl.col("response").is_null()), ("no draft", pl.col("draft").is_null()), ("equal texts", same)
    )


@drops(_unpaired)
def revised(rows: pl.DataFrame) -> pl.DataFrame:
    """One pair of each revised response: what it became is chosen, what it was at first rejected. ``revisions`` stays,
    so that steps between can be paired as well.
    """
    return rows.rename(CHOSEN | REJECTED)
