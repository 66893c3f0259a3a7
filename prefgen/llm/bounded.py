"""How much of an answer a provider's SDK reads: what ``http1`` does without one. Imported with an SDK, never before."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx2

from prefgen.llm.bounds import MOST, MOST_TOLD


class NoReply(httpx2.RequestError):
    """A success whose body cannot be a reply."""


def options() -> dict[str, Any]:
    """What an SDK's HTTP client is made with, beside its own defaults."""
    return {"headers": {"Accept-Encoding": "identity"}, "event_hooks": {"response": [bound]}}


async def bound(response: httpx2.Response, most: int = MOST) -> None:
    """Sees to it that a response's body is read so far and no further: a success ``most`` bytes. Raises NoReply for a
    success that is packed.
    """
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    packed = packing not in {"", "identity"}
    if packed and response.is_success:
        raise NoReply(f"it came packed ({packing[:20]}), which was not asked for", request=response.request)
    if packed:  # of an error the status says enough
        del response.headers["content-encoding"]
    told = 0 if packed else MOST_TOLD
    response.stream = _Bounded(response, most if response.is_success else told)


class _Bounded(httpx2.AsyncByteStream):
    """A body's bytes, up to so many: a success that has more is no reply, an error ends there."""

    def __init__(self, response: httpx2.Response, most: int) -> None:
        self.response, self.inner, self.most = response, response.stream, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self.most
        stream: Any = self.inner.__aiter__()  # type: ignore[union-attr]
        try:
            async for chunk in stream:
                left -= len(chunk)
                if left < 0:
                    break
                yield chunk
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
        if left < 0 and self.response.is_success:
            raise NoReply(f"it has over {self.most:,} bytes", request=self.response.request)

    @property
    def elapsed(self) -> Any:
        """How long the answer took, where the stream knows."""
        return getattr(self.inner, "elapsed", None)

    async def aclose(self) -> None:
        await self.inner.aclose()  # type: ignore[union-attr]
