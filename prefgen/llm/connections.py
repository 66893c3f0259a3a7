"""Connections to the servers that are asked: opened when there is none to spare, kept for the next request.

The certificates that are trusted, and the proxies, are those of the provider's own SDK: the system's, or what
SSL_CERT_FILE and HTTPS_PROXY name.
"""

import asyncio
import base64
import ssl
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote, unquote, urlsplit

from prefgen.llm.http1 import Answer, Broken, Connection, Late, Trouble, Unreachable
from prefgen.llm.proxies import proxy_for
from prefgen.llm.wire import CONNECT

__all__ = ["Connections", "Route", "Trouble", "head", "route"]

EYEBALLS = 0.25
"""Seconds until a name's next address is tried beside the first (RFC 8305)."""
SOON = 1e-3
"""Seconds; a deadline that is as near as this has passed."""
KEEP = 4.0
"""Seconds for which a connection that is not used is kept: less than any server does (uvicorn: 5)."""


@dataclass(frozen=True)
class Route:
    """The way to one address: the server, the proxy before it if any, and what a request's first line names."""

    host: str
    port: int
    secure: bool
    target: str
    proxy: str | None = None

    @property
    def authority(self) -> str:
        """Host and port, as HTTP writes them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def route(url: str) -> Route:
    """How a plain address (``hosts.origin``) is reached."""
    parts, proxy = urlsplit(url), proxy_for(url)
    secure = parts.scheme == "https"
    host, port = (parts.hostname or "").rstrip("."), parts.port or (443 if secure else 80)
    target = quote(parts.path, safe="/%:@!$&'()*+,;=-._~") + (f"?{parts.query}" if parts.query else "")
    return Route(host, port, secure, target, proxy)


def head(to: Route, headers: dict[str, str]) -> bytes:
    """A POST's first line and headers, up to its body's length. Raises ValueError for what no header may hold."""
    whole = {"Host": to.authority, **headers}
    target = to.target
    if to.proxy and not to.secure:
        target = f"http://{to.authority}{target}"
        whole |= _login(to.proxy)
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in whole.items())]
    if any(not (line.isprintable() and line.isascii()) for line in lines):
        raise ValueError("a header holds characters that none may have")
    return "\r\n".join([*lines, "Content-Length: "]).encode()


class Connections:
    """The open connections of one provider. They belong to one event loop, and are closed within it."""

    def __init__(self) -> None:
        self._idle: dict[Route, list[Connection]] = {}
        self._busy: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def ask(self, to: Route, head: bytes, body: bytes, seconds: float) -> Answer:
        """What the server answers within so many seconds. Raises Trouble."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        connection = self._kept(to, now) or await _connected(to, min(CONNECT, seconds))
        connection.until = now + seconds
        self._busy.add(connection)
        if self._timer is None or self._timer.when() > connection.until:
            self._look(connection.until)
        try:
            answer = await connection.ask(b"%b%d\r\n\r\n%b" % (head, len(body), body))
        except Late:
            raise Late(f"within {seconds:g} s") from None
        finally:
            self._busy.discard(connection)
        if connection.is_open:
            connection.until = loop.time() + KEEP
            self._idle.setdefault(to, []).append(connection)
        return answer

    def _look(self, at: float) -> None:
        """Looks at the deadlines when the first of them comes: one timer for all, not one for each."""
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._passed)

    def _passed(self) -> None:
        self._timer, now = None, asyncio.get_running_loop().time()
        for connection in [one for one in self._busy if one.until <= now + SOON]:
            connection.give_up(Late("nothing more was waited for"))
        if left := [one.until for one in self._busy if one.until > now + SOON]:
            self._look(min(left))

    def _kept(self, to: Route, now: float) -> Connection | None:
        """The one that was used last, where it is still good."""
        idle = self._idle.get(to)
        while idle:
            last = idle.pop()
            if last.is_open and last.until > now:
                return last
            last.close()
        return None

    async def close(self) -> None:
        """Hangs up, also on what is under way. Another request opens a connection anew."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        idle, self._idle = [one for kept in self._idle.values() for one in kept], {}
        for connection in self._busy:
            connection.give_up(Broken("it was closed here"))
        for connection in idle:
            connection.close()
        if idle or self._busy:
            await asyncio.sleep(0)  # the loop closes the sockets in its next turn


# --- opening one ----------------------------------------------------------------------------


async def _connected(to: Route, seconds: float) -> Connection:
    try:
        async with asyncio.timeout(seconds):
            return await (_through(to, to.proxy) if to.proxy else _straight(to))
    except TimeoutError as e:
        raise Unreachable(f"no connection within {seconds:g} s") from e
    except (OSError, UnicodeError) as e:  # a name of over 63 characters is none to Python's codec
        raise Unreachable(f"{type(e).__name__}: {e}") from e


async def _straight(to: Route) -> Connection:
    return await _opened(to.host, to.port, **_tls(to.host, secure=to.secure))


def _tls(host: str, *, secure: bool) -> dict[str, Any]:
    return {"ssl": trusted(), "server_hostname": host} if secure else {}


async def _opened(host: str, port: int, **how: Any) -> Connection:
    loop = asyncio.get_running_loop()
    if host[:1].isalpha() and isinstance(
        loop, asyncio.BaseEventLoop
    ):  # an address is tried alone; uvloop knows no delay
        how["happy_eyeballs_delay"] = EYEBALLS
    return (await loop.create_connection(Connection, host, port, **how))[1]


async def _through(to: Route, proxy: str) -> Connection:
    """By way of a proxy: it passes on what is sent, or, to a server that speaks TLS, opens a tunnel."""
    parts, loop = urlsplit(proxy), asyncio.get_running_loop()
    safe, host = parts.scheme == "https", parts.hostname or ""
    how = _tls(host, secure=safe)
    port = parts.port or (443 if safe else 80)
    if not to.secure:
        return await _opened(host, port, **how)
    opened, tunnel = await loop.create_connection(_Tunnel, host, port, **how)
    try:
        await tunnel.open(f"{to.host if ':' not in to.host else f'[{to.host}]'}:{to.port}", _login(proxy))
        connection = Connection()
        secured = await loop.start_tls(opened, connection, trusted(), server_hostname=to.host)
    except BaseException:
        opened.abort()
        raise
    if secured is None:
        raise Unreachable("the proxy closed the tunnel")
    connection.connection_made(secured)
    return connection


class _Tunnel(asyncio.Protocol):
    """The short talk with a proxy before TLS begins."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._came = b""
        self._status: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    async def open(self, authority: str, headers: dict[str, str]) -> None:
        """Asks for the way to a host and port. Raises Unreachable where the proxy does not give it."""
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", *(f"{n}: {v}" for n, v in headers.items())]
        self._transport.write("\r\n".join([*lines, "", ""]).encode())
        status = (await self._status).split(b" ", 2)
        if len(status) < 2 or status[1] != b"200":
            told = b" ".join(status[1:]).decode("latin-1")[:100]
            raise Unreachable(f"the proxy gives no way there: {told or 'it said nothing'}")

    def data_received(self, data: bytes) -> None:
        self._came += data
        if not self._status.done() and (b"\r\n\r\n" in self._came or len(self._came) > 10_000):
            self._status.set_result(self._came.partition(b"\r\n")[0])

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        if not self._status.done():
            self._status.set_result(b"")


def _login(proxy: str) -> dict[str, str]:
    """What a proxy is told of who asks; never shown."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """Whom to believe who they are: as the SDKs have it, and slow to load, so it is made once."""
    import httpx2

    return httpx2.create_ssl_context()
