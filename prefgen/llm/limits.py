"""What a provider says of its limits in the headers of an answer, as requests and tokens per second."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}


@dataclass(frozen=True)
class Limits:
    """Requests and tokens per second; None where nothing was said."""

    requests: float | None = None
    tokens: float | None = None


NO_LIMITS = Limits()


def of_headers(headers: Mapping[str, str]) -> Limits:
    """The limits that an answer states: ``x-ratelimit-limit-requests`` and ``-tokens`` (OpenAI's, and most routers'),
    ``anthropic-ratelimit-requests-limit`` and ``-tokens-limit``.

    A limit is per minute. Some count requests by the hour or the day under OpenAI's names, which shows in a reset more
    than a minute away. A guess that is too fast is soon refused, and one that is too slow would never be noticed, so
    less than that is no sign.
    """
    if not any("ratelimit" in name.lower() for name in headers):
        return NO_LIMITS
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    return Limits(_rate(lower, "requests"), _rate(lower, "tokens"))


def _rate(headers: Mapping[str, str], of: str) -> float | None:
    for names in (f"x-ratelimit-{{}}-{of}", f"anthropic-ratelimit-{of}-{{}}"):
        limit, left = (_number(headers.get(names.format(word))) for word in ("limit", "remaining"))
        if limit:
            return limit / _window(limit, left, _seconds(headers.get(names.format("reset")), headers.get("date")))
    return None


def _window(limit: float, left: float | None, reset: float | None) -> float:
    """Seconds in which a limit refills, by how long it will take for what is missing."""
    missing = 0.0 if left is None else limit - left
    if not reset or reset <= MINUTE or missing <= 0:
        return MINUTE
    return HOUR if reset * limit / missing < math.sqrt(HOUR * DAY) and reset <= HOUR else DAY


def _seconds(text: str | None, date: str | None) -> float | None:
    """``6m0s``, ``20ms``, seconds, or a time of day that counts from the answer's own Date."""
    if not text:
        return None
    if "T" in text:
        try:
            until, now = datetime.fromisoformat(text), parsedate_to_datetime(date or "")
            return max(0.0, (until - now) / timedelta(seconds=1))
        except (ValueError, TypeError, OverflowError):
            return None
    parts = _PART.findall(text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 < value < 1e12 else None
