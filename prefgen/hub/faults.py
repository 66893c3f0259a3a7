"""What went wrong with the Hub, in a line that says what to do; and what of it passes, and is tried again.

The library's own errors hold addresses with signatures in them, so that of an answer its status and its words alone are
shown, scrubbed of the token.
"""

import random
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import tenacity

from prefgen.errors import PrefgenError, ProviderError, RunError, TryAgain
from prefgen.llm.faults import scrub

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

TRIES = 6
BASE, CAP = 1.0, 60.0
"""Full jitter: a wait drawn from nothing up to 1, 2, 4 … 60 seconds; the library's own upload retries go before."""
ASKED_CAP = 600.0
"""The longest wait that the Hub may ask for, in seconds; its rate limits reset every 300."""
PASSES = {408, 425, 429, 500, 502, 503, 504}
AGAIN = "push again: it goes on where it stopped"

_LIMIT = re.compile(r"r=0;\s*t=(?P<wait>[0-9]+)")
"""A rate limit that is used up, and the seconds until it is reset (draft-ietf-httpapi-ratelimit-headers)."""

Say = Callable[[str], None]
Sleep = Callable[[float], None]


class MovedError(ProviderError):
    """The branch is no longer where it was when the commit was made up."""


def retrying(say: Say, sleep: Sleep = time.sleep, chance: random.Random | None = None) -> tenacity.Retrying:
    """Tries again what raises TryAgain, and tells of it; the last one is raised when it is enough."""
    drawn = chance or random.Random()  # noqa: S311

    def wait(state: tenacity.RetryCallState) -> float:
        asked = _fault(state).wait
        if asked is not None:
            return min(asked, ASKED_CAP) + drawn.uniform(0.0, BASE)
        return drawn.uniform(0.0, min(CAP, BASE * 2.0 ** (state.attempt_number - 1)))

    def enough(state: tenacity.RetryCallState) -> bool:
        return state.attempt_number >= _fault(state).attempts

    def tell(state: tenacity.RetryCallState) -> None:
        say(f"{_fault(state)}; trying again in {state.upcoming_sleep:.0f} s")

    again = tenacity.retry_if_exception_type(TryAgain)
    return tenacity.Retrying(sleep=sleep, retry=again, wait=wait, stop=enough, before_sleep=tell, reraise=True)


def _fault(state: tenacity.RetryCallState) -> TryAgain:
    fault = state.outcome.exception() if state.outcome else None
    if not isinstance(fault, TryAgain):
        raise TypeError(f"{fault!r} is not for retrying")
    return fault


def given_up(fault: TryAgain) -> ProviderError:
    """What is said when trying again did not help."""
    return ProviderError(f"{fault}, {fault.attempts} times; {AGAIN}")


def told(error: BaseException, repo: str, token: str = "") -> BaseException:
    """An error of the library's in our words; one of ours, and what nobody foresaw, as it is."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, PrefgenError):
        return error
    if isinstance(error, HfHubHTTPError):
        return _answered(error, repo, token)
    if isinstance(error, httpx2.TransportError | ConnectionError):
        return TryAgain("connection", f"the connection to the Hub broke ({type(error).__name__})", attempts=TRIES)
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):  # an LFS upload, wrapped
        return _uploading(told(error.__cause__, repo, token))
    return _of_this_machine(error, repo, token)


def _of_this_machine(error: BaseException, repo: str, token: str) -> BaseException:
    if isinstance(error, ValueError):  # the card's YAML, an answer that is none
        return ProviderError(f"the Hub does not take this push to {repo}: {scrub(str(error), token)}")
    if isinstance(error, OSError):
        return RunError(f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}; {AGAIN}")
    return error


def _uploading(error: BaseException) -> BaseException:
    """A fault of an upload: its address may have expired, and another try gets another."""
    if isinstance(error, ProviderError):
        return TryAgain("upload", f"{error}", attempts=2)
    return error


def _answered(error: "HfHubHTTPError", repo: str, token: str) -> PrefgenError:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    status, words = error.response.status_code, scrub(_words(error), token)
    said = f" ({status}: {words})" if words else f" ({status})"
    if status == 412:
        return MovedError(f"{repo} has changed meanwhile{said}; {AGAIN}")
    if status in PASSES:
        return TryAgain("busy", f"the Hub is busy{said}", attempts=TRIES, wait=_asked(error))
    known: dict[bool, str] = {
        status == 403: f"the Hub does not let this token write to {repo}{said}; give it write right there",
        status == 401: f"the Hub does not take the token{said}; set HF_TOKEN to one that is valid, with write right",
        isinstance(
            error, RepositoryNotFoundError
        ): f"no dataset {repo} that this token may see{said}; look at the name",
        isinstance(
            error, RevisionNotFoundError
        ): f"{repo} has no such branch or pull request{said}; look at --revision",
        isinstance(error, GatedRepoError): f"{repo} is gated{said}; ask for access on its page, then push again",
    }
    return ProviderError(known.get(True, f"the Hub does not take this push to {repo}{said}"))


def _words(error: "HfHubHTTPError") -> str:
    """What the Hub itself said: its header of an error, or the error of its JSON."""
    header = str(error.response.headers.get("x-error-message") or "")
    try:
        body = error.response.json()
    except Exception:  # noqa: BLE001  # whatever is there instead of JSON, there are no words in it
        return header
    return header or str(body.get("error") or "") if isinstance(body, dict) else header


def _asked(error: "HfHubHTTPError") -> float | None:
    """The seconds that the Hub asks to wait, in its rate limit's header or in Retry-After."""
    headers = error.response.headers
    limit = _LIMIT.search(str(headers.get("ratelimit") or ""))
    after = limit["wait"] if limit else str(headers.get("retry-after") or "")
    return float(after) if re.fullmatch(r"[0-9]{1,6}", after) else None
