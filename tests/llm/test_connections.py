"""Connections of our own: answers in every shape that HTTP/1.1 knows, proxies, certificates, and what breaks."""

import asyncio
import base64
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from prefgen.errors import ProviderError
from prefgen.llm import connections
from prefgen.llm.bounds import HEAD
from prefgen.llm.connections import Connections, head, route
from prefgen.llm.http1 import Answer, Broken, Late, NoReply, Trouble, Unreachable
from prefgen.llm.proxies import proxy_for

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def serving(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server that talks like this, over TLS if a context is given; at the end nothing of it is left."""
    tasks: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()
        with suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(served(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def asked(talk: Talk, times: int = 1) -> list[Answer | Trouble]:
    """What comes of so many requests, one after another, to a server that talks like this."""

    async def go() -> list[Answer | Trouble]:
        found: list[Answer | Trouble] = []
        lines = Connections()
        async with serving(talk) as port:
            to = route(f"http://127.0.0.1:{port}/v1/x")
            for _ in range(times):
                try:
                    found.append(await lines.ask(to, head(to, {"X-Key": "k"}), b"{}", 5.0))
                except Trouble as e:
                    found.append(e)
                await asyncio.sleep(0.01)  # what the server does next is seen before the next request
            await lines.close()
        return found

    return asyncio.run(go())


async def request(reader: asyncio.StreamReader) -> bytes:
    """One request as it came, with its body of two bytes."""
    return await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(2)


def says(*parts: bytes) -> Talk:
    """Answers every request of a connection with these bytes, part after part, then hangs up at the request's end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.001)

    return talk


@pytest.mark.parametrize(
    ("parts", "status", "body"),
    [
        ([OK], 200, b"{}"),
        ([bytes([one]) for one in OK], 200, b"{}"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nTrailer: x\r\n\r\n"], 200, b"{}"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"2\r", b"\n{}", b"\r\n0\r\n", b"\r\n"], 200, b"{}"),
        ([b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{", b"}"], 200, b"{}"),
        ([b"HTTP/1.0 200 OK\r\n\r\n{}"], 200, b"{}"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", OK], 200, b"{}"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], 204, b""),
        ([b"HTTP/1.1 404 \r\ncontent-length: 0\r\n\r\n"], 404, b""),
    ],
    ids=["length", "byte by byte", "chunks and a trailer", "chunks in pieces", "until the end", "1.0", "100 and 103", "204", "no reason"],
)  # fmt: skip
def test_an_answer_in_each_of_its_shapes(parts: list[bytes], status: int, body: bytes) -> None:
    (answer,) = asked(says(*parts))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (status, body)
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    ("parts", "kind", "words"),
    [
        ([], Broken, "the server closed the connection"),
        ([b"HTTP/1.1 200 OK\r\ncontent-le"], Broken, "closed"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}"], Broken, "closed"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"], Broken, "closed"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"], Broken, "no HTTP"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 9\r\n\r\n0\r\n\r\n"], Broken, "no HTTP"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"], Broken, "no HTTP"),
        ([b"SSH-2.0-OpenSSH_9.6\r\n"], Broken, "no HTTP"),
        ([b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"], Broken, "no HTTP"),
        ([b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (HEAD // 6 + 9)], Broken, "no end of them"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", *[b"a: b\r\n" * 9000] * 9], Broken, "no end"),
        ([b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}"], NoReply, "packed"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told_as_what_it_is(parts: list[bytes], kind: type[Trouble], words: str) -> None:
    (trouble,) = asked(says(*parts))
    assert isinstance(trouble, kind)
    assert words in str(trouble)


def test_a_connection_is_used_again_and_one_that_was_left_is_not() -> None:
    connected: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(len(connected))
        for _ in range(2 if connected[-1] == 0 else 9):
            await request(reader)
            writer.write(OK)

    assert all(isinstance(one, Answer) for one in asked(talk, 5))
    assert len(connected) == 2


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged", b"x"])
def test_an_answer_that_nobody_asked_for_is_nobody_s(more: bytes) -> None:
    """A server that says more than it should does not answer the next request with it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request(reader)
            writer.write(OK + more)

    answers = asked(talk, 3)
    assert [isinstance(one, Answer) and one.body for one in answers] == [b"{}"] * 3


def test_a_deadline_is_kept_to_by_each_on_its_own() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        text = await request(reader)
        await asyncio.sleep(0 if b"/quick" in text else 60)
        writer.write(OK)

    async def go() -> list[object]:
        lines = Connections()

        async def one(path: str, seconds: float) -> object:
            to, began = route(f"http://127.0.0.1:{port}{path}"), asyncio.get_running_loop().time()
            try:
                return (await lines.ask(to, head(to, {}), b"{}", seconds)).status
            except Late:
                return round(asyncio.get_running_loop().time() - began, 1)

        async with serving(talk) as port:
            found = await asyncio.gather(one("/slow", 0.5), one("/slow", 0.3), one("/quick", 30))
            await lines.close()
        return list(found)

    assert asyncio.run(go()) == [0.5, 0.3, 200]


def test_given_up_in_flight_is_hung_up() -> None:
    async def go() -> bool:
        begun, over = asyncio.Event(), asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request(reader)
            begun.set()
            with suppress(ConnectionError):
                await reader.read()
            over.set()

        lines = Connections()
        async with serving(talk) as port:
            to = route(f"http://127.0.0.1:{port}/")
            task = asyncio.ensure_future(lines.ask(to, head(to, {}), b"{}", 60))
            await begun.wait()
            task.cancel()
            await asyncio.wait_for(over.wait(), 5)
            await lines.close()
        return over.is_set()

    assert asyncio.run(go())


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers the first request of all, and no other."""
    while True:
        text = await request(reader)
        await asyncio.sleep(0 if b"/quick" in text else 60)
        writer.write(OK)


def test_deadlines_are_kept_to_after_a_close_as_well() -> None:
    async def go() -> None:
        lines = Connections()
        async with serving(hangs) as port:
            quick, slow = (route(f"http://127.0.0.1:{port}{path}") for path in ("/quick", "/slow"))
            await lines.ask(quick, head(quick, {}), b"{}", 0.2)
            await lines.close()
            with pytest.raises(Late):
                await asyncio.wait_for(lines.ask(slow, head(slow, {}), b"{}", 0.3), 5)
            await lines.close()

    asyncio.run(go())


def test_what_is_under_way_at_a_close_ends_there() -> None:
    async def go() -> None:
        lines = Connections()
        async with serving(hangs) as port:
            slow = route(f"http://127.0.0.1:{port}/slow")
            task = asyncio.ensure_future(lines.ask(slow, head(slow, {}), b"{}", 0.3))
            await asyncio.sleep(0.05)
            await lines.close()
            with pytest.raises(Broken):
                await asyncio.wait_for(task, 5)

    asyncio.run(go())


def test_half_an_answer_of_no_stated_length_is_none_where_the_connection_broke() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"a": 1}')
        await asyncio.sleep(0.05)
        line = writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
        writer.transport.abort()

    (trouble,) = asked(talk)
    assert isinstance(trouble, Broken)


# --- addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("http://127.0.0.1:8000/v1/chat/completions", "/v1/chat/completions", "127.0.0.1:8000"),
        ("https://API.example/v1", "/v1", "api.example"),
        ("https://api.example:8443/a%20b/<c>", "/a%20b/%3Cc%3E", "api.example:8443"),
        ("http://[::1]:9/v1?key=a&b=c", "/v1?key=a&b=c", "[::1]:9"),
        ("http://box.local.:80/v1", "/v1", "box.local"),
    ],
)
def test_a_request_s_first_line_and_its_host(url: str, line: str, host: str) -> None:
    text = head(route(url), {"X-A": "b"}).decode()
    assert text == f"POST {line} HTTP/1.1\r\nHost: {host}\r\nX-A: b\r\nContent-Length: "


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"X": "a\nb"}, {"X\r": "a"}, {"X": "é"}, {"X": "\x00"}])
def test_no_header_holds_another(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="none may have"):
        head(route("http://localhost/v1"), headers)


def test_a_name_that_nobody_has_and_one_that_none_can_have() -> None:
    async def go(url: str) -> str:
        with pytest.raises(Unreachable) as caught:
            await Connections().ask(route(url), b"", b"", 5.0)
        return str(caught.value)

    for url in ("http://no-such-host.invalid/v1", f"http://{'a' * 80}.example/v1", "http://127.0.0.1:1/v1"):
        assert ": " in asyncio.run(go(url))


# --- proxies --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "https://api.example/v1", None),
        ({"https_proxy": "http://p:1"}, "https://api.example/v1", "http://p:1"),
        ({"HTTPS_PROXY": "p:1"}, "https://api.example/v1", "http://p:1"),
        ({"https_proxy": "http://p:1"}, "http://api.example/v1", None),
        ({"all_proxy": "http://p:1"}, "http://api.example/v1", "http://p:1"),
        ({"all_proxy": "http://p:1", "no_proxy": ".example"}, "http://api.example/v1", None),
        ({"all_proxy": "http://p:1", "no_proxy": "api.example:8000"}, "http://api.example:8000/v1", None),
        ({"all_proxy": "http://p:1", "no_proxy": "*"}, "http://api.example/v1", None),
        ({"all_proxy": "http://p:1", "no_proxy": "10.0.0.0/8,x"}, "http://10.1.2.3:8000/v1", None),
        ({"all_proxy": "http://p:1", "no_proxy": "10.0.0.0/8"}, "http://11.1.2.3/v1", "http://p:1"),
    ],
)
def test_which_proxy_the_environment_names(
    variables: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


def test_a_proxy_that_is_not_spoken_to_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:secret@p:1")
    with pytest.raises(ProviderError, match="set HTTPS_PROXY to http://HOST:PORT") as caught:
        proxy_for("https://api.example/v1")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["http://user:secret@p:x", "http://user:secret@p:99999"])
def test_a_proxy_s_port_that_is_none_is_told(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ProviderError, match="set HTTPS_PROXY") as caught:
        proxy_for("https://api.example/v1")
    assert "secret" not in str(caught.value)


def test_a_proxy_passes_on_what_is_sent_in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request(reader))
        writer.write(OK)

    async def go() -> Answer:
        lines = Connections()
        async with serving(proxy) as port:
            monkeypatch.setenv("http_proxy", f"http://me:s%40id@127.0.0.1:{port}")
            to = route("http://gpu.example:8000/v1/x")
            answer = await lines.ask(to, head(to, {}), b"{}", 5.0)
            await lines.close()
        return answer

    assert asyncio.run(go()).status == 200
    first, *lines = seen[0].decode().split("\r\n")
    assert first == "POST http://gpu.example:8000/v1/x HTTP/1.1"
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'me:s@id').decode()}" in lines


# --- certificates ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key, for localhost alone."""
    home = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    made = ["-keyout", str(home / "key.pem"), "-out", str(home / "cert.pem")]
    try:
        subprocess.run(["openssl", *kind, *names, *made], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl here to make a certificate with")
    return home


@pytest.fixture
def believed(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    connections.trusted.cache_clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    yield
    connections.trusted.cache_clear()


def over_tls(
    certificate: Path, host: str, proxy: Callable[[int], Talk] | None, monkeypatch: pytest.MonkeyPatch
) -> Answer:
    """One exchange with a server that speaks TLS, by way of a proxy if one is given."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request(reader)
            writer.write(OK)

    async def go() -> Answer:
        context, lines = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Connections()
        context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
        async with serving(talk, context) as port, serving((proxy or refusing)(port)) as before:
            if proxy:
                monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{before}")
            to = route(f"https://{host}:{port}/v1/x")
            try:
                await lines.ask(to, head(to, {}), b"{}", 5.0)
                return await lines.ask(to, head(to, {}), b"{}", 5.0)
            finally:
                await lines.close()

    return asyncio.run(go())


def tunnel(port: int) -> Talk:
    """A proxy that opens a way to a port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readuntil(b"\r\n\r\n")
        assert first.startswith(f"CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n".encode())
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_copied(reader, back), _copied(there, writer))

    return talk


async def _copied(come: asyncio.StreamReader, go: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await come.read(65536):
            go.write(data)
    go.close()
    with suppress(ConnectionError):
        await go.wait_closed()


def refusing(port: int) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    return talk


@pytest.mark.usefixtures("believed")
@pytest.mark.parametrize("proxy", [None, tunnel], ids=["straight", "through a tunnel"])
def test_a_server_that_is_who_it_says_is_spoken_to(
    proxy: Callable[[int], Talk] | None, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert over_tls(certificate, "localhost", proxy, monkeypatch).body == b"{}"


@pytest.mark.usefixtures("believed")
def test_a_server_that_is_somebody_else_is_not(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreachable, match="certificate verify failed"):
        over_tls(certificate, "127.0.0.1", None, monkeypatch)


def test_nor_is_one_that_nobody_vouches_for(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connections.trusted.cache_clear()
    for proxy in (None, tunnel):
        with pytest.raises(Unreachable, match="certificate verify failed"):
            over_tls(certificate, "localhost", proxy, monkeypatch)


@pytest.mark.usefixtures("believed")
def test_a_proxy_that_gives_no_way_is_told(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreachable, match="the proxy gives no way there: 407 Proxy Authentication"):
        over_tls(certificate, "localhost", refusing, monkeypatch)
