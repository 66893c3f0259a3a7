"""Of a prompt's responses only those that may be its best or its worst are scored on. Racing, as Hoeffding races drop
models (Maron and Moore 1993), at both ends.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Annotated, Any

from annotated_types import Ge, Gt

from prefgen.asker import Row, Share
from prefgen.stopping import AUDIT, Drawn, audited, of_group

Z, START = 1.7, 3
"""With these 31 % of the scores are spared and 1 % of the gap is lost on planted judges of middling noise, 19 % and 1 %
on noisy ones (bench/calls.py).
"""


def ends(drawn: Sequence[Drawn], settings: Mapping[str, Any]) -> tuple[int, int] | None:
    """The places of the best and the worst response, by their means so far; None where nothing was read."""
    found = _scores(drawn, settings.get("of", "score"))
    means = {place: sum(some) / len(some) for place, some in enumerate(found) if some}
    return (max(means, key=lambda i: means[i]), min(means, key=lambda i: means[i])) if means else None


def _least(rows: Sequence[Row], n: int, settings: Mapping[str, Any]) -> int:
    """The fewest draws: all but two go at the first look."""
    start = min(int(settings.get("start", START)), n)
    return start * len(rows) + (n - start) * min(2, len(rows))


@audited(ends)
@of_group("prompt_id", least=_least)
def race(
    rows: Sequence[Row],  # noqa: ARG001  # what decides is the scores alone
    drawn: Sequence[Drawn],
    n: int,
    *,
    z: Annotated[float, Gt(0)] = Z,
    start: Annotated[int, Ge(2)] = START,
    of: str = "score",
    audit: Share = AUDIT,  # noqa: ARG001  # read where rounds are made
) -> Sequence[int]:
    """How many more draws each response of a prompt is to have: ``start`` first, then one more each as long as it may
    be the best or the worst by its mean.

    A response is out once its mean (of the column ``of``), give or take ``z`` standard errors, lies below the highest
    mean and above the lowest. Scores are taken to vary as much within one response of a prompt as within another. The
    others, the two ends among them, go on to ``n``; so does at last one that was out, where it is an end after all, for
    the means of those who went on have moved. It is for ``mean`` and ``best_worst``: what lies between the ends
    has been scored fewer times. A larger ``z`` asks more and changes less. ``audit`` is the share of prompts that are
    drawn to their end all the same, to see how often the best or the worst is another: near ties change places often,
    and matter little.
    """
    if any(len(some) >= n and any(some) for some in drawn):  # those who are still in go side by side
        last = ends(drawn, {"of": of}) or ()  # one that was out may be an end again: the others' means have moved
        return [n - len(some) if place in last else 0 for place, some in enumerate(drawn)]
    lap = max((len(some) for some in drawn if len(some) < n), default=n)
    if lap == 0:
        return [0 if some else start for some in drawn]
    scores = _scores(drawn, of)
    out = _between(scores, z)
    still = [len(some) == lap and not (found and gone) for some, found, gone in zip(drawn, scores, out, strict=True)]
    step = 1 if sum(still) > 2 else n - lap
    return [step if one else 0 for one in still]


def _scores(drawn: Sequence[Drawn], of: str) -> list[list[float]]:
    return [[row[of] for draw in some for row in draw if row[of] is not None] for some in drawn]


def _between(scores: Sequence[Sequence[float]], z: float) -> list[bool]:
    """Which responses' intervals lie between the lowest and the highest mean."""
    means = [sum(some) / len(some) if some else None for some in scores]
    known = [mean for mean in means if mean is not None]
    free = sum(len(some) for some in scores) - len(known)
    if free <= 0:
        return [False] * len(scores)
    apart = sum((x - mean) ** 2 for some, mean in zip(scores, means, strict=True) if mean is not None for x in some)
    high, low, spread = max(known), min(known), z * sqrt(apart / free)
    return [
        mean is not None and low < mean - spread / sqrt(len(some)) and mean + spread / sqrt(len(some)) < high
        for some, mean in zip(scores, means, strict=True)
    ]
