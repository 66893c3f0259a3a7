"""Limits for checks in CI: ``--fail-on contradictory=0,leaks=0,longer=0.6``.

A count is a whole number, a share has a point or a percent sign; a measure is always a share. What is above its limit
fails. Limits are read before anything else is.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefgen.audit.checks import GROUPS, NAMES
from prefgen.errors import Problem, RecipeError, nearest

MEASURES: Mapping[str, str] = {
    "longer": "share of pairs whose chosen response is the longer one",
    "author": "share of pairs of two models in which the stronger one is chosen",
    "first": "share in which the better response stood in one place, whichever",
    "first_shown": "share of a judge's verdicts for one place, whichever; of the most biased judge",
    "flips": "share of pairs in which a judge changes its mind with the order; of the worst judge",
    "unread": "share of rows of which no texts could be read",
}
"""Shares that limits can be set for, beside counts."""
SEVERITIES = ("bad", "warn")
_LIMIT = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(%?)", re.ASCII)


@dataclass(frozen=True)
class Limit:
    """The most that a finding may come to: a ``share`` of what it could be found in, or a count."""

    name: str
    most: float
    share: bool

    def told(self) -> str:
        """The limit as it may be written."""
        return f"{self.name}={self.most:g}" if not self.share or self.most else f"{self.name}=0"


@dataclass(frozen=True)
class Held:
    """A limit beside what was found: ``value`` is None where it cannot be told, and then it is not crossed."""

    limit: Limit
    value: float | None

    @property
    def crossed(self) -> bool:
        """Whether more was found than may be."""
        return self.value is not None and self.value > self.limit.most


def limits(said: Sequence[str]) -> list[Limit]:
    """The limits that ``--fail-on`` names, given once or several times. Raises RecipeError with all that is wrong."""
    words = [word.strip() for one in said for word in one.split(",") if word.strip()]
    found, problems = list[Limit](), list[Problem]()
    for word in words:
        one = _limit(word)
        (found if isinstance(one, Limit) else problems).append(one)  # type: ignore[arg-type]
    if problems:
        raise RecipeError(problems)
    return found


def known() -> list[str]:
    """Every name that a limit can be set for."""
    return [*SEVERITIES, *GROUPS, *NAMES, *MEASURES]


def _limit(word: str) -> Limit | Problem:
    name, sign, value = (part.strip() for part in word.partition("="))
    if name not in known():
        return Problem("--fail-on", "", f"no finding is called '{name}'", nearest(name, known()))
    read = _LIMIT.fullmatch(value)
    if not sign or not read:
        return Problem("--fail-on", "", f"{word!r:.60} sets no limit", f"say the most that may be: {name}=0, {name}=1%")
    percent, number = bool(read[2]), float(read[1])
    share = percent or name in MEASURES or "." in read[1]
    most = number / 100 if percent else number
    if share and most > 1:
        as_percent = "" if percent or number > 100 else f"{name}={value}%, or "
        return Problem("--fail-on", "", f"{word!r:.60} is a share above 1", f"say {as_percent}a share such as 0.6")
    return Limit(name, most, share)


def held(limit: Limit, findings: Sequence[Mapping[str, Any]], measures: Mapping[str, float | None]) -> Held:
    """A limit beside what an audit found: ``findings`` with ``name``, ``severity``, ``count`` and ``of``."""
    if limit.name in MEASURES:
        return Held(limit, measures.get(limit.name))
    names = GROUPS.get(limit.name, (limit.name,))
    own = [
        one for one in findings if (one["severity"] == limit.name if limit.name in SEVERITIES else one["name"] in names)
    ]
    told = [one for one in own if one["of"]]
    if not told:
        return Held(limit, None)
    if not limit.share:
        return Held(limit, float(sum(one["count"] for one in told)))
    return Held(limit, max(one["count"] / one["of"] for one in told))


def aside(value: float | None) -> float | None:
    """A share of one place of two, as that of the place that has more."""
    return None if value is None or math.isnan(value) else max(value, 1 - value)
