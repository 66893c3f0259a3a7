"""A run's server in a thread of this process, and a client that says exactly what it is told to."""

import http.client
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn
from starlette.applications import Starlette

from prefgen.browse.server import app, bound


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Client:
    """Asks the server on a port of loopback."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = {}) -> Answer:
        """One request; a body that is no bytes goes as JSON. Headers of None are not sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.putrequest(method, path, skip_host="host" in headers)
            for name, value in headers.items():
                connection.putheader(name, value)
            if data is not None:
                connection.putheader("content-length", str(len(data)))
            connection.endheaders(data)
            came = connection.getresponse()
            return Answer(came.status, {k.lower(): v for k, v in came.getheaders()}, came.read().decode())
        finally:
            connection.close()

    def get(self, path: str, **query: Any) -> Any:
        """JSON that must come."""
        came = self.ask("GET", f"{path}?{urlencode(query)}" if query else path)
        assert came.status == 200, came
        return came.json

    def token(self) -> str:
        """That of the page."""
        found = re.search(r'"token":"([\w-]+)"', self.ask("GET", "/").text)
        assert found
        return found[1]

    def mark(self, pair: str, mark: str, text: str = "", **headers: str) -> Answer:
        """Sets a mark as the page does."""
        own = {"content-type": "application/json", "x-prefgen-token": self.token(), "origin": self.url[:-1]}
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("PUT", f"/api/marks/{pair}", {"mark": mark, "text": text}, own | more)


@contextmanager
def serving(folder: Path) -> Iterator[Client]:
    """The server of a run, as ``prefgen view`` has it, on a port of its own."""
    with listening_to(lambda port: app(folder, port)) as client:
        yield client


@contextmanager
def listening_to(made: Starlette | Callable[[int], Starlette]) -> Iterator[Client]:
    """An application, or what makes it for a port, on loopback."""
    listening = bound(0)
    client = Client(listening.getsockname()[1])
    how: dict[str, Any] = {"log_level": "critical", "lifespan": "off"}
    try:
        ready = made if isinstance(made, Starlette) else made(client.port)
    except BaseException:
        listening.close()
        raise
    server = uvicorn.Server(uvicorn.Config(ready, timeout_graceful_shutdown=1, **how))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield client
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
