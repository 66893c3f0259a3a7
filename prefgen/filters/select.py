"""Rows by what a column says of them: prompts of some categories, from a complexity on. Self-Taught Evaluators
(arXiv:2408.02666) take the prompts that were labelled as reasoning.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from prefgen.rows import Stages, because, filters, in_stages, shuffled

Value = str | int | float | bool


def _shuffled(
    *,
    by: str,  # noqa: ARG001
    among: Sequence[Value] | None = None,  # noqa: ARG001
    without: Sequence[Value] | None = None,  # noqa: ARG001
    at_least: float | None = None,  # noqa: ARG001
    at_most: float | None = None,  # noqa: ARG001
    take: int | None = None,
    seed: int = 0,
) -> Stages:
    """What orders the prompts, where some of them are taken."""
    return () if take is None else ({"__place": shuffled(seed, "select", of="prompt_id")},)


@in_stages(_shuffled, first_alone=True)
@filters
def select(
    *,
    by: str,
    among: Sequence[Value] | None = None,
    without: Sequence[Value] | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    take: int | None = None,
    seed: int = 0,  # noqa: ARG001  prompts are shuffled before
) -> pl.Expr:
    """Keeps the rows whose column ``by`` is ``among`` these values, is none of those in ``without``, and lies between
    ``at_least`` and ``at_most``. ``take`` keeps so many prompts of them, which the seed and their ids pick.

    A null is no value: it is dropped, but for ``without``. Raises ValueError where nothing is asked, for an empty
    list and for ``take`` under 1.
    """
    if among is None and without is None and at_least is None and at_most is None and take is None:
        raise ValueError("select must be told which rows: among, without, at_least, at_most or take")
    if (among is not None and not among) or (without is not None and not without) or (take is not None and take < 1):
        raise ValueError(f"among, without and take must hold one at least; they are {among}, {without}, {take}")
    column, reasons = pl.col(by), []
    if among is not None:
        reasons.append((f"{by} is another one", ~column.is_in(list(among)).fill_null(value=False)))
    if without is not None:
        reasons.append((f"{by} is one of those left out", column.is_in(list(without)).fill_null(value=False)))
    if at_least is not None:
        reasons.append((f"{by} under {at_least:g}", ~(column >= at_least).fill_null(value=False)))
    if at_most is not None:
        reasons.append((f"{by} over {at_most:g}", ~(column <= at_most).fill_null(value=False)))
    lost = because(*reasons) if reasons else pl.lit(None, pl.String)
    return lost if take is None else pl.coalesce(lost, _not_taken(lost.is_null(), take))


def _not_taken(stays: pl.Expr, take: int) -> pl.Expr:
    """Why a row is not among the prompts that are taken."""
    place = pl.when(stays).then("__place").rank("dense")
    return because(("not among the prompts taken", place > take))


def _whole(settings: Mapping[str, Any]) -> bool:
    return settings.get("take") is not None


select.whole = _whole
