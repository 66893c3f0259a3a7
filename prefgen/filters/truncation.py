"""Texts that were cut off: trained on, they teach to stop in mid-sentence."""

from collections.abc import Sequence

import polars as pl

from prefgen.rows import because, drops

_ENDS = r"""[.!?\u2026\u3002\uff01\uff1f\u061f\u0964:;)\]}>"'\u201d\u2019\u00bb`*_~|$/\\%\d]\s*$|\p{So}\s*$"""
"""What a finished text ends in: a mark of the end, a closing bracket or quotation mark, a number, an emoji."""


def _cut(*, of: str | Sequence[str] = "response", unfinished: bool = False) -> pl.Expr:
    columns = [of] if isinstance(of, str) else of
    reasons = [("cut off at max_tokens", pl.col("_truncated"))]
    for c in columns:
        text = pl.col(c).cast(pl.String)
        fences = text.str.count_matches(r"(?m)^[ \t]{0,3}```")
        reasons.append((f"{c} ends in an open code block", fences % 2 == 1))
        if unfinished:
            reasons.append((f"{c} ends in mid-sentence", ~text.str.contains(_ENDS)))
    return because(*reasons)


def _marked(rows: pl.DataFrame, *, of: str | Sequence[str] = "response", unfinished: bool = False) -> pl.DataFrame:  # noqa: ARG001
    known = pl.col("truncated").fill_null(value=False) if "truncated" in rows.columns else pl.lit(value=False)
    return rows.with_columns(known.alias("_truncated"))


@drops(_cut, prepared=_marked)
def truncation(
    rows: pl.DataFrame,
    *,
    of: str | Sequence[str] = "response",  # noqa: ARG001
    unfinished: bool = False,  # noqa: ARG001
) -> pl.DataFrame:
    """Drops rows that ``truncated`` says were cut off, where there is such a column, and texts of the columns ``of``
    with a code block that never ends. ``unfinished`` also drops texts that end in mid-sentence: lists and verse may,
    so it is off by default.
    """
    return rows.drop("_truncated")
