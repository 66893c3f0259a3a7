"""What a replica runs, in a process of its own on some machine: vLLM's server, or a local model.

vLLM is started by its command and asked over HTTP, which stay from version to version; its Python modules move. The
server listens on this machine alone, and wants a key that is drawn here.
"""

import asyncio
import http.client
import json
import os
import secrets
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Protocol

from prefgen.errors import RunError
from prefgen.llm.connections import Connections, head, route
from prefgen.llm.guarded import Guarded
from prefgen.llm.http1 import Late, Trouble
from prefgen.llm.local import Loaded, context_of
from prefgen.llm.replica import settings
from prefgen.llm.request import Model
from prefgen.llm.weights import pull

Told = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body, as an HTTP server answers."""
STARTS = 3600.0
"""Seconds that a server may take to its first answer: weights of hundreds of gigabytes may have to be fetched first."""
LOOKS, NOTICED = 0.25, 2.0
"""Seconds between two looks at a server that starts, and until a dead one is seen to be dead."""
NOT_SENT = frozenset({"replicas", "threads"})
"""Settings of an engine that are prefgen's own."""


class Engine(Protocol):
    """One engine, made and used in a process of its own. It speaks OpenAI's chat completions, without the wire."""

    @property
    def alive(self) -> bool:
        """Whether it can be asked; the process of one that cannot is ended, and another one started."""

    async def start(self) -> None:
        """Loads the model. Raises RunError with the reason where it cannot."""

    async def ask(self, body: bytes, seconds: float) -> Told:
        """What is answered to the JSON of a request."""

    async def close(self) -> None:
        """Lets go of all that it holds."""


def engine(model: Model) -> Engine:
    """What runs this model."""
    return LocalEngine(model) if model.provider == "local" else Served(lambda port: command(model, port), model.use)


def gpus(model: Model) -> int:
    """GPUs of one replica."""
    said = settings(model)
    own = said.get("tensor_parallel_size", 1) * said.get("pipeline_parallel_size", 1)
    return 0 if model.provider == "local" else own


def command(model: Model, port: int) -> list[str]:
    """How vLLM's server is started on a machine where it is installed. Raises RunError on another."""
    if find_spec("vllm") is None:
        where = f"vLLM is not installed on {socket.gethostname()}"
        raise RunError(f"{model.use}: {where}; pip install 'prefgen[vllm]' there, or name servers in base_urls")
    return [sys.executable, "-m", "vllm.entrypoints.cli.main", *arguments(model, port)]


def arguments(model: Model, port: int) -> list[str]:
    """What its command is told. Each value stands behind its name's ``=``, so that none can be a flag."""
    own = {name: value for name, value in sorted(settings(model).items()) if name not in NOT_SENT}
    flags = [_flag(name.replace("_", "-"), value) for name, value in own.items()]
    several = ["--distributed-executor-backend=mp"] if gpus(model) > 1 else []
    here = ["--host=127.0.0.1", f"--port={port}", f"--served-model-name={model.id}"]
    return ["serve", model.id, *here, *several, *flags]


def _flag(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name}={value}"


class Served:
    """A server of OpenAI's protocol, started by a command for a port of this machine."""

    def __init__(self, command: Callable[[int], Sequence[str]], name: str) -> None:
        self._command, self._name = command, name
        self._process: Guarded | None = None
        self._connections: Connections | None = None

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.alive

    async def start(self) -> None:
        """Starts the server and waits until it is healthy."""
        port, key = free_port(), secrets.token_hex(16)
        env = {**os.environ, "VLLM_API_KEY": key, "VLLM_NO_USAGE_STATS": "1"}
        self._process = Guarded(self._command(port), env)
        until = asyncio.get_running_loop().time() + STARTS
        while not await asyncio.to_thread(healthy, port):
            if not self._process.alive or asyncio.get_running_loop().time() > until:
                raise RunError(f"{self._name} does not start: {self._process.last()}")
            await asyncio.sleep(LOOKS)
        self._reach(port, key)

    def _reach(self, port: int, key: str) -> None:
        self._connections = Connections()
        self._route = route(f"http://127.0.0.1:{port}/v1/chat/completions")
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        self._head = head(self._route, headers)

    async def ask(self, body: bytes, seconds: float) -> Told:
        """What the server answers; 504 where it took too long, 502 where its connection broke."""
        if self._connections is None:
            return said(503, f"{self._name} is not started")
        try:
            answer = await self._connections.ask(self._route, self._head, body, seconds)
        except Late as late:
            return said(504, str(late))
        except Trouble as trouble:
            await self._noticed()
            return said(502, str(trouble))
        return answer.status, answer.headers, answer.body

    async def _noticed(self) -> None:
        """A connection breaks a moment before its process has ended."""
        until = asyncio.get_running_loop().time() + NOTICED
        while self.alive and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(LOOKS / 5)

    async def close(self) -> None:
        """Ends the server, and those that it started."""
        if self._connections:
            await self._connections.close()
        if self._process:
            await asyncio.to_thread(self._process.end)


def healthy(port: int) -> bool:
    """Whether a server of this machine says that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def said(status: int, words: str) -> Told:
    """An answer that is an error."""
    return status, {}, json.dumps({"error": {"message": words, "code": status}}).encode()


class LocalEngine:
    """A local model (``prefgen.llm.local``), in this process."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @property
    def alive(self) -> bool:
        """It lives as long as its process."""
        return True

    async def start(self) -> None:
        """Loads the weights, and fetches those that are not here."""
        path = await asyncio.to_thread(pull, self._model.id)
        threads = settings(self._model).get("threads")
        self._loaded = await asyncio.to_thread(Loaded, path, context_of(self._model), threads)

    async def ask(self, body: bytes, seconds: float) -> Told:  # noqa: ARG002  # whoever asks gives up by himself
        """What llama.cpp answers."""
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._loaded.pool, self._loaded.answer, json.loads(body))
        error = answer.get("error")
        status = error.get("code", 400) if isinstance(error, dict) else 200
        return int(status), {}, json.dumps(answer).encode()

    async def close(self) -> None:
        """Lets what is being decoded come to its end."""
        await asyncio.to_thread(self._loaded.pool.shutdown)
