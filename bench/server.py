"""A loopback server of OpenAI's protocol that costs little, so that what is measured is who asks.

It reads and writes raw bytes, parses no JSON, and makes every reply of parts that are there already. The same request
gets the same reply: its bytes decide, and how often they came before (a client that sends no seed still gets other
texts). A prompt that ends in ``Score: …`` (whatever mark stands behind the word) gets a score from 0 to 5; one that
names labels in double brackets gets one of them as a verdict; any other gets a text of some 200 tokens.

``GET /counters`` gives what came since the last ``GET /reset?latency=0.05``, which also sets the seconds that a reply
takes. Run it by itself: python bench/server.py [PORT]; it prints its address.
"""

import asyncio
import hashlib
import itertools
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import parse_qs, urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_DRAWS = re.compile(rb'[,{]\s*"n"\s*:\s*(\d+)')
"""``n`` as a field of its own: within a text its quotes are escaped."""
_MODEL = re.compile(rb'[,{]\s*"model"\s*:\s*"([^"\\]*)"')
_SCORE = re.compile(rb"Score(?: [A-Z0-9]{2,12})?:")
_LABEL = re.compile(rb"\[\[(\w{1,12})\]\]")

SUBJECTS = ("The first step", "A careful reader", "This method", "The usual answer", "One example", "The other side",
            "A good test", "The short form", "Most of it", "The hard part", "Practice", "The last point",
            "Evidence", "A second look", "The question", "Common sense")  # fmt: skip
ENDS = ("depends on what is asked for, and on how much time there is to look at it closely.",
        "shows that simple things hold for longer than those that look impressive at first.",
        "is easier to see when the parts are laid side by side and named one after another.",
        "leads to the same result as before, although the way to it is a little different.")  # fmt: skip
SENTENCES = [f"{who} {what}".encode() for who in SUBJECTS for what in ENDS]
LONG, SHORT = 10, 3
"""Sentences of a response, and of the reasons for a judgment."""

HEAD = (
    b"HTTP/1.1 %s\r\nserver: bench\r\ncontent-type: application/json\r\nx-request-id: bench\r\n"
    b"content-length: %d\r\n\r\n"
)
CHOICE = (
    b'{"index":%d,"message":{"role":"assistant","content":"%s","refusal":null},"logprobs":null,"finish_reason":"stop"}'
)
REPLY = (
    b'{"id":"chatcmpl-%s","object":"chat.completion","created":1760000000,"model":"%s","choices":[%s],'
    b'"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d},"system_fingerprint":"fp_bench"}'
)
MODELS = b'{"object":"list","data":[{"id":"m","object":"model","created":1760000000,"owned_by":"bench"}]}'


@dataclass
class Counted:
    """What came since the last reset. ``seen`` counts each request by its digest."""

    latency: float = 0.0
    requests: int = 0
    draws: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    other: int = 0
    seen: Counter[bytes] = field(default_factory=Counter)
    cpu: float = field(default_factory=time.process_time)

    def told(self) -> bytes:
        """As JSON: the counters, requests that came more than once, and CPU seconds of this process."""
        names = ("latency", "requests", "draws", "most_in_flight", "other")
        found: dict[str, float] = {name: getattr(self, name) for name in names}
        return json.dumps(
            found | {"repeated": self.requests - len(self.seen), "cpu": time.process_time() - self.cpu}
        ).encode()


def completion(body: bytes, counted: Counted) -> bytes:
    """The reply to a chat completion, as JSON."""
    digest = hashlib.blake2b(body, digest_size=16).digest()
    again = counted.seen[digest]
    counted.seen[digest] = again + 1
    asked = _DRAWS.search(body)
    n = int(asked[1]) if asked else 1
    ends = _ends(body)
    texts = [_text(hashlib.blake2b(b"%s/%d/%d" % (digest, again, i)).digest(), ends) for i in range(n)]
    choices = b",".join(CHOICE % one for one in enumerate(texts))
    prompt, written = len(body) // 4, sum(map(len, texts)) // 4
    model = _MODEL.search(body)
    counted.requests += 1
    counted.draws += n
    name = model[1] if model else b"m"
    return REPLY % (digest.hex().encode(), name, choices, prompt, written, prompt + written)


def _ends(body: bytes) -> list[bytes]:
    """How replies to this prompt may end: scores, verdicts, or in no form."""
    place = body.rfind(b"Score")
    if place >= 0 and (label := _SCORE.match(body, place)):
        return [b"%s %d" % (label[0], points) for points in range(6)]
    if b"[[" in body:
        return [b"[[%s]]" % one for one in sorted(set(_LABEL.findall(body)))]
    return []


def _text(chance: bytes, ends: list[bytes]) -> bytes:
    """Sentences by chance, 64 bytes of it, and one of the ends."""
    many = SHORT if ends else LONG
    text = b" ".join([SENTENCES[chance[i] & 63] for i in range(many)])
    return b"%s\\n\\n%s" % (text, ends[chance[-1] % len(ends)]) if ends else text


class Connection(asyncio.Protocol):
    """One client's connection, kept alive; requests in a row are answered in their order."""

    def __init__(self, server: "Server") -> None:
        self.server, self.kept = server, b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.kept = self.kept + data if self.kept else data
        while (end := self.kept.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self.kept, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.kept) < whole:
                return
            head, body, self.kept = self.kept[:end], self.kept[end + 4 : whole], self.kept[whole:]
            self.server.answer(head, body, self)

    def send(self, status: bytes, body: bytes) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.write(HEAD % (status, len(body)) + body)


class Server:
    """What all connections share."""

    def __init__(self) -> None:
        self.counted = Counted()

    def answer(self, head: bytes, body: bytes, to: Connection) -> None:
        """One request; a completion when its time has come."""
        target = head.split(b" ", 2)[1]
        if not target.endswith(b"/chat/completions"):
            to.send(*self._beside(target.decode("latin-1")))
            return
        counted = self.counted
        counted.in_flight += 1
        counted.most_in_flight = max(counted.most_in_flight, counted.in_flight)
        made = completion(body, counted)
        if counted.latency:
            asyncio.get_running_loop().call_later(counted.latency, self._sent, made, to, counted)
        else:
            self._sent(made, to, counted)

    @staticmethod
    def _sent(made: bytes, to: Connection, counted: Counted) -> None:
        counted.in_flight -= 1
        to.send(b"200 OK", made)

    def _beside(self, target: str) -> tuple[bytes, bytes]:
        """Counters, and what some clients look at before they ask."""
        at = urlsplit(target)
        if at.path == "/reset":
            self.counted = Counted(latency=float(parse_qs(at.query).get("latency", ["0"])[0]))
            return b"200 OK", b"{}"
        if at.path == "/counters":
            return b"200 OK", self.counted.told()
        self.counted.other += 1
        if at.path.endswith("/models"):
            return b"200 OK", MODELS
        return b"404 Not Found", b'{"error":{"message":"nothing here","type":"invalid_request_error","code":404}}'


async def serve(port: int = 0) -> None:
    """Serves until the process ends; the first line on stdout is the address."""
    shared = Server()
    found = await asyncio.get_running_loop().create_server(lambda: Connection(shared), "127.0.0.1", port, backlog=2048)
    print(f"http://127.0.0.1:{found.sockets[0].getsockname()[1]}", flush=True)
    async with found:
        await found.serve_forever()


def runner() -> asyncio.Runner:
    """On uvloop where it is there: the server is to cost less."""
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


if __name__ == "__main__":
    with runner() as loop:
        loop.run(serve(*map(int, itertools.islice(sys.argv, 1, 2))))
