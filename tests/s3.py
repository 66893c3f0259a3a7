"""S3 on loopback: moto, and a proxy before it that plays faults by a plan. Any client that reads AWS_* finds it.

    with S3() as s3:
        url = s3.url()                                   # a fresh bucket: s3://bucket-1/run
        s3.plan = lambda number, method, path: "503" if number % 3 == 0 else ""
        run(recipe, ..., storage=url)                    # children find it as well, by their environment
        assert s3.played

``fixture`` is one of these for a test: ``from tests.s3 import s3_fixture as s3``. A fault is one of FAULTS, "" is none.
"""

import asyncio
import itertools
import json
import logging
import os
import socket
import struct
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import TracebackType
from typing import Any, Literal, Self

import fsspec
import pytest
from fsspec.config import set_conf_env

Fault = Literal[
    "", "500", "503", "html", "reset", "half sent", "done", "begun", "cut", "stall", "no word", "denied", "no bucket",
    "there", "unknown",
]  # fmt: skip
FAULTS: tuple[Fault, ...] = ("500", "503", "html", "reset", "half sent", "done", "begun", "cut")
"""What passes: 500 InternalError; 503 SlowDown; 503 of a proxy's that is no XML; the connection is reset once the request
is there, in the middle of it, or after it was done, which nobody is told; or in the middle of the answer; the answer ends
too early. Beside them ``stall``: no answer comes; and ``no word``: what waits to be told to send its body waits on;
``there`` and ``unknown``: as servers other than Amazon's answer to a condition."""
LASTING: tuple[Fault, ...] = ("denied", "no bucket")
Plan = Callable[[int, str, str], Fault]

STALL = 1.0
"""Seconds of patience with one answer, by fsspec's configuration: a test of a stall takes no longer."""
ERROR = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{}</Code><Message>{}</Message></Error>'
SAID: dict[str, tuple[str, str]] = {
    "500": ("500 Internal Server Error", ERROR.format("InternalError", "We encountered an internal error.")),
    "503": ("503 Slow Down", ERROR.format("SlowDown", "Please reduce your request rate.")),
    "html": ("503 Service Unavailable", "<html><body><h1>503 Service Unavailable</h1>"),
    "denied": ("403 Forbidden", ERROR.format("AccessDenied", "Access Denied")),
    "there": ("412 Precondition Failed", ERROR.format("PreconditionFailed", "At least one did not hold")),
    "unknown": ("501 Not Implemented", ERROR.format("NotImplemented", "A header implies what is not implemented")),
    "no bucket": ("404 Not Found", ERROR.format("NoSuchBucket", "The specified bucket does not exist")),
}
_buckets = itertools.count(1)


@cache
def moto() -> int:
    """The port of a server that ends with this process."""
    os.environ["S3_UPLOAD_PART_MIN_SIZE"] = "1"  # so that uploads in parts can be small; read at import
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    return server.get_host_and_port()[1]


class S3:
    """A proxy before moto; while it is open, the environment and fsspec's configuration lead to it. ``page`` is how many
    names one answer holds at most, where it is not 0."""

    def __init__(self) -> None:
        self.plan: Plan = lambda number, method, path: ""
        self.requests: list[tuple[str, str]] = []
        self.played: list[Fault] = []
        self.page = 0
        self.port = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._before: dict[str, str | None] = {}
        self._conf: dict[str, Any] = {}

    @property
    def env(self) -> dict[str, str]:
        """What leads a process here."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "an-id",
            "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "FSSPEC_S3": json.dumps({"config_kwargs": {"read_timeout": STALL}}),
        }

    def url(self) -> str:
        """A path in a bucket that nobody else has."""
        bucket = f"bucket-{os.getpid()}-{next(_buckets)}"
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{moto()}/{bucket}", method="PUT")).read()
        return f"s3://{bucket}/run"

    def fails(self, number: int, fault: Fault | Mapping[str, Fault], times: int = 2) -> None:
        """From now on some requests fail, from the one of this number on, where 0 is the next one; clients of HTTP try
        a broken one once more by themselves. Or so it is in each of some buckets, by the fault of its own.
        """
        self.requests, self.played = [], []
        asked = Counter[str]()

        def plan(now: int, method: str, path: str) -> Fault:
            bucket = path.split("/")[1].split("?", maxsplit=1)[0]
            asked[bucket] += 1
            plays = number < asked[bucket] <= number + times
            return (fault if isinstance(fault, str) else fault.get(bucket, "")) if plays else ""

        self.plan = plan

    def __enter__(self) -> Self:
        moto()
        self._thread.start()
        self._ready.wait()
        self._before = {name: os.environ.get(name) for name in self.env}
        os.environ.update(self.env)
        self._conf = dict(fsspec.config.conf)
        set_conf_env(fsspec.config.conf, self.env)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        fsspec.config.conf.clear()
        fsspec.config.conf.update(self._conf)

    # --- the proxy ---

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._client, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._over.wait()
        await asyncio.sleep(0.01)  # whoever came last has a task by then, which is ended with the others

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request on each connection: no fault comes from the one before it."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, path = head.split(b" ", 2)[:2]
            self.requests.append((method.decode(), path.decode()))
            fault = self.plan(len(self.requests) - 1, *self.requests[-1])
            if fault:
                self.played.append(fault)
            await self._answer(fault, head, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # a client that has gone
        finally:
            writer.close()

    async def _answer(
        self, fault: Fault, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if fault == "no word":
            await reader.read()  # until the client goes
            return
        if b"100-continue" in head.lower():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
        if fault == "half sent":
            await reader.read(1000) if b"100-continue" in head.lower() else None
            _reset(writer)
            return
        body = await _body(head, reader)
        if fault == "stall":
            await reader.read()  # until the client goes
        elif fault == "reset":
            _reset(writer)
        elif fault in SAID:
            writer.write(_said(*SAID[fault], bare=head.startswith(b"HEAD")))
            await writer.drain()
        else:
            await self._passed_on(fault, head, body, writer)

    async def _passed_on(self, fault: Fault, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        """Moto's own answer: all of it, none, or its first half."""
        if self.page:
            head = head.replace(b"?list-type=2", b"?list-type=2&max-keys=%d" % self.page, 1)
        answer = await _asked(head, body)
        if fault in {"begun", "cut"}:
            end = answer.index(b"\r\n\r\n") + 4
            half = end + (len(answer) - end) // 2 if len(answer) > end + 1 else end // 2
            writer.write(answer[:half])
        elif not fault:
            writer.write(answer)
        await writer.drain()
        if fault in {"done", "begun"}:
            _reset(writer)


def _said(status: str, body: str, *, bare: bool) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return (head + ("" if bare else body)).encode()


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    """A request's body as it came; the client may wait to be told to go on with it."""
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    if headers.get(b"transfer-encoding") == b"chunked":
        raise NotImplementedError("no client of ours sends chunks")
    return await reader.readexactly(int(headers.get(b"content-length", b"0")))


async def _asked(head: bytes, body: bytes) -> bytes:
    """What moto answers."""
    first, rest = head.split(b"\r\n", 1)
    lines = [line for line in rest.split(b"\r\n") if not line.lower().startswith((b"connection:", b"expect:"))]
    reader, writer = await asyncio.open_connection("127.0.0.1", moto())
    try:
        writer.write(b"\r\n".join([first, b"Connection: close", *lines]) + body)
        return await reader.read()
    finally:
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Hangs up as a machine does that has failed."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.fixture(name="s3")
def s3_fixture() -> Iterator[S3]:
    """One for a test."""
    with S3() as one:
        yield one
