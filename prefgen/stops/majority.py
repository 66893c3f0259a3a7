"""A majority vote ends as soon as the draws to come cannot change it: exact, and no more draws than that takes."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import comb
from typing import Annotated, Any

from annotated_types import Gt, Lt

from prefgen.asker import Row, Share
from prefgen.stopping import AUDIT, audited

Risk = Annotated[float, Gt(0), Lt(0.5)]


def verdict(drawn: Sequence[Sequence[Row]], settings: Mapping[str, Any] = {}) -> str | None:  # noqa: ARG001
    """What most votes say; None for a tie, and where there is none."""
    (leader, first), (_, second) = [*_votes(drawn).most_common(2), (None, 0), (None, 0)][:2]
    return leader if first > second else None


def _decides(drawn: Sequence[Sequence[Row]], settings: Mapping[str, Any]) -> str | None:  # noqa: ARG001
    return verdict(drawn)


@audited(_decides, where="risk")
def majority(
    drawn: Sequence[Sequence[Row]],
    n: int,
    *,
    risk: Risk | None = None,
    audit: Share = AUDIT,  # noqa: ARG001  # read where rounds are made
) -> int:
    """How many more draws before the vote over ``n`` draws can be decided; 0 once it is.

    The verdict in front stays there when its lead is more than the draws to come. An unreadable draw holds no vote
    and counts as drawn. All n are drawn where the vote stays open, as in a tie. No more are asked at once than would
    end it if all of them spoke for the one in front: never more in sum than one at a time.

    With ``risk`` it ends sooner: once, given the votes so far and no opinion before them (beta-binomial, prior
    Beta(1, 1)), the one in front stays there with a probability of 1 - risk. ``audit`` is the share of rows that are
    drawn to their end all the same, to see how often a verdict changed.
    """
    votes = _votes(drawn).most_common(2)
    (_, first), (_, second) = [*votes, ("", 0), ("", 0)][:2]
    left, others = n - len(drawn), _votes(drawn).total() - first
    if first - second > left or left == 0:
        return 0
    exact = min(left, (left - first + second) // 2 + 1)
    if risk is None:
        return exact
    return bisect_left(range(exact), True, key=lambda k: stays(first + k, others, left - k) >= 1 - risk)  # noqa: FBT003


def _votes(drawn: Sequence[Sequence[Row]]) -> Counter[str]:
    return Counter(row["verdict"] for draw in drawn for row in draw if row["verdict"] is not None)


@lru_cache(maxsize=1 << 16)
def stays(ahead: int, behind: int, left: int) -> float:
    """The probability that of ``left`` more votes so many fall to the one ahead that it has most in the end: the tail
    of a beta-binomial distribution, of a share that may be any before the first vote.
    """
    a, b = ahead + 1, behind + 1
    least = max(0, (left + behind - ahead) // 2 + 1)
    ways = sum(comb(a + k - 1, k) * comb(b + left - k - 1, left - k) for k in range(least, left + 1))
    return ways / comb(a + b + left - 1, left)
