"""The cable of batches: calls of a provider's SDK, answers read so far and no further, faults as ``prefgen.errors``.

The SDKs give the paths, the forms and the exceptions; what came back is read here, for it may be anybody's.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from prefgen.errors import PrefgenError, ProviderError, RowFailed
from prefgen.llm import faults
from prefgen.llm.faults import Place
from prefgen.llm.wire import CONNECT, DEEPEST
from prefgen.texts import is_deeper

ANSWER = 64_000_000
"""Bytes of a batch's state, or of a page of a list; none comes near."""
RESULTS = 16_000_000_000
"""Bytes of a file of results: 100,000 replies of 160 kB."""
SILENCE, WHOLE = 120.0, 3600.0
"""Seconds to the next byte, and for a whole call: inputs and results may have some hundred megabytes."""
_ID = re.compile(r"[\w-]{1,200}")


def http() -> dict[str, Any]:
    """What an SDK's HTTP client is made with. Redirects are not followed: they could carry prompts, or a key, to
    another host. Certificates are trusted as elsewhere: each client of its own would load them anew, for 30 ms.
    """
    import httpx2

    from prefgen.llm import bounded, connections

    limits = httpx2.Timeout(SILENCE, connect=CONNECT)
    hooks = {"response": [partial(bounded.bound, most=RESULTS)]}
    same = {"headers": {"Accept-Encoding": "identity"}, "event_hooks": hooks}
    return {**same, "verify": connections.trusted(), "follow_redirects": False, "timeout": limits}


@asynccontextmanager
async def answering(call: Any, place: Place) -> AsyncIterator[Any]:
    """The response to a streamed call of an SDK, before its body is read. Raises only ``prefgen.errors``."""
    import httpx2

    try:
        async with asyncio.timeout(WHOLE), call as response:
            yield getattr(response, "http_response", response)
    except PrefgenError:
        raise
    except TimeoutError as e:
        raise faults.timed_out(place, f"within {WHOLE:,.0f} s") from e
    except Exception as error:
        if not isinstance(error, (httpx2.HTTPError, httpx2.InvalidURL, OSError)) and not hasattr(error, "request"):
            raise
        if getattr(getattr(error, "response", None), "status_code", None) == 404:
            raise ProviderError(_unknown(error, place)) from None
        # Their texts may hold headers, so no `from`: it would show them in a traceback.
        raise faults.of_exception(error, place) from None


def _unknown(error: Any, place: Place) -> str:
    who, words = f"{place.use} at {place.url}", faults.scrub(error.response.text, place.key)
    if error.request.url.path.endswith(("/files", "/batches")):
        cure = "check base_url, or ask it online: `batch: false` in the recipe"
        return f"{who}: no batches are there, or none of this model ({words}); {cure}"
    cure = "ask with the key that made it, or let go of it with `prefgen batches RUN --forget`"
    return f"{who}: does not know this batch, or its file ({words}); {cure}"


async def asked(call: Any, place: Place) -> dict[str, Any]:
    """The JSON object that a call brings. What would be one row's fault is the whole batch's here: ProviderError."""
    content = b""
    try:
        async with answering(call, place) as response:
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > ANSWER:
                    raise faults.bad_body(place.use, f"an answer of over {ANSWER:,} bytes came")
    except RowFailed as failure:
        raise ProviderError(str(failure)) from failure
    return decoded(content, place)


def encoded(data: Any, place: Place) -> bytes:
    """JSON on one line. Raises RowFailed ("bad_text") for what cannot be written so, as online."""
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as e:  # half a surrogate pair, or a NaN in `extra`
        raise RowFailed("bad_text", f"{place.use}: the request cannot be written as JSON ({type(e).__name__})") from e


def decoded(content: bytes, place: Place) -> dict[str, Any]:
    """A JSON object without the key that it was asked with. Raises TryAgain ("bad_body")."""
    start = content[:1000].decode("utf-8", "replace")
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        raise faults.bad_body(place.use, "no JSON came", start, place.key) from None
    deep = content.count(b"[") + content.count(b"{") > DEEPEST and is_deeper(data, DEEPEST)
    if not isinstance(data, dict) or deep:
        raise faults.bad_body(place.use, "other JSON came than an answer's", start, place.key)
    if len(place.key) < faults.SHORTEST or place.key.encode() not in content:
        return data
    cleaned: dict[str, Any] = json.loads(json.dumps(data, ensure_ascii=False).replace(place.key, "[key]"))
    return cleaned


async def body(call: Any, place: Place) -> AsyncIterator[bytes]:
    """The bytes that a call brings, as they come."""
    async with answering(call, place) as response:
        async for chunk in response.aiter_bytes(65536):
            yield chunk


def id_of(data: object, place: Place) -> str:
    """An id that a provider gave. Raises TryAgain ("bad_body") for what is none."""
    found = data.get("id") if isinstance(data, dict) else None
    if isinstance(found, str) and _ID.fullmatch(found):
        return found
    raise faults.bad_body(place.use, "an answer without an id came", data, place.key)


def whole(number: object) -> int:
    """A count; what is none counts nothing."""
    return number if type(number) is int and 0 <= number < 2**40 else 0
