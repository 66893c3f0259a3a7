"""Pairs whose responses are of lengths too far apart: what is learnt from them is length."""

from typing import Literal

import polars as pl

from prefgen.rows import because, filters

Unit = Literal["characters", "words"]


@filters
def length_ratio(
    *, at_most: float | None = 2.0, chosen_at_most: float | None = None, unit: Unit = "characters"
) -> pl.Expr:
    """Drops pairs whose longer response is over ``at_most`` times as long as the shorter (2 by default: our choice),
    and those whose chosen response is over ``chosen_at_most`` times as long as the rejected. An empty response has no
    ratio. Raises ValueError for a ratio that no pair could have, and where neither is asked.
    """
    if at_most is None and chosen_at_most is None:
        raise ValueError("at_most or chosen_at_most must be given")
    if (at_most is not None and at_most < 1) or (chosen_at_most is not None and chosen_at_most <= 0):
        raise ValueError(f"at_most must be 1 or more, chosen_at_most above 0; they are {at_most}, {chosen_at_most}")
    chosen, rejected = (length(side, unit) for side in ("chosen", "rejected"))
    reasons = [("no length", (chosen.fill_null(0) == 0) | (rejected.fill_null(0) == 0))]
    if at_most is not None:
        longer, shorter = pl.max_horizontal(chosen, rejected), pl.min_horizontal(chosen, rejected)
        reasons.append((f"one over {at_most:g} times as long as the other", longer > at_most * shorter))
    if chosen_at_most is not None:
        reasons.append((f"chosen over {chosen_at_most:g} times as long", chosen > chosen_at_most * rejected))
    return because(*reasons)


def length(column: str, unit: Unit) -> pl.Expr:
    """A text's length in characters or in words."""
    text = pl.col(column)
    return text.str.len_chars() if unit == "characters" else text.str.count_matches(r"\S+")
