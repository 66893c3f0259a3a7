"""Pairs whose two scores are far enough apart. West-of-N, arXiv:2401.12086, keeps the pairs that it is surest of."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from prefgen.rows import apart, because, filters, finite


@filters
def score_gap(*, at_least: float | None = None, top_share: float | None = None) -> pl.Expr:
    """Keeps pairs whose ``chosen_score`` is ``at_least`` so much above their ``rejected_score``, and of these the
    ``top_share`` (0 to 1) with the widest gaps: ceil(share times pairs), and those as wide as the narrowest of them.

    Raises ValueError where neither is asked, and for a share outside (0, 1].
    """
    if at_least is None and top_share is None:
        raise ValueError("at_least or top_share must be given")
    if top_share is not None and not 0 < top_share <= 1:
        raise ValueError(f"top_share must be above 0 and at most 1; it is {top_share:g}")
    chosen, rejected = finite("chosen_score"), finite("rejected_score")
    gap = chosen - rejected
    reasons = [("no score", gap.is_null())]
    if at_least is not None:
        narrow = (chosen < rejected + at_least) & apart(chosen, rejected + at_least)
        reasons.append((f"score gap under {at_least:g}", narrow))
    lost = because(*reasons)
    if top_share is None:
        return lost
    open_ = pl.when(lost.is_null()).then(gap)
    place = (-open_).rank("min")
    kept = (open_.count() * top_share - 1e-9).ceil()
    return pl.coalesce(lost, because((f"not among the widest {top_share:g}", place > kept)))


def _whole(settings: Mapping[str, Any]) -> bool:
    return settings.get("top_share") is not None


score_gap.whole = _whole
