"""What went wrong with a storage: what passes, and is tried again; and the rest in a line that says what would do.

Libraries' errors are known by their names and by the answers that they hold, so that no library is imported for it.
"""

import errno
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import tenacity

from prefgen.errors import PrefgenError, RunError, TryAgain
from prefgen.texts import plain

PATIENCE = 60.0
"""Seconds for which a fault that passes is tried again."""
BASE, CAP = 0.2, 8.0
"""Full jitter: a wait drawn from nothing up to 0.2, 0.4, 0.8 … 8 seconds."""
AGAIN = "run the same command again: what is there stays, and is used"

PASSES = {408, 425, 429, 500, 502, 503, 504}
PASSING_CODES = {
    "SlowDown", "RequestTimeout", "RequestTimeoutException", "InternalError", "ServiceUnavailable", "IncompleteBody",
    "BadDigest", "XAmzContentSHA256Mismatch", "OperationAborted", "ConditionalRequestConflict", "NoSuchUpload",
    "Throttling", "ThrottlingException", "RequestThrottled", "RequestLimitExceeded",
}  # fmt: skip
"""Of S3's answers, whatever their status: some of these are 400 or 409. A body that was cut or damaged on its way there
is sent once more.
"""
PASSING_ERRORS = {
    "HTTPClientError", "ConnectionClosedError", "EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError",
    "ProxyConnectionError", "ResponseParserError", "ResponseStreamingError", "FlexibleChecksumError",
    "CredentialRetrievalError", "MetadataRetrievalError", "ClientConnectionError", "ClientPayloadError",
    "IncompleteRead", "IncompleteReadError",
}  # fmt: skip
"""Classes of botocore's, aiohttp's and urllib3's errors; credentials that a server lends may be late."""
PASSING_ERRNOS = {
    errno.EIO, errno.EINTR, errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT, errno.ENETUNREACH, errno.EHOSTUNREACH,
    errno.ENETDOWN, getattr(errno, "ESTALE", errno.EIO), getattr(errno, "EHOSTDOWN", errno.EIO),
}  # fmt: skip
"""What a network's file system says while its server is away."""
NOT_TRUSTED = {"SSLError", "SSLCertVerificationError", "ClientSSLError", "ClientConnectorCertificateError"}
NO_CREDENTIALS = {
    "NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "TokenRetrievalError", "SSOTokenLoadError",
    "UnauthorizedSSOTokenError", "NoAuthTokenError",
}  # fmt: skip

_INSIDE = re.compile(r"(?<=://)[^/@\s]+(?=@)|(?<=\?)[^\s\"'>]+")
"""Names and passwords in an address, and what is behind its question mark, which may be a signature."""
SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "FSSPEC_S3_SECRET", "FSSPEC_S3_TOKEN", "FSSPEC_S3_PASSWORD")

T = TypeVar("T")
Sleep = Callable[[float], None]


def tried(do: Callable[[], T], where: str, patience: float = PATIENCE, sleep: Sleep = time.sleep) -> T:
    """What ``do`` gives, tried again while what goes wrong may pass, for so many seconds. Raises RunError."""
    again = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TryAgain),
        wait=tenacity.wait_random_exponential(BASE, CAP),
        stop=tenacity.stop_before_delay(patience),
        sleep=sleep,
        reraise=True,
    )
    try:
        return again(lambda: _once(do, where))
    except TryAgain as fault:
        words = f"{fault}, and trying again for {patience:,.0f} s did not help"
        raise RunError(f"{where}: {words}; when it can be reached, {AGAIN}") from fault


def _once(do: Callable[[], T], where: str) -> T:
    try:
        return do()
    except Exception as e:
        raise told(e, where) from e


def told(error: BaseException, where: str) -> PrefgenError:
    """An error in our words: TryAgain for what passes, else a RunError that says where, what, and what would do."""
    if isinstance(error, PrefgenError):
        return error
    said = f"{code_of(error) or type(error).__name__}: {words_of(error)}"
    if cure := next((cure for is_it, cure in _KNOWN if is_it(error)), None):
        return RunError(f"{where}: {cure[0]} ({said}); {cure[1]}")
    if _passes(error):
        return TryAgain("storage", f"the storage does not answer as it should ({said})", attempts=0)
    return RunError(f"{where}: the storage does not do what is asked ({said}); mend that, and {AGAIN}")


def _passes(error: BaseException) -> bool:
    if status := status_of(error):
        return status in PASSES or code_of(error) in PASSING_CODES
    if isinstance(error, ConnectionError | TimeoutError) or _names(error) & PASSING_ERRORS:
        return True
    return isinstance(error, OSError) and error.errno in PASSING_ERRNOS


def _denied(error: BaseException) -> bool:
    status = status_of(error)
    return status in {401, 403} or (isinstance(error, PermissionError) and not status)


def _full(error: BaseException) -> bool:
    full = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return isinstance(error, OSError) and error.errno in full and not status_of(error)


def no_bucket(error: BaseException) -> bool:
    """Whether it is not a file that is missing, but all that it would lie in."""
    return code_of(error) == "NoSuchBucket"


def code_of(error: BaseException) -> str:
    """S3's name of a fault, from its answer; empty where there was none."""
    return str(_answer(error).get("Error", {}).get("Code") or "")


def status_of(error: BaseException) -> int:
    """The HTTP status of a storage's answer; 0 where there was none."""
    told = _answer(error).get("ResponseMetadata", {}).get("HTTPStatusCode")
    found = [told, *(getattr(error, name, None) for name in ("status_code", "status", "code"))]
    return next((one for one in found if isinstance(one, int)), 0)


def words_of(error: BaseException) -> str:
    """What an error says, in one line, with no secret in it."""
    words = str(_answer(error).get("Error", {}).get("Message") or getattr(error, "strerror", None) or error)
    return scrubbed(" ".join(plain(words).split()))[:300]


def scrubbed(words: str) -> str:
    """Words without what an address hides, and without the secrets that this process was given."""
    for name in SECRETS:
        words = words.replace(os.environ.get(name) or "\0", "…")
    return _INSIDE.sub("…", words)


def _answer(error: BaseException) -> Mapping[str, Any]:
    """The answer that an error was made of, as botocore keeps it."""
    for one in _chain(error):
        if isinstance(found := getattr(one, "response", None), dict):
            return found
    return {}


def _chain(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    for _ in range(10):  # a chain of errors may be a ring
        if one is None:
            return
        yield one
        one = one.__cause__ or one.__context__


def _names(error: BaseException) -> set[str]:
    return {one.__name__ for one in type(error).__mro__}


_KNOWN: tuple[tuple[Callable[[BaseException], bool], tuple[str, str]], ...] = (
    (no_bucket, ("no such bucket", "make it, or name another")),
    (lambda e: code_of(e) == "RequestTimeTooSkewed", ("this machine's clock is wrong", "set it")),
    (
        lambda e: bool(_names(e) & NO_CREDENTIALS),
        ("no credentials are here", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"),
    ),
    (
        lambda e: bool(_names(e) & NOT_TRUSTED),
        ("its certificate is not trusted", "name your authority's by AWS_CA_BUNDLE, or mend the address"),
    ),
    (_denied, ("access is denied", "give credentials that may read, write, list and remove there")),
    (_full, ("no room is left", f"make room and {AGAIN}")),
)
"""What no waiting helps: how it is known, what it is called, and what would do."""
