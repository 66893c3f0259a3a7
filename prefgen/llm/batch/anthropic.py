"""Anthropic's Message Batches: one request with all requests in it, and one stream of results.

A batch bears no mark of ours and its requests cannot be read back, but its results say their custom_ids, and those hold
our tag. So a batch whose id we do not know is looked for among those that are newer than the newest one from before,
and have as many requests; once such a one has ended, its results tell whether it is ours. Its limits are 100,000
requests and 256 MB (docs.anthropic.com, Message Batches).
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from prefgen.llm import keys
from prefgen.llm.anthropic import ACCOUNT, Anthropic
from prefgen.llm.batch import wire
from prefgen.llm.batch.protocol import Result, Status
from prefgen.llm.request import Model, Raw, Request
from prefgen.llm.wire import check_tools

PATH = "/v1/messages/batches"
STREAM = {"X-Stainless-Raw-Response": "stream"}
"""The SDK's own mark of a call whose answer is read by its caller."""
PAGE, PAGES = 100, 10_000
COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")
STATUS = {
    "invalid_request_error": 400, "authentication_error": 401, "billing_error": 402, "permission_error": 403,
    "not_found_error": 404, "request_too_large": 413, "rate_limit_error": 429, "timeout_error": 504,
    "overloaded_error": 529,
}  # fmt: skip
"""Of an error in a result, which has a type and no status; what is not here is the server's fault (500)."""


class AnthropicBatches:
    """An Endpoint (``prefgen.llm.batch.protocol``) of one model. Raises ProviderError where its key is missing, or may
    not go there.
    """

    sure = False

    def __init__(self, model: Model) -> None:
        from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient, Omit

        self.provider, self.place = Anthropic(), keys.place(model, ACCOUNT)
        headers, http = keys.withheld(self.place, ACCOUNT, Omit()), DefaultAsyncHttpxClient(**wire.http())
        how: dict[str, Any] = {"base_url": self.place.url, "max_retries": 0, "default_headers": headers}
        self.client = AsyncAnthropic(auth_token=self.place.key, http_client=http, **how)

    def line(self, custom_id: str, request: Request, seeds: Sequence[int]) -> bytes:
        """One of the requests, as JSON."""
        check_tools(request)
        whole = {"custom_id": custom_id, "params": self.provider.body(request, seeds)}
        return wire.encoded(whole, self.place)

    async def newest(self) -> str:
        """The batch after which ours will stand."""
        page, _ = await self._page(limit=1)
        return wire.id_of(page[0], self.place) if page else ""

    async def upload(self, tag: str, lines: Sequence[bytes]) -> str:  # noqa: ARG002
        """Nothing goes before the batch."""
        return ""

    async def create(self, tag: str, file: str, lines: Sequence[bytes]) -> Status:  # noqa: ARG002
        """All in one body, put together here: it may have some hundred megabytes."""
        content = b'{"requests":[' + b",".join(lines) + b"]}"
        return self._status(await wire.asked(_streamed(self.client.post, PATH, content=content), self.place))

    async def find(self, tag: str, file: str, before: str, requests: int) -> list[Status]:  # noqa: ARG002
        """Those newer than ``before`` with as many requests, oldest first."""
        found, after = list[Status](), dict[str, str]()
        for _ in range(PAGES):
            told, more = await self._page(limit=PAGE, **after)
            page = [self._status(one) for one in told]
            new = page[: next((i for i, one in enumerate(page) if one.id == before), len(page))]
            found += [one for one in new if one.of == requests]
            if not (more and new) or len(new) < len(page) or after.get("after_id") == new[-1].id:
                break
            after = {"after_id": new[-1].id}
        return found[::-1]

    async def _page(self, **how: Any) -> tuple[list[dict[str, Any]], bool]:
        """A page of the list, which may be a short one, and whether there is more."""
        page = await wire.asked(self.client.messages.batches.with_streaming_response.list(**how), self.place)
        data = page.get("data")
        found = [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
        return found, bool(page.get("has_more", True))

    async def status(self, batch: str) -> Status:
        """How it stands. Raises ProviderError for one that the account does not know."""
        batches = self.client.messages.batches.with_streaming_response
        return self._status(await wire.asked(batches.retrieve(batch), self.place))

    async def cancel(self, batch: str) -> Status:
        """It ends soon; what is done by then stays."""
        return self._status(
            await wire.asked(self.client.messages.batches.with_streaming_response.cancel(batch), self.place)
        )

    async def discard(self, tag: str, file: str) -> None:
        """There is nothing to take away."""

    def _status(self, data: dict[str, Any]) -> Status:
        told = data.get("request_counts")
        counts = {name: wire.whole(told.get(name)) for name in COUNTS} if isinstance(told, dict) else {}
        ended, all_of = data.get("processing_status") == "ended", sum(counts.values())
        end: Any = "completed" if ended else ""
        if ended and data.get("cancel_initiated_at") and counts.get("canceled"):
            end = "cancelled"
        elif ended and counts.get("expired"):
            end = "expired"
        paid = counts["succeeded"] if counts and ended else None
        done = all_of - counts.get("processing", 0)
        parts = ("results",) if ended else ()
        return Status(wire.id_of(data, self.place), ended, all_of, done, paid, parts, end)

    def results(self, status: Status, part: str) -> AsyncIterator[bytes]:
        """The stream of results, from our own address: the one that a batch names may be anybody's, and would get the
        key.
        """
        return wire.body(_streamed(self.client.get, f"{PATH}/{status.id}/{part}"), self.place)

    def result(self, line: dict[str, Any]) -> Result | None:
        """A line of the results."""
        name, result = line.get("custom_id"), line.get("result")
        if not isinstance(name, str) or not isinstance(result, dict):
            return None
        kind, message = result.get("type"), result.get("message")
        if kind == "succeeded" and isinstance(message, dict):
            return Result(name, message)
        if kind in {"canceled", "expired"}:
            return Result(name, end="cancelled" if kind == "canceled" else "expired")
        error = result.get("error")
        error = error.get("error", error) if isinstance(error, dict) else error
        of = error.get("type") if isinstance(error, dict) else None
        return Result(name, status=STATUS.get(str(of), 500), error=json.dumps({"error": error}).encode())

    def raws(self, data: dict[str, Any], request: Request, draws: int) -> list[Raw]:
        """The reply."""
        return self.provider.raws(data, request, draws)

    async def close(self) -> None:
        """Lets go of connections."""
        await self.client.close()


@asynccontextmanager
async def _streamed(call: Any, path: str, **how: Any) -> AsyncIterator[Any]:
    """The response to one of the SDK's plain calls, as its ``with_streaming_response`` has it."""
    import httpx2

    response = await call(path, cast_to=httpx2.Response, options={"headers": STREAM}, **how)
    try:
        yield response
    finally:
        await response.aclose()
