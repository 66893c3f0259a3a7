"""Servers on loopback that speak the providers' protocols: real sockets, keep-alive, and faults on demand.

    with OpenAIServer(lambda body: "hello") as server:
        ask(base_url=server.base_url)
        assert len(server.requests) == 1

``answer`` gets a request's JSON and gives its text, one text per choice, or a whole ``Response``. Each of ``faults`` is
used up by one request, before any answer is asked for. All of it runs on one event loop in one thread, so that
``answer`` needs no locks.
"""

import asyncio
import itertools
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Literal, Self

Body = dict[str, Any]
DRIP = 0.1
"""Seconds between two bytes of a reply that drips: a reader that waits for each byte alone would wait for ever."""


@dataclass(frozen=True)
class Response:
    """What to send back. ``body`` is JSON to encode, or bytes as they are. ``then`` says how it goes wrong:
    ``close`` hangs up before the first byte, ``hang`` never answers, ``cut`` hangs up in the middle of the body,
    ``reset`` breaks the connection there, ``drip`` sends a byte now and then, ``long`` says more bytes than there are,
    ``endless`` sends the body again and again."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    then: Literal["", "close", "hang", "cut", "reset", "drip", "long", "endless"] = ""


@dataclass(frozen=True)
class Seen:
    """One request as it came in; header names are in lower case, ``time`` is monotonic seconds."""

    path: str
    body: Body
    headers: Mapping[str, str]
    time: float


Answer = Callable[[Body], str | list[str] | Response]


class Server:
    """One loopback server. ``latency`` is in seconds, before each answer."""

    root: ClassVar[str] = ""

    def __init__(self, answer: Answer, *, latency: float = 0.0, faults: Sequence[Response] = ()) -> None:
        self.answer, self.latency, self.faults = answer, latency, list(faults)
        self.requests: list[Seen] = []
        self.port = self.sent = self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._count = itertools.count()
        self._broken: list[BaseException] = []

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self.port}{self.root}"

    @property
    def bodies(self) -> list[Body]:
        """The requests' JSON, in the order in which they came."""
        return [seen.body for seen in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()
        if self._broken and error is None:
            raise self._broken[0]

    def reply(self, path: str, body: Body) -> Response:
        """What a path answers with; each protocol has its own."""
        raise NotImplementedError

    # --- the wire ---

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = self._loop.create_task(self._converse(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A mistake in ``answer`` is told where the server's ``with`` ends."""
        self._open.discard(task)
        error = None if task.cancelled() else task.exception()
        self._broken += [error] if error else []

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests of one connection, one after another, until either side hangs up."""
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        body = json.loads(content) if content else {}
        response = self._respond(method, path, body, headers)
        await asyncio.sleep(self.latency)
        return await self._write(writer, response)

    def _respond(self, method: str, path: str, body: Body, headers: Mapping[str, str]) -> Response:
        if method == "POST":
            self.requests.append(Seen(path, body, headers, time.monotonic()))
            if self.faults:
                return self.faults.pop(0)
        return self.reply(path, body)

    async def _write(self, writer: asyncio.StreamWriter, response: Response) -> bool:
        """Sends a response; whether the connection stays open after it."""
        if response.then == "hang":
            await asyncio.Event().wait()
        if response.then == "close":
            return False
        content = response.body if isinstance(response.body, bytes) else json.dumps(response.body).encode()
        if response.then == "endless":
            return await self._goes_on(writer, response, content)
        length = len(content) + 100 * (response.then == "long")
        known = {"content-type": "application/json", "content-length": str(length)}
        headers = "".join(f"{name}: {value}\r\n" for name, value in {**known, **response.headers}.items())
        sent = content[: len(content) // 2] if response.then in {"cut", "reset", "drip"} else content
        writer.write(f"HTTP/1.1 {response.status} -\r\n{headers}\r\n".encode() + sent)
        await writer.drain()
        await self._goes_wrong(writer, response, content[len(sent) :])
        return response.then not in {"cut", "reset", "long"}

    async def _goes_on(self, writer: asyncio.StreamWriter, response: Response, content: bytes) -> bool:
        """Sends the body in chunks until the other side has enough."""
        writer.write(f"HTTP/1.1 {response.status} -\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        while True:
            writer.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
            await writer.drain()
            self.sent += len(content)

    async def _goes_wrong(self, writer: asyncio.StreamWriter, response: Response, rest: bytes) -> None:
        if response.then == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        for byte in rest if response.then == "drip" else b"":
            await asyncio.sleep(DRIP)
            writer.write(bytes([byte]))
            await writer.drain()


# --- the protocols --------------------------------------------------------------------------


class OpenAIServer(Server):
    """``/v1/chat/completions`` and ``/v1/models``: ``n``, ``logprobs``, vLLM's ``prompt_logprobs``, and grammars of one
    sentence, which it writes as llama.cpp would. Tokens are words with the blanks before them; a token's
    log-probability is minus a tenth of its length."""

    root = "/v1"

    def reply(self, path: str, body: Body) -> Response:
        if path == "/v1/models":
            return Response({"object": "list", "data": [{"id": "model", "object": "model"}]})
        if path != "/v1/chat/completions":
            return Response({"error": {"message": f"Not Found: {path}", "type": "not_found_error"}}, 404)
        forced = one_sentence(body.get("grammar"))
        answer = self.answer(body) if forced is None else forced
        if isinstance(answer, Response):
            return answer
        texts = [answer] * (body.get("n") or 1) if isinstance(answer, str) else answer
        return Response(chat(texts, body, name=f"chatcmpl-{next(self._count)}"))


class AnthropicServer(Server):
    """``/v1/messages``."""

    def reply(self, path: str, body: Body) -> Response:
        if path != "/v1/messages":
            error = {"type": "not_found_error", "message": f"Not Found: {path}"}
            return Response({"type": "error", "error": error}, 404)
        answer = self.answer(body)
        if isinstance(answer, Response):
            return answer
        return Response(
            message(answer if isinstance(answer, str) else answer[0], body, name=f"msg_{next(self._count)}")
        )


def chat(texts: Sequence[str], body: Body, *, finish: str = "stop", name: str = "chatcmpl-0") -> Body:
    """A whole answer of chat completions."""
    choices: list[Body] = [
        {"index": i, "message": {"role": "assistant", "content": text, "refusal": None}, "finish_reason": finish}
        for i, text in enumerate(texts)
    ]
    if body.get("logprobs"):
        for choice, text in zip(choices, texts, strict=True):
            choice["logprobs"] = {"content": [*map(_logprob, tokens(text)), _logprob("")]}
    prompt = "".join(f"<{turn['role']}>\n{turn['content']}" for turn in body["messages"])
    used, written = len(tokens(prompt)), sum(len(tokens(text)) for text in texts)
    usage = {"prompt_tokens": used, "completion_tokens": written, "total_tokens": used + written}
    whole = {"id": name, "object": "chat.completion", "model": body["model"], "choices": choices, "usage": usage}
    return whole | ({"prompt_logprobs": _prompt_logprobs(prompt)} if body.get("prompt_logprobs") else {})


def message(text: str, body: Body, *, stop: str = "end_turn", name: str = "msg_0") -> Body:
    """A whole answer of messages."""
    prompt = "".join(turn["content"] for turn in body["messages"]) + (body.get("system") or "")
    return {
        "id": name,
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": len(tokens(prompt)), "output_tokens": len(tokens(text))},
    }


def tokens(text: str) -> list[str]:
    """Words with the blanks before them, and tags and newlines each on their own."""
    return re.findall(r"<\w+>|\n|[^\S\n]*[^\s<]+|\s+|<", text)


def logprob(token: str) -> float:
    """What these servers say of a token."""
    return -len(token) / 10


def _logprob(token: str) -> Body:
    return {"token": token, "bytes": list(token.encode()), "logprob": logprob(token), "top_logprobs": []}


def _prompt_logprobs(prompt: str) -> list[Body | None]:
    """As vLLM has them: nothing for the first token, then the prompt's own token before a likelier one."""
    likelier = {"logprob": -0.01, "rank": 1, "decoded_token": " likelier"}
    told = [{"7": {"logprob": logprob(t), "rank": 2, "decoded_token": t}, "8": likelier} for t in tokens(prompt)]
    return [None, *told[1:]]


def one_sentence(grammar: str | None) -> str | None:
    """The only sentence of a grammar that has but one; None for any other."""
    found = re.fullmatch(r'root ::= "((?:[^"\\]|\\.)*)"', grammar or "", re.DOTALL)
    plain = {"n": "\n", "r": "\r", "t": "\t"}
    return found and re.sub(r"\\(x(..)|.)", lambda m: chr(int(m[2], 16)) if m[2] else plain.get(m[1], m[1]), found[1])
