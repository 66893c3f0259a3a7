"""Length control: the shortest of a prompt's good responses against the longest of its bad ones.

Meta-Rewarding Language Models, arXiv:2407.19594, so that training on the pairs does not make responses longer.
"""

from typing import Literal

import polars as pl

from prefgen.rows import apart, because, filters, finite, whole_across

BORDER = 1e-9
"""A score on a tier's border is in the tier, also where rounding puts it a hair outside."""


@whole_across("by")
@filters
def length_control(
    *,
    rho: float,
    unit: Literal["characters", "words"] = "characters",
    max_chosen: int | None = None,
    score: str = "score",
    response: str = "response",
    by: str = "prompt_id",
) -> pl.Expr:
    """Keeps two rows of each prompt: one to be chosen, one to be rejected. ``best_worst`` makes the pair.

    With S_max and S_min the highest and lowest score of a prompt, the chosen is the shortest response with
    a score of at least (1 - rho) S_max + rho S_min, the rejected the longest with at most
    (1 - rho) S_min + rho S_max. Of equally long ones the first row stays.
    rho 0 leaves it to the score, and to length only among equal scores. The paper's rho by iteration is 0, 0.32,
    0.32, 0.40; in its first it also drops pairs whose chosen response has over 2,500 characters (``max_chosen``).

    Takes one row for each response. Raises ValueError for rho outside [0, 0.5): from 0.5 on the tiers meet.
    """
    if not 0 <= rho < 0.5:
        raise ValueError(f"rho must be 0 or more, and under 0.5, where the two tiers meet; it is {rho}")
    text = pl.col(response)
    length = text.str.len_chars() if unit == "characters" else text.str.count_matches(r"\S+")
    points = pl.when(text.is_not_null()).then(finite(score))
    best, worst = points.max(), points.min()
    reach = min(rho + BORDER, 0.5 - BORDER) * (best - worst)
    top, bottom = best - points <= reach, points - worst <= reach
    return because(
        ("no response", text.is_null()),
        ("not scored", points.is_null()),
        ("fewer than two scored responses", points.count() < 2),
        ("equal scores", ~apart(best, worst)),
        *_too_long(pl.when(top).then(length).min(), max_chosen, unit),
        ("between the tiers", ~top & ~bottom),
        *_passed_over(length, top, bottom),
    ).over(by)


def _too_long(chosen: pl.Expr, limit: int | None, unit: str) -> list[tuple[str, pl.Expr]]:
    return [] if limit is None else [(f"chosen longer than {limit} {unit}", chosen > limit)]


def _passed_over(length: pl.Expr, top: pl.Expr, bottom: pl.Expr) -> list[tuple[str, pl.Expr]]:
    """Why a response of a tier is not the one that stays."""
    short, long, here = pl.when(top).then(length), pl.when(bottom).then(length), pl.int_range(pl.len())
    return [
        ("longer than the shortest of the top tier", short > short.min()),
        ("as short as an earlier response of the top tier", top & (here != short.arg_min())),
        ("shorter than the longest of the bottom tier", long < long.max()),
        ("as long as an earlier response of the bottom tier", bottom & (here != long.arg_max())),
    ]
