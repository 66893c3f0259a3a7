"""The second order of a pair is not asked once the first is wrong. Where a pair is kept only if both orders are right,
as Self-Taught Evaluators' code does (arXiv:2408.02666), nothing changes but the bill.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from prefgen.asker import Row
from prefgen.stopping import Drawn, of_group
from prefgen.stops.majority import majority, verdict


def _least(rows: Sequence[Row], n: int, settings: Mapping[str, Any]) -> int:  # noqa: ARG001
    """The fewest draws: a vote that goes against the first order."""
    return n // 2 + 1


@of_group("pair_id", least=_least, spared="the pair's other order was not right")
def lazy_order(rows: Sequence[Row], drawn: Sequence[Drawn], n: int) -> Sequence[int]:
    """How many more draws each order of a pair is to have: first one, and the next once that is right.

    Right is an order whose vote over ``n`` draws, ended as ``majority`` ends it, is its ``gold``; one that could not be
    read is not. Which order goes first, the pair's id decides. It goes with a filter that keeps a pair only where both
    are right: ``{verdict_agreement: judgments, share: 1, at_least: 2}``.
    """
    more = [0] * len(rows)
    for place in _turns(rows):
        if wanted := majority(drawn[place], n):
            more[place] = wanted
            break
        if verdict(drawn[place]) != rows[place]["gold"]:
            break
    return more


def _turns(rows: Sequence[Row]) -> Sequence[int]:
    """The places of a pair's orders as they are asked, so that over many pairs each is first as often."""
    start = hashlib.blake2b(str(rows[0]["pair_id"]).encode("utf-8", "surrogatepass")).digest()[0] % len(rows)
    return [*range(start, len(rows)), *range(start)]
