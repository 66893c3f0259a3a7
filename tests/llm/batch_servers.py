"""Loopback servers that speak both providers' batches, beside their online protocol, with a ledger of what was paid.

    with OpenAIBatchServer(answer) as server:
        ask(base_url=server.base_url)
        assert server.paid == Counter(...)

A batch ends when it has been looked at ``looks`` times. ``twists`` say what becomes of each, in the order in which they
were made. ``stumble`` is told of each request before and after it is handled; where it says so, no answer comes.
"""

import asyncio
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from tests.servers import Answer, AnthropicServer, Body, OpenAIServer, Response, Server

Stumble = Callable[[str, str, Literal["before", "after"]], bool]
Line = dict[str, Any]


@dataclass
class Twist:
    """What becomes of one batch. ``errors`` are statuses of requests by their place, ``expire`` and ``cancel`` say that
    only so many are done, ``junk`` are lines among the results; ``edit`` changes their bytes.
    """

    errors: Mapping[int, tuple[int, Body]] = field(default_factory=dict)
    expire: int | None = None
    cancel: int | None = None
    fail: str = ""
    code: str = "invalid_request"
    junk: Sequence[bytes] = ()
    twice: bool = False
    edit: Callable[[bytes], bytes] = lambda content: content


@dataclass
class Batch:
    id: str
    lines: list[Line]
    twist: Twist
    file: str = ""
    metadata: dict[str, str] | None = None
    looks: int = 0
    ended: bool = False
    cancelled: bool = False
    outputs: list[Line] = field(default_factory=list)
    errors: list[Line] = field(default_factory=list)


class Batched(Server):
    """What both have in common."""

    def __init__(self, answer: Answer, *, looks: int = 2, twists: Sequence[Twist] = (), page: int = 100) -> None:
        super().__init__(answer)
        self.looks, self.twists, self.page = looks, list(twists), page
        self.batches: list[Batch] = []
        self.files: dict[str, tuple[str, bytes]] = {}
        self.paid: Counter[str] = Counter()
        self.calls: list[tuple[str, str]] = []
        self.stumble: Stumble = lambda method, path, when: False
        self.fails: dict[tuple[str, str], list[Response]] = {}
        self.marked = True
        self._ids = itertools.count(1)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        url = urlsplit(target)
        self.calls.append((method, url.path))
        if self.stumble(method, url.path, "before"):
            await asyncio.Event().wait()
        waiting = self.fails.get((method, url.path)) or []
        response = waiting.pop(0) if waiting else None
        if response is None or response.then == "close":  # handled, and no answer comes
            handled = self.handled(
                method, url.path, {k: v[0] for k, v in parse_qs(url.query).items()}, content, headers
            )
            response = response or handled
        if self.stumble(method, url.path, "after"):
            await asyncio.Event().wait()
        return await self._write(writer, response)

    def handled(
        self, method: str, path: str, query: Mapping[str, str], content: bytes, headers: Mapping[str, str]
    ) -> Response:
        raise NotImplementedError

    def online(self, path: str, content: bytes, headers: Mapping[str, str]) -> Response:
        body = json.loads(content)
        response = self._respond("POST", path, body, headers)
        if response.status == 200:
            self.paid[self.name_of("", body)] += 1
        return response

    def name_of(self, custom_id: str, body: Body) -> str:
        """What is paid: the same online and in a batch."""
        return json.dumps(body, sort_keys=True)

    def made(self, lines: list[Line], file: str = "", metadata: dict[str, str] | None = None) -> Batch:
        twist = self.twists.pop(0) if self.twists else Twist()
        self.batches.append(Batch(f"batch_{next(self._ids)}", lines, twist, file, metadata))
        return self.batches[-1]

    def all_paid(self) -> Counter[str]:
        """The ledger once every batch has ended, as each does, whether or not anybody looks at it."""
        for batch in self.batches:
            if not batch.ended:
                self.end(batch)
        return self.paid

    def looked_at(self, batch: Batch) -> None:
        batch.looks += 1
        if batch.looks >= self.looks and not batch.ended:
            self.end(batch)

    def end(self, batch: Batch) -> None:
        """Answers what is to be answered; that is what costs."""
        batch.ended, twist = True, batch.twist
        if twist.fail:
            return
        limits = [n for n in (twist.expire, twist.cancel, 0 if batch.cancelled else None) if n is not None]
        done = min(limits, default=len(batch.lines))
        for number, line in enumerate(batch.lines):
            if number >= done:
                batch.errors.append(self.left(line, "expired" if twist.expire is not None else "cancelled"))
            elif number in twist.errors:
                batch.errors.append(self.error(line, *twist.errors[number]))
            else:
                batch.outputs.append(self.output(line))
        batch.outputs.reverse()  # in any order

    def told(self, lines: Sequence[Line], twist: Twist) -> bytes:
        content = [json.dumps(line).encode() for line in lines]
        content += content if twist.twice else []
        return twist.edit(b"".join(b"%s\n" % line for line in [*twist.junk, *content]))

    def output(self, line: Line) -> Line:
        raise NotImplementedError

    def error(self, line: Line, status: int, body: Body) -> Line:
        raise NotImplementedError

    def left(self, line: Line, why: str) -> Line:
        raise NotImplementedError


class OpenAIBatchServer(Batched, OpenAIServer):
    """Files, batches of them, and chat completions."""

    def handled(
        self, method: str, path: str, query: Mapping[str, str], content: bytes, headers: Mapping[str, str]
    ) -> Response:
        part = path.removeprefix("/v1/").split("/")
        if method == "POST" and path == "/v1/chat/completions":
            return self.online(path, content, headers)
        if part[0] == "files":
            return self._file(method, part[1:], query, content)
        if part[0] == "batches":
            return self._batch(method, part[1:], query, content)
        return Response({"error": {"message": f"Not Found: {path}"}}, 404)

    def _file(self, method: str, part: Sequence[str], query: Mapping[str, str], content: bytes) -> Response:
        if method == "POST":
            name, body = form(content)
            self.files[made := f"file-{next(self._ids)}"] = (name, body)
            return Response(self._about(made))
        if not part:
            return self._page([self._about(one) for one in reversed(self.files)], query)
        if part[0] not in self.files:
            return Response({"error": {"message": "No such File object"}}, 404)
        if method == "DELETE":
            del self.files[part[0]]
            return Response({"id": part[0], "object": "file", "deleted": True})
        return Response(self.files[part[0]][1], headers={"content-type": "application/octet-stream"})

    def _about(self, file: str) -> Body:
        return {"id": file, "object": "file", "filename": self.files[file][0], "purpose": "batch"}

    def _batch(self, method: str, part: Sequence[str], query: Mapping[str, str], content: bytes) -> Response:
        if method == "POST" and not part:
            asked = json.loads(content)
            if asked["input_file_id"] not in self.files:
                return Response({"error": {"message": "no such input file"}}, 400)
            lines = [json.loads(line) for line in self.files[asked["input_file_id"]][1].splitlines()]
            assert len({line["custom_id"] for line in lines}) == len(lines)
            assert len({line["body"]["model"] for line in lines}) == 1
            return Response(self._told(self.made(lines, asked["input_file_id"], asked["metadata"])))
        if not part:
            return self._page([self._told(one) for one in reversed(self.batches)], query)
        batch = next((one for one in self.batches if one.id == part[0]), None)
        if batch is None:
            return Response({"error": {"message": "No batch found"}}, 404)
        if part[1:] == ["cancel"]:
            batch.cancelled = True
        else:
            self.looked_at(batch)
        return Response(self._told(batch))

    def _page(self, objects: Sequence[Body], query: Mapping[str, str]) -> Response:
        start = next((i + 1 for i, one in enumerate(objects) if one["id"] == query.get("after")), 0)
        page = objects[start : start + min(self.page, int(query.get("limit", 20)))]
        return Response({"object": "list", "data": page, "has_more": start + len(page) < len(objects)})

    def _told(self, batch: Batch) -> Body:
        counts = {"total": len(batch.lines), "completed": len(batch.outputs), "failed": len(batch.errors)}
        whole: Body = {
            "id": batch.id, "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": batch.file,
            "completion_window": "24h", "created_at": 0, "status": self._status(batch), "request_counts": counts,
        }  # fmt: skip
        if self.marked:
            whole["metadata"] = batch.metadata
        if batch.ended and batch.twist.fail:
            whole["errors"] = {
                "object": "list",
                "data": [{"code": batch.twist.code, "message": batch.twist.fail, "line": 1}],
            }
        for name, lines in (("output_file_id", batch.outputs), ("error_file_id", batch.errors)):
            if lines:
                whole[name] = f"{batch.id}-{name}"
                self.files.setdefault(whole[name], (name, self.told(lines, batch.twist)))
        return whole

    def _status(self, batch: Batch) -> str:
        if not batch.ended:
            return "cancelling" if batch.cancelled else "in_progress"
        twist = batch.twist
        if twist.fail:
            return "failed"
        if twist.cancel is not None or batch.cancelled:
            return "cancelled"
        return "completed" if twist.expire is None else "expired"

    def output(self, line: Line) -> Line:
        response = self.reply("/v1/chat/completions", line["body"])
        self.paid[self.name_of(line["custom_id"], line["body"])] += 1
        told = {"status_code": 200, "request_id": "r", "body": response.body}
        return {"id": "b", "custom_id": line["custom_id"], "response": told, "error": None}

    def error(self, line: Line, status: int, body: Body) -> Line:
        told = {"status_code": status, "request_id": "r", "body": body}
        return {"id": "b", "custom_id": line["custom_id"], "response": told, "error": None}

    def left(self, line: Line, why: str) -> Line:
        error = {"code": f"batch_{why}", "message": "This request could not be executed in time."}
        return {"id": "b", "custom_id": line["custom_id"], "response": None, "error": error}


class AnthropicBatchServer(Batched, AnthropicServer):
    """Message batches, and messages. They have no metadata, and their requests cannot be read back."""

    def name_of(self, custom_id: str, body: Body) -> str:
        """Draws of one prompt are alike here; the key tells them apart."""
        return custom_id.partition("_")[2] or super().name_of(custom_id, body)

    def handled(
        self, method: str, path: str, query: Mapping[str, str], content: bytes, headers: Mapping[str, str]
    ) -> Response:
        if method == "POST" and path == "/v1/messages":
            return self.online(path, content, headers)
        part = path.removeprefix("/v1/messages/batches").strip("/").split("/")
        if method == "POST" and part == [""]:
            lines = json.loads(content)["requests"]
            assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", line["custom_id"]) for line in lines)
            assert len({line["custom_id"] for line in lines}) == len(lines)
            return Response(self._told(self.made(lines)))
        if part == [""]:
            return self._page(query)
        batch = next((one for one in self.batches if one.id == part[0]), None)
        if batch is None:
            return Response({"type": "error", "error": {"type": "not_found_error", "message": "no such batch"}}, 404)
        if part[1:] == ["results"]:
            return Response(self.told([*batch.outputs, *batch.errors], batch.twist))
        if part[1:] == ["cancel"]:
            batch.cancelled = True
        else:
            self.looked_at(batch)
        return Response(self._told(batch))

    def _page(self, query: Mapping[str, str]) -> Response:
        objects = [self._told(one) for one in reversed(self.batches)]
        start = next((i + 1 for i, one in enumerate(objects) if one["id"] == query.get("after_id")), 0)
        page = objects[start : start + min(self.page, int(query.get("limit", 20)))]
        return Response({"data": page, "has_more": start + len(page) < len(objects)})

    def _told(self, batch: Batch) -> Body:
        ends = [error["result"]["type"] for error in batch.errors]
        counts = {name: ends.count(name) for name in ("errored", "canceled", "expired")}
        counts |= {"processing": 0 if batch.ended else len(batch.lines), "succeeded": len(batch.outputs)}
        status = "ended" if batch.ended else "canceling" if batch.cancelled else "in_progress"
        whole: Body = {
            "id": batch.id, "type": "message_batch", "processing_status": status, "request_counts": counts,
            "created_at": "2026-11-25T00:00:00Z", "expires_at": "2026-11-26T00:00:00Z", "ended_at": None,
            "cancel_initiated_at": None, "results_url": None,
        }  # fmt: skip
        if batch.ended:
            whole["results_url"] = "http://elsewhere.example/results"  # where nobody should go with a key
        if batch.cancelled or batch.twist.cancel is not None:
            whole["cancel_initiated_at"] = "2026-11-25T00:00:01Z"
        return whole

    def output(self, line: Line) -> Line:
        response = self.reply("/v1/messages", line["params"])
        self.paid[self.name_of(line["custom_id"], line["params"])] += 1
        return {"custom_id": line["custom_id"], "result": {"type": "succeeded", "message": response.body}}

    def error(self, line: Line, status: int, body: Body) -> Line:
        return {"custom_id": line["custom_id"], "result": {"type": "errored", "error": body}}

    def left(self, line: Line, why: str) -> Line:
        kind = "canceled" if why == "cancelled" else why
        return {"custom_id": line["custom_id"], "result": {"type": kind}}


def form(content: bytes) -> tuple[str, bytes]:
    """The file of a form: its name and its bytes."""
    boundary = content[: content.index(b"\r\n")]
    for part in content.split(boundary):
        head, _, body = part.partition(b"\r\n\r\n")
        if found := re.search(rb'filename="([^"]+)"', head):
            return found[1].decode(), body.removesuffix(b"\r\n")
    raise AssertionError(content[:500])
