"""What stands in for vLLM where there is no GPU: an engine in a replica's process, and a server that a command starts.

Both answer with their process's number before what was asked. A prompt of ``wait N`` is answered after N seconds, and
``die`` ends the process.
"""

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prefgen.errors import RunError
from prefgen.llm.engines import Served
from prefgen.llm.request import Model

SOON = 20.0
"""Seconds in which what was ended is gone."""
Told = tuple[int, Mapping[str, str], bytes]


def asked(body: bytes) -> str:
    return str(json.loads(body)["messages"][-1]["content"])


def answer(body: bytes) -> bytes:
    """As OpenAI's protocol has it."""
    text = f"{os.getpid()} {asked(body)}"
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    return json.dumps({"id": "1", "model": "stand-in", "choices": [choice], "usage": usage}).encode()


def gone(pid: int) -> bool:
    """Whether a process has ended within some seconds."""
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if (status := Path(f"/proc/{pid}/status")).exists() and "State:\tZ" in status.read_text():
            return True
        time.sleep(0.1)
    return False


def waits(body: bytes) -> float:
    return float(asked(body).removeprefix("wait ")) if asked(body).startswith("wait ") else 0.0


class StandIn:
    """An engine; a model named ``cannot`` does not start, and one named by a file writes there that it was closed."""

    def __init__(self, model: Model) -> None:
        self.model, self.alive = model, True

    async def start(self) -> None:
        if self.model.id == "cannot":
            raise RunError("vllm/cannot does not start: OutOfMemoryError: CUDA out of memory")

    async def ask(self, body: bytes, seconds: float) -> Told:
        await asyncio.sleep(waits(body))
        if asked(body) == "gpus":
            body = body.replace(b"gpus", os.environ.get("CUDA_VISIBLE_DEVICES", "none").encode())
        self.alive = asked(body) != "die"
        return 200, {}, answer(body)

    async def close(self) -> None:
        if self.model.id.startswith("/"):
            Path(self.model.id).write_text("closed")  # noqa: ASYNC240


def served(model: Model) -> Served:
    """The server below, as vLLM's is started."""
    return Served(lambda port: [sys.executable, __file__, str(port), model.id], model.use)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._say(200 if self.path == "/health" else 404, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != f"Bearer {os.environ['VLLM_API_KEY']}":
            self._say(401, b'{"error": "Unauthorized"}')
        elif asked(body) == "die":  # its connections first, as a process does that is slow to end
            self.connection.shutdown(socket.SHUT_RDWR)
            time.sleep(0.3)
            os._exit(1)
        else:
            time.sleep(waits(body))
            self._say(200, answer(body))

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def main(port: int, name: str) -> None:
    if name == "cannot":
        sys.stderr.write("INFO loading\nValueError: No available memory for the cache blocks.\nbye\n")
        sys.exit(1)
    if name.startswith("/"):
        Path(name).write_text(str(os.getpid()))
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
