"""Length control: the shortest of a prompt's good responses against the longest of its bad ones.

Meta-Rewarding Language Models, arXiv:2407.19594, so that training on the pairs does not make responses longer.
"""

import polars as pl

from prefgen.filters.length_ratio import Unit, length
from prefgen.rows import Stages, apart, because, filters, finite, in_stages, whole_across

BORDER = 1e-9
"""A score on a tier's border is in the tier, also where rounding puts it a hair outside."""


def _tiers(
    *,
    rho: float,
    unit: Unit = "characters",
    max_chosen: int | None = None,  # noqa: ARG001
    score: str = "score",
    response: str = "response",
    by: str = "prompt_id",
) -> Stages:
    """Of each response its length, where it is in the top tier (short) or in the bottom one (long); of each prompt what
    these are held against.
    """
    text, points, short, long = pl.col(response), pl.col("__points"), pl.col("__short"), pl.col("__long")
    best, worst, here, size = pl.col("__best"), pl.col("__worst"), pl.int_range(pl.len()), pl.col("__size")
    reach = min(rho + BORDER, 0.5 - BORDER) * (best - worst)
    return (
        {"__points": pl.when(text.is_not_null()).then(finite(score)), "__size": length(response, unit)},
        {"__best": points.max().over(by), "__worst": points.min().over(by), "__scored": points.count().over(by)},
        {
            "__short": pl.when(best - points <= reach).then(size),
            "__long": pl.when(points - worst <= reach).then(size),
        },
        {
            "__shortest": short.min().over(by),
            "__longest": long.max().over(by),
            "__chosen": (here == short.arg_min()).over(by),
            "__rejected": (here == long.arg_max()).over(by),
        },
    )


@whole_across("by")
@in_stages(_tiers, first_alone=True)
@filters
def length_control(
    *,
    rho: float,
    unit: Unit = "characters",
    max_chosen: int | None = None,
    score: str = "score",  # noqa: ARG001  what scores come to is settled before
    response: str = "response",  # noqa: ARG001
    by: str = "prompt_id",  # noqa: ARG001
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
    short, long = pl.col("__short"), pl.col("__long")
    return because(
        ("no response", pl.col("__size").is_null()),
        ("not scored", pl.col("__points").is_null()),
        ("fewer than two scored responses", pl.col("__scored") < 2),
        ("equal scores", ~apart(pl.col("__best"), pl.col("__worst"))),
        *(
            []
            if max_chosen is None
            else [(f"chosen longer than {max_chosen} {unit}", pl.col("__shortest") > max_chosen)]
        ),
        ("between the tiers", short.is_null() & long.is_null()),
        ("longer than the shortest of the top tier", short > pl.col("__shortest")),
        ("as short as an earlier response of the top tier", short.is_not_null() & ~pl.col("__chosen")),
        ("shorter than the longest of the bottom tier", long < pl.col("__longest")),
        ("as long as an earlier response of the bottom tier", long.is_not_null() & ~pl.col("__rejected")),
    )
