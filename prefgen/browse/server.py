"""A run in the browser, on this machine alone: the page, the pairs that it asks for, and the marks that it saves.

Nobody else reads or writes: the server listens on loopback, a request names this very server as its host (a name that
somebody points here does not), nothing is given to other origins, and a mark comes with the token that stands in the
page and in no other place. Of the run nothing is changed but its marks.
"""

import asyncio
import math
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from prefgen.browse.finding import Filters, GoOn
from prefgen.browse.marks import SAYS
from prefgen.browse.viewer import Viewer
from prefgen.errors import PrefgenError, RunError
from prefgen.html.page import page, served_policy

HOST = "127.0.0.1"
NAMES = frozenset({HOST, "localhost"})
"""What this machine is called."""
TOKEN = "x-prefgen-token"  # noqa: S105  # the header's name
MOST_ROWS = 200
"""Pairs in one answer."""
MOST_BYTES = 16_000_000
"""Of a request's body: a mark with its text."""
LOOKS = 0.1
"""Seconds after which it is looked whether anybody still waits."""
CHARACTERS = 20_000
"""Of each text in a page of pairs; one pair by itself comes whole."""


class _Anything(StringConvertor):
    """A part of a path that may be any text; Starlette's own ones end at the end of a line."""

    regex = r"[\s\S]+"


register_url_convertor("anything", _Anything())

Answer = Callable[[Request], Awaitable[Response]]


def app(folder: Path, port: int) -> Starlette:
    """The application for a run, as it is asked for on this port. Raises RunError where no run is."""
    viewer, token = Viewer(folder), secrets.token_urlsafe(32)
    rows = {"served": True, "token": token, "ending": viewer.ending}
    html = page(viewer.title, viewer.about, [], rows=rows, kind="view")
    routes = [
        Route("/", _shows(html)),
        Route("/api/facets", _reads(lambda _: viewer.table.facets())),
        Route("/api/rows", pages(viewer.page)),
        Route("/api/rows/{id:anything}", _reads(lambda request: _found(viewer.whole(request.path_params["id"])))),
        Route("/api/agreement", _reads(lambda _: viewer.labels.agreement())),
        Route("/api/marks/{id:anything}", _marks(viewer, token), methods=["PUT", "DELETE"]),
    ]
    wrong: Mapping[Any, Any] = {HTTPException: _refused, PrefgenError: _failed, Exception: _failed}
    made = Starlette(routes=routes, exception_handlers=wrong)
    made.router.redirect_slashes = False
    made.add_middleware(_Guarded, port=port, policy=served_policy())
    return made


def bound(port: int) -> socket.socket:
    """A socket on loopback, on this port or on any (0). Raises RunError where it is taken."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((HOST, port))
        found.listen(64)
    except (OSError, OverflowError) as e:
        found.close()
        words = getattr(e, "strerror", None) or str(e)
        raise RunError(f"port {port}: {words}; name another one, or none (--port 0)") from e
    return found


def serve(folder: Path, port: int, ready: Callable[[str], None]) -> None:
    """Serves a run until it is interrupted; ``ready`` is told the address when it can be asked for. Raises RunError
    where no run is, and where the port is taken.
    """
    with closing(bound(port)) as listening:
        port = listening.getsockname()[1]
        made = app(folder, port)
        ready(f"http://{HOST}:{port}/")
        _run(made, listening)


def _run(made: Starlette, listening: socket.socket) -> None:
    import uvicorn

    how: dict[str, Any] = {"log_level": "critical", "access_log": False, "lifespan": "off", "server_header": False}
    server = uvicorn.Server(uvicorn.Config(made, timeout_graceful_shutdown=1, **how))
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:  # which is how it is ended
        return


# --- who may ask ----------------------------------------------------------------------------


class _Guarded:
    """Lets through what names this server as its host, and tells browsers to let nothing else see the answers."""

    def __init__(self, inner: ASGIApp, port: int, policy: str) -> None:
        self.inner = inner
        self.hosts = {f"{name}:{port}".encode() for name in NAMES}
        told = {
            "content-security-policy": f"{policy}; frame-ancestors 'none'",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "no-referrer",
            "cross-origin-resource-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cache-control": "no-store",
        }
        self.headers = [(name.encode(), value.encode()) for name, value in told.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sends(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *self.headers]}
            await send(message)

        if scope["type"] != "http":
            return
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        known = len(hosts) == 1 and hosts[0] in self.hosts
        await (self.inner if known else _said(421, "this server is for this machine alone"))(scope, receive, sends)


def _may_write(request: Request, token: str) -> None:
    """Raises HTTPException for what this server's own page did not send."""
    headers = request.headers
    own = f"http://{headers['host']}"
    if headers.get("origin", own) != own or headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise HTTPException(403, "marks are set by this server's own page alone")
    if not secrets.compare_digest(headers.get(TOKEN, "").encode(), token.encode()):
        raise HTTPException(403, "the page is from an earlier server; load it again")
    if request.method == "PUT" and headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "a mark comes as application/json")


# --- what is answered -----------------------------------------------------------------------


def _shows(html: str) -> Answer:
    async def shows(_: Request) -> Response:
        return HTMLResponse(html)

    return shows


def _reads(read: Callable[[Request], Any]) -> Answer:
    """An answer that is read from disk, in a thread."""

    async def reads(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(read, request))

    return reads


def pages(page: Callable[[Filters, int, int, int, GoOn], Any]) -> Answer:
    """The answers of ``page`` to what is asked for. Where nobody waits for one any more, it is told not to go on."""

    async def answers(request: Request) -> Response:
        asked, gone = request.query_params, threading.Event()
        filters, offset, limit = _filters(asked), _whole(asked, "offset", 0), _whole(asked, "limit", 50)
        how = (filters, offset, min(limit, MOST_ROWS), CHARACTERS, lambda: not gone.is_set())
        work = asyncio.ensure_future(run_in_threadpool(page, *how))
        try:
            while not (await asyncio.wait([work], timeout=LOOKS))[0]:
                if await request.is_disconnected():
                    gone.set()
            return JSONResponse(await work)
        finally:
            gone.set()  # also where the server ends

    return answers


def _marks(viewer: Viewer, token: str) -> Answer:
    """Sets a mark, or takes it away."""

    async def marks(request: Request) -> Response:
        _may_write(request, token)
        pair = request.path_params["id"]
        if request.method == "DELETE":
            await run_in_threadpool(viewer.labels.take_back, pair)
            return JSONResponse({"mark": None})
        said = await _body(request)
        mark = await run_in_threadpool(viewer.labels.mark, pair, said["mark"], str(said.get("text") or ""))
        return JSONResponse({"mark": _found(mark)})

    return marks


async def _body(request: Request) -> Mapping[str, Any]:
    """The mark that was sent. Raises HTTPException for another thing, and for too much."""
    import orjson

    data = b""
    async for part in request.stream():
        data += part
        if len(data) > MOST_BYTES:
            raise HTTPException(413, f"over {MOST_BYTES // 1_000_000} MB are no mark")
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        said = None
    if not (isinstance(said, dict) and said.get("mark") in SAYS):
        raise HTTPException(400, f'a mark is {{"mark": "agree", "text": ""}}, or one of {", ".join(SAYS[1:])}')
    return said


def _found(value: Any) -> Any:
    if value is None:
        raise HTTPException(404, "there is no such pair in this run")
    return value


def _filters(asked: Mapping[str, str]) -> Filters:
    """The filters of a query; what is not known is not looked at. Raises HTTPException for what is no number."""
    said: dict[str, Any] = {
        name: asked[name] for name in ("q", "category", "reason", "state", "mark", "sort") if name in asked
    }
    said |= {name: _number(asked[name], name) for name in ("min_gap", "max_gap") if asked.get(name)}
    try:
        return Filters(**said, disagreement={"true": True, "false": False}.get(asked.get("disagreement", "")))
    except RunError as e:
        raise HTTPException(400, str(e)) from e


def _number(text: str, name: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if math.isnan(found):
        raise HTTPException(400, f"{name} is '{text:.60}'; name a number")
    return found


def _whole(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise HTTPException(400, f"{name} is '{text:.60}'; name a whole number")
    return int(text)


def _said(status: int, words: str) -> Response:
    return JSONResponse({"error": words}, status)


async def _refused(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return JSONResponse({"error": getattr(error, "detail", str(error))}, status, headers=headers)


async def _failed(_: Request, error: Exception) -> Response:
    return _said(500, str(error) or type(error).__name__)
