"""OpenAI's Batch API: a file of lines, a batch of that file, a file of outputs and one of errors.

A batch bears our tag as metadata, and its input's file in its name: so it is found again, and so is input that no batch
uses. Its limits are 50,000 requests and 200 MB (``files.create`` in the SDK); all are for one model.
"""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from prefgen.llm import keys
from prefgen.llm.batch import wire
from prefgen.llm.batch.protocol import Result, Status
from prefgen.llm.faults import scrub
from prefgen.llm.openai import ACCOUNT, OpenAI
from prefgen.llm.request import Model, Raw, Request
from prefgen.llm.wire import check_tools

PATH: Literal["/v1/chat/completions"] = "/v1/chat/completions"
MARK = "prefgen"
"""The name of the metadata that holds a tag."""
PAGE, PAGES = 100, 10_000
"""What a page of a list holds at most, and how many are looked at."""
_ENDS = {"completed": "completed", "failed": "failed", "expired": "expired", "cancelled": "cancelled"}
CROWDED = "token_limit_exceeded"
"""The code of a batch that failed because others of the account wait still."""


class OpenAIBatches:
    """An Endpoint (``prefgen.llm.batch.protocol``) of one model. Raises ProviderError where its key is missing, or may
    not go there.
    """

    sure = True

    def __init__(self, model: Model) -> None:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Omit

        self.provider, self.place = OpenAI(), keys.place(model, ACCOUNT)
        headers, http = keys.withheld(self.place, ACCOUNT, Omit()), DefaultAsyncHttpxClient(**wire.http())
        how: dict[str, Any] = {"base_url": self.place.url, "max_retries": 0, "default_headers": headers}
        self.client = AsyncOpenAI(api_key=self.place.key, http_client=http, **how)

    def line(self, custom_id: str, request: Request, seeds: Sequence[int]) -> bytes:
        """One JSON object without a line's end."""
        if self.place.url == ACCOUNT.url:
            check_tools(request)
        body = self.provider.body(request, seeds)
        whole = {"custom_id": custom_id, "method": "POST", "url": PATH, "body": body}
        return wire.encoded(whole, self.place)

    async def newest(self) -> str:
        """Nothing: batches bear our mark."""
        return ""

    async def upload(self, tag: str, lines: Sequence[bytes]) -> str:
        """The file's id."""
        file = (_name(tag), b"".join(b"%s\n" % line for line in lines))
        files = self.client.files.with_streaming_response
        return wire.id_of(await wire.asked(files.create(file=file, purpose="batch"), self.place), self.place)

    async def create(self, tag: str, file: str, lines: Sequence[bytes]) -> Status:  # noqa: ARG002
        """Marked with its tag."""
        call = self.client.batches.with_streaming_response.create(
            completion_window="24h", endpoint=PATH, input_file_id=file, metadata={MARK: tag}
        )
        return self._status(await wire.asked(call, self.place))

    async def find(self, tag: str, file: str, before: str, requests: int) -> list[Status]:  # noqa: ARG002
        """The batch with this tag, or of this file, among all of the account."""
        async for one in self._listed(self.client.batches):
            marks = one.get("metadata")
            if (isinstance(marks, dict) and marks.get(MARK) == tag) or (file and one.get("input_file_id") == file):
                return [self._status(one)]
        return []

    async def _listed(self, resource: Any, **more: Any) -> AsyncIterator[dict[str, Any]]:
        """Everything on a list, page by page."""
        after: dict[str, str] = {}
        for _ in range(PAGES):
            page = await wire.asked(resource.with_streaming_response.list(limit=PAGE, **after, **more), self.place)
            found = _objects(page.get("data"))
            for one in found:
                yield one
            last = found[-1].get("id") if found else None
            if not page.get("has_more", True) or not isinstance(last, str) or after.get("after") == last:
                return
            after = {"after": last}

    async def status(self, batch: str) -> Status:
        """How it stands. Raises ProviderError for one that the account does not know."""
        return self._status(await wire.asked(self.client.batches.with_streaming_response.retrieve(batch), self.place))

    async def cancel(self, batch: str) -> Status:
        """It ends within minutes; what is done by then stays."""
        return self._status(await wire.asked(self.client.batches.with_streaming_response.cancel(batch), self.place))

    async def discard(self, tag: str, file: str) -> None:
        """By its id, or where that is not known, by its name."""
        names = [
            one async for one in self._listed(self.client.files, purpose="batch") if one.get("filename") == _name(tag)
        ]
        for one in {file, *(wire.id_of(found, self.place) for found in names)} - {""}:
            await wire.asked(self.client.files.with_streaming_response.delete(one), self.place)

    def _status(self, data: dict[str, Any]) -> Status:
        counts = data.get("request_counts")
        counts = counts if isinstance(counts, dict) else {}
        done, failed = wire.whole(counts.get("completed")), wire.whole(counts.get("failed"))
        end: Any = _ENDS.get(str(data.get("status")), "")
        told = _objects((data.get("errors") or {}).get("data")) if isinstance(data.get("errors"), dict) else []
        return Status(
            wire.id_of(data, self.place),
            ended=bool(end),
            of=wire.whole(counts.get("total")),
            done=done + failed,
            paid=done if "completed" in counts else None,
            parts=tuple(str(data[name]) for name in ("output_file_id", "error_file_id") if data.get(name)),
            end=end,
            trouble=scrub("; ".join(map(_words, told[:5])) or "no more was said", self.place.key)
            if end == "failed"
            else "",
            crowded=any(one.get("code") == CROWDED for one in told),
        )

    def results(self, status: Status, part: str) -> AsyncIterator[bytes]:  # noqa: ARG002
        """A file's bytes."""
        return wire.body(self.client.files.with_streaming_response.content(part), self.place)

    def result(self, line: dict[str, Any]) -> Result | None:
        """A line of the file of outputs, or of that of errors."""
        name, response, error = line.get("custom_id"), line.get("response"), line.get("error")
        if not isinstance(name, str):
            return None
        if isinstance(response, dict) and type(response.get("status_code")) is int:
            status, body = response["status_code"], response.get("body")
            if status < 400 and isinstance(body, dict):
                return Result(name, body)
            return Result(name, status=status, error=json.dumps(body).encode())
        code = error.get("code") if isinstance(error, dict) else None
        if code in {"batch_expired", "batch_cancelled"}:
            return Result(name, end=code.removeprefix("batch_"))
        return Result(name, status=500, error=json.dumps({"error": error}).encode())

    def raws(self, data: dict[str, Any], request: Request, draws: int) -> list[Raw]:
        """The first choices by index, as online."""
        return self.provider.raws(data, request, draws)

    async def close(self) -> None:
        """Lets go of connections."""
        await self.client.close()


def _name(tag: str) -> str:
    return f"{MARK}-{tag}.jsonl"


def _objects(data: object) -> list[dict[str, Any]]:
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []


def _words(error: dict[str, Any]) -> str:
    line = f"line {error['line']}: " if isinstance(error.get("line"), int) else ""
    return f"{line}{error.get('message') or error.get('code') or 'no more was said'}"
