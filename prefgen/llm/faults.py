"""What an answer of HTTP means for a run: stop, wait and send again, or give up on one row.

One table for both protocols, pure: (status, headers, body) in, an error of ``prefgen.errors`` out. It follows the
providers' own error pages; OpenAI and Anthropic say by a code, not by the status, whether a 429 will pass.
Whatever a provider wrote is shortened, freed of control characters and scrubbed of keys before it is shown.
"""

import json
import math
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from prefgen.errors import PrefgenError, ProviderError, RowFailed, TryAgain
from prefgen.texts import sound

if TYPE_CHECKING:
    from prefgen.llm.http1 import Trouble

LONGEST_WAIT = 600.0
"""Seconds; what a provider asks for beyond this is asked again after it."""


@dataclass(frozen=True)
class Place:
    """Who was asked and where; ``key`` is here only to be scrubbed, and never printed."""

    use: str
    url: str
    key_env: str = ""
    key: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The model as its provider knows it."""
        return self.use.partition("/")[2]


SHORTEST = 8
"""Characters that a key has at least; what stands in for one where none is wanted is shorter."""

LOOKED = 20_000
"""Characters of what a provider says that are looked at; it may send megabytes."""
MORE = LOOKED + 1
"""As many, and one that says that there was more."""

# --- what was said --------------------------------------------------------------------------

_SECRET = re.compile(r"\b(?:sk|hf|gsk|xai|pk|rk)[-_][\w*.-]{6,}|(?<=Bearer )[^\s\"']+|\bAIza[\w-]{20,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def scrub(text: str, key: str = "", limit: int = 300) -> str:
    """A provider's words, fit to show: no key, no control characters, ``limit`` characters at most."""
    told = sound(text[:LOOKED])
    told = told.replace(key, "[key]") if len(key) >= SHORTEST else told
    told = told[: LOOKED // 2] if len(text) > LOOKED else told  # half a key may stand where it was cut
    told = " ".join(_CONTROL.sub(" ", _SECRET.sub("[key]", told)).split())
    return told if len(told) <= limit else told[: limit - 1] + "…"


@dataclass(frozen=True)
class _Told:
    """An error body: its words, and every code and type in it."""

    words: str
    codes: frozenset[str]


def _told(body: bytes) -> _Told:
    text = body.decode("utf-8", "replace")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    error = data.get("error", data) if isinstance(data, dict) else data
    if not isinstance(error, dict):
        return _Told((error if isinstance(error, str) else text)[:MORE], frozenset())
    details = error.get("details")
    named = [error.get("type"), error.get("code"), details.get("error_code") if isinstance(details, dict) else None]
    words = error.get("message") or error.get("detail") or text
    return _Told(str(words)[:MORE], frozenset(str(code).lower() for code in named if code is not None))


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Seconds that a response asks to wait, at most LONGEST_WAIT; None where it does not say.

    A date counts from the response's own Date, so that no clock of ours is compared with one of theirs.
    """
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    milliseconds = _number(lower.get("retry-after-ms"))
    seconds = milliseconds / 1000 if milliseconds is not None else _number(lower.get("retry-after"))
    if seconds is None:
        until, now = _date(lower.get("retry-after")), _date(lower.get("date"))
        seconds = (until - now) / timedelta(seconds=1) if until and now else None
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_WAIT)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _date(text: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):  # a year, or an offset, that no clock has
        return None
    return at if at.tzinfo else None


# --- what it means --------------------------------------------------------------------------

_SPENT = frozenset({
    "insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded", "organization_usage_limit_exceeded", "billing_hard_limit_reached",
    "enforced_spend_limit_reached", "contract_spend_limit_reached",
})  # fmt: skip
"""Codes of a 429 that no waiting cures (platform.openai.com and docs.anthropic.com, error codes)."""
_SLOW = frozenset({"rate_limit_exceeded", "slow_down", "ramp_limit_exceeded"})
"""Codes that mean wait, whatever type stands beside them."""
_BROKE = re.compile(r"credit balance is too low", re.IGNORECASE)
"""How Anthropic words an empty account, with status 400 and no code of its own."""
_TOO_LONG_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "request_too_large"})
_TOO_LONG = re.compile(
    r"(?:maximum|available) context|context (?:length|window|limit|size)|(?:prompt|input) is too long"
    r"|too many (?:input )?tokens",
    re.IGNORECASE,
)
_NO_MODEL = frozenset({"model_not_found", "invalid_model", "model_not_available"})
_FILTERED = frozenset({"content_filter", "content_policy_violation"})


def of_status(status: int, headers: Mapping[str, str], body: bytes, place: Place) -> PrefgenError:
    """The error that a response of this status stands for."""
    told = _told(body)
    words = f"({status}): {scrub(told.words, place.key) or 'no more was said'}"
    if status == 402 or _is_spent(status, told):
        return ProviderError(
            f"{_who(place)}: the account has no money left to spend {words}; add credit or raise the limit"
        )
    if status == 429:
        return TryAgain("rate_limited", f"{_who(place)}: asked to slow down {words}", attempts=0, wait=wait_of(headers))
    if status in {408, 409} or (status >= 500 and status != 501):
        reason = "overloaded" if status in {503, 529} else "server_error"
        return TryAgain(reason, f"{_who(place)}: a passing fault {words}", attempts=6, wait=wait_of(headers))
    return _refused(status, told, place, words)


def _is_spent(status: int, told: _Told) -> bool:
    if status == 429:
        return bool(told.codes & _SPENT) and not told.codes & _SLOW
    return status in {400, 403} and bool(told.codes & _SPENT or _BROKE.search(told.words))


def _refused(status: int, told: _Told, place: Place, words: str) -> PrefgenError:
    """The statuses that say no: to the whole run, or to one row."""
    who = _who(place)
    if status == 401:
        return ProviderError(f"{who}: {_key_words(place)} was refused {words}; set one that is valid", rotates=True)
    if status == 403:
        return ProviderError(
            f"{who}: {_key_words(place)} may not do this {words}; ask for access, or use another model"
        )
    if status == 404 or told.codes & _NO_MODEL:
        cure = f"check the model's name and the address {place.url}"
        return ProviderError(f"{place.use}: no model '{place.name}' at {place.url} {words}; {cure}")
    if status < 400 or status == 501:
        return ProviderError(f"{who}: not an endpoint of this protocol {words}; check base_url")
    if status == 413 or told.codes & _TOO_LONG_CODES or (status in {400, 422} and _TOO_LONG.search(told.words)):
        return RowFailed("context_too_long", f"{who}: more than the model takes in {words}")
    reason = "content_filter" if told.codes & _FILTERED else "bad_request"
    return RowFailed(reason, f"{who}: the request was refused {words}")


def _who(place: Place) -> str:
    return f"{place.use} at {place.url}"


def _key_words(place: Place) -> str:
    return (
        f"the key in {place.key_env}" if place.key_env else "a request without a key (name its variable: api_key_env)"
    )


# --- where no answer came -------------------------------------------------------------------


def of_trouble(trouble: "Trouble", place: Place) -> PrefgenError:
    """The error that it stands for where no answer came."""
    from prefgen.llm.http1 import Late, NoReply, Unreachable

    words = scrub(str(trouble), place.key)
    if isinstance(trouble, NoReply):
        return bad_body(_who(place), words)
    if isinstance(trouble, Unreachable):
        return TryAgain("no_connection", f"{_who(place)}: nothing answers there ({words})", attempts=4)
    if isinstance(trouble, Late):
        return timed_out(place, words)
    return TryAgain("connection_lost", f"{_who(place)}: the connection broke ({words})", attempts=4, billed=True)


def no_header(place: Place, words: str) -> ProviderError:
    """What cannot be sent: the headers that the user's environment adds are no headers."""
    return ProviderError(f"{_who(place)}: cannot be asked ({words}); check the variable of its headers, and base_url")


def of_exception(error: BaseException, place: Place) -> PrefgenError:
    """The error that an SDK's exception stands for: by its response where it has one, else by its cause."""
    import httpx2

    from prefgen.llm.bounded import NoReply

    response = getattr(error, "response", None)
    if isinstance(response, httpx2.Response):
        return of_status(response.status_code, dict(response.headers), response.content, place)
    cause = error.__cause__ or error
    if isinstance(cause, NoReply):
        return bad_body(_who(place), scrub(str(cause), place.key))
    words = scrub(f"{type(cause).__name__}: {_deepest(cause)}", place.key)
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.InvalidURL | httpx2.LocalProtocolError):
        return ProviderError(f"{_who(place)}: cannot be asked ({words}); check base_url")
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return TryAgain("no_connection", f"{_who(place)}: nothing answers there ({words})", attempts=4)
    if isinstance(cause, httpx2.TimeoutException):
        return timed_out(place, words)
    return TryAgain("connection_lost", f"{_who(place)}: the connection broke ({words})", attempts=4, billed=True)


def _deepest(error: BaseException) -> str:
    """The system's own words, which the layers above it tend to lose; an event loop's, below them, say nothing."""
    chain = [error]
    while above := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(above)
    of_system = [one for one in chain if isinstance(one, OSError)]
    return str((of_system or chain)[-1])


def timed_out(place: Place, words: str) -> TryAgain:
    """No whole answer in time; it may still be billed."""
    return TryAgain("timeout", f"{_who(place)}: no whole answer in time ({words})", attempts=2, billed=True)


_OUTLINE = reprlib.Repr()
_OUTLINE.maxdict = _OUTLINE.maxlist = 12
_OUTLINE.maxstring = _OUTLINE.maxother = 200


def bad_body(who: str, why: str, body: object = "", key: str = "") -> TryAgain:
    """A success that holds no reply; it was billed, and may well come right the second time. ``body`` is what came, as
    text or as data.
    """
    told = scrub(body if isinstance(body, str) else _OUTLINE.repr(body), key, limit=200)
    return TryAgain("bad_body", f"{scrub(who)}: {why}" + (f": {told}" if told else ""), attempts=2, billed=True)
