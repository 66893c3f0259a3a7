"""Rejection sampling of judgments: those whose verdict is the known one. Self-Taught Evaluators, arXiv:2408.02666."""

from collections.abc import Sequence

import polars as pl

from prefgen.rows import because, filters, whole_across


@whole_across("same")
@filters
def verdict_agreement(
    *,
    share: float = 0.0,
    at_least: int = 1,
    same: str | Sequence[str] = "pair_id",
    verdict: str = "verdict",
    gold: str = "gold",
) -> pl.Expr:
    """Keeps the judgments whose ``verdict`` equals ``gold``.

    ``share`` (0 to 1) and ``at_least`` also ask something of a judgment's group, the rows with the ``same``
    values: that this share of its read judgments agrees, and that it has so many of them. share 1 by pair_id
    keeps a pair's judgments only where both orders agree; replies that could not be read stand in no table, so
    at_least 2 is what drops a pair that one judgment in one order was all that came of. A group lies within one
    prompt. The paper asks for neither; share is the stricter rule of its published code.

    Takes one row for each judgment. Raises ValueError for a share outside [0, 1] and at_least under 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1; it is {share}")
    if at_least < 1:
        raise ValueError(f"at_least must be 1 or more; it is {at_least}")
    read, known = pl.col(verdict), pl.col(gold)
    reasons = [
        ("no verdict", read.is_null()),
        ("no gold", known.is_null()),
        ("verdict differs from gold", read != known),
    ]
    if at_least > 1:
        reasons.append((f"fewer than {at_least} judgments", read.count().over(same) < at_least))
    if share > 0:
        reasons.append((f"agreement under {share:g}", (read == known).mean().over(same) < share))
    return because(*reasons)
