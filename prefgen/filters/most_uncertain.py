"""The response that a judge is least sure of: its judgments teach judging. Meta-Rewarding, arXiv:2407.19594."""

from typing import Literal

import polars as pl

from prefgen.rows import because, filters, finite, shuffled

ROUNDING = 1e-12
"""Variances nearer than this are one: the same scores in another order differ less."""


@filters
def most_uncertain(*, ties: Literal["random", "first"] = "random", at_least: int = 2, seed: int = 0) -> pl.Expr:
    """Keeps the judgments of the one response of each prompt whose scores have the highest variance.

    Of several, the seed picks one (``ties: random``, as in the paper). A response needs ``at_least`` scored judgments:
    two make a battle. A response whose judgments all agree is kept where no other of its prompt is less sure: the paper
    does not drop it, and its judgments can still differ in their reasons. Raises ValueError for ``at_least`` under 2.
    """
    if at_least < 2:
        raise ValueError(f"at_least must be 2 or more; it is {at_least}")
    points = finite("score")
    enough = points.count().over("response_id") >= at_least
    variance = pl.when(enough & points.is_not_null()).then(points.var().over("response_id"))
    unsure = (variance.max().over("prompt_id") - variance) <= ROUNDING
    order = shuffled(seed, "most_uncertain", of="response_id") if ties == "random" else pl.int_range(pl.len())
    place = pl.when(unsure).then(order)
    return because(
        ("not scored", points.is_null()),
        (f"fewer than {at_least} scored judgments", ~enough),
        ("of a response that the judge is surer of", ~unsure),
        ("of another response that the judge is as unsure of", _first_of(place) != pl.col("response_id")),
    )


def _first_of(place: pl.Expr) -> pl.Expr:
    """The response whose place is the lowest of its prompt."""
    return pl.col("response_id").get(place.arg_min()).over("prompt_id")
