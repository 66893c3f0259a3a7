"""Pairs of two models in which each is chosen as often as the other, so that no style by itself is preferred."""

import polars as pl

from prefgen.rows import Stages, because, filters, in_stages, shuffled, whole


def _shuffled(*, seed: int = 0) -> Stages:
    return ({"__place": shuffled(seed, "author_balance")},)


@whole
@in_stages(_shuffled, first_alone=True)
@filters
def author_balance(*, seed: int = 0) -> pl.Expr:  # noqa: ARG001  pairs are shuffled before
    """For every two models keeps as many pairs with the one chosen as with the other: which, the seed and the pairs'
    ids decide. Pairs of a model with itself stay. Takes pairs with ``chosen_model`` and ``rejected_model``.
    """
    chosen, rejected = pl.col("chosen_model"), pl.col("rejected_model")
    two = [pl.min_horizontal(chosen, rejected), pl.max_horizontal(chosen, rejected)]
    size = pl.len().over("chosen_model", "rejected_model")
    place = pl.col("__place").rank("ordinal").over("chosen_model", "rejected_model")
    both = chosen.n_unique().over(two) == 2
    smaller = size.min().over(two)
    return because(
        ("no author", chosen.is_null() | rejected.is_null()),
        ("its author is never rejected against the other", (chosen != rejected) & ~both),
        ("its author is chosen more often than the other", (chosen != rejected) & (place > smaller)),
    )
