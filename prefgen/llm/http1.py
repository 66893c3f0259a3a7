"""HTTP/1.1 on one socket of the event loop: a request goes out, its answer comes in whole, and bounded.

What is here is what one JSON exchange needs, so that it costs little; llhttp, Node's parser, reads the answers
(decision 0032). A server may be anybody's, and a few kilobytes of gzip unpack to gigabytes: nothing packed is asked for
or read, and reading ends after so many bytes.
"""

import asyncio
import socket
from collections.abc import Mapping
from typing import NamedTuple, cast

import httptools

from prefgen.llm.bounds import HEAD, MOST, MOST_TOLD

ALIVE = [
    (level, getattr(socket, name), value)
    for level, name, value in (
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 60),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 60),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 5),
    )
    if hasattr(socket, name)
]
"""An answer may take minutes, and routers forget silent connections; a dead one is known after six. So do the SDKs."""


class Trouble(Exception):
    """Why no answer came. Holds nothing of the request."""


class Unreachable(Trouble):
    """No connection; nothing was sent."""


class Broken(Trouble):
    """The connection ended before the answer did."""


class Late(Trouble):
    """The deadline passed."""


class NoReply(Trouble):
    """A success whose body cannot be a reply."""


class Answer(NamedTuple):
    """A whole answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection(asyncio.Protocol):
    """One socket, one exchange at a time. ``until`` is when the exchange must be over, and between two of them when the
    connection is too old to be used again; a time of the loop's clock.
    """

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.until = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Answer] | None = None
        self._clear()

    @property
    def is_open(self) -> bool:
        """Whether another request may go."""
        return self.transport is not None and not self.transport.is_closing()

    def close(self) -> None:
        """Hangs up; what was not sent yet is not sent."""
        if self.transport:
            self.transport.abort()

    async def ask(self, data: bytes) -> Answer:
        """The answer to a whole request. Raises Trouble."""
        if self.transport is None or self.transport.is_closing():
            raise Unreachable("the server closed the connection")
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting = waiting
        try:
            self.transport.write(data)
            return await waiting
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._waiting = None

    def give_up(self, why: Trouble) -> None:
        """Nothing more is waited for."""
        self._fail(why)

    # --- the transport's calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self.transport = cast("asyncio.Transport", transport)
        line = transport.get_extra_info("socket")
        for level, option, value in ALIVE:
            line.setsockopt(level, option, value)

    def data_received(self, data: bytes) -> None:
        """Some of the answer; where none is waited for, it is no answer of ours."""
        if self._waiting is None or self._waiting.done():
            self.close()
            return
        self._came += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as e:
            self._fail(Broken(f"no HTTP/1.1 came: {e}"))
            self.close()
        if self._came > HEAD:
            self._fail(Broken("headers came, and no end of them"))

    def connection_lost(self, error: Exception | None) -> None:
        """The end of the socket; of an answer as well, where it did not say how long it is."""
        measured = "content-length" in self._headers or "transfer-encoding" in self._headers
        if self._known and not measured and error is None:
            self._finish()
        self._fail(Broken(str(error or "the server closed the connection")))

    # --- the parser's calls ---

    def on_message_begin(self) -> None:
        """An answer; one more than was asked for is read by nobody."""
        if self._waiting is None or self._waiting.done():
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; those of one name count as a list. What comes after a body says nothing that is used."""
        if self._known:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """How much of the body is worth reading."""
        self._status, self._known = self._parser.get_status_code(), True
        packing = self._headers.get("content-encoding", "identity").strip().lower()
        packed, self._most = packing not in {"", "identity"}, MOST if self._is_success else MOST_TOLD
        if packed and self._is_success:
            self._fail(NoReply(f"it came packed ({packing[:20]}), which was not asked for"))
        elif packed:  # of an error the status says enough
            self._finish()
            self.close()

    def on_body(self, data: bytes) -> None:
        """More of the body: a success that has too much is no reply, an error ends there."""
        self._most, self._came = self._most - len(data), 0
        if self._most >= 0:
            self._body.append(data)
        elif self._is_success:
            self._fail(NoReply(f"it has over {MOST:,} bytes"))
        else:
            self._finish()
            self.close()

    def on_message_complete(self) -> None:
        """The end of an answer; one below 200 is not the one that is waited for."""
        if 100 <= self._status < 200:
            self._clear()
            return
        keep = self._parser.should_keep_alive() and self.transport and not self.transport.get_write_buffer_size()
        self._finish()
        if not keep:  # or the answer came before all of the request had gone out
            self.close()

    # --- the end ---

    @property
    def _is_success(self) -> bool:
        return 200 <= self._status < 300

    def _clear(self) -> None:
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._status = self._came = self._most = 0
        self._known = False

    def _finish(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(Answer(self._status, self._headers, b"".join(self._body)))
        self._clear()

    def _fail(self, trouble: Trouble) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(trouble)
            self.close()
