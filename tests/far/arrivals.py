"""The bench's server, which also writes down when each request came: python -m tests.far.arrivals; it prints its address.

``GET /arrivals`` gives them as JSON, in seconds of its own clock.
"""

import asyncio
import json
import sys
import time

from bench.server import Connection, Server, runner

LATENCY = 0.1
"""Seconds that a reply takes."""


class Arrivals(Server):
    """What all connections share."""

    def __init__(self) -> None:
        super().__init__()
        self.counted.latency = LATENCY
        self.times: list[float] = []

    def answer(self, head: bytes, body: bytes, to: Connection) -> None:
        if head.startswith(b"GET /arrivals "):
            to.send(b"200 OK", json.dumps(self.times).encode())
            return
        self.times.append(time.monotonic())
        super().answer(head, body, to)


async def serve() -> None:
    """Serves until the process ends."""
    shared = Arrivals()
    found = await asyncio.get_running_loop().create_server(lambda: Connection(shared), "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"http://127.0.0.1:{found.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with found:
        await found.serve_forever()


if __name__ == "__main__":
    with runner() as loop:
        loop.run(serve())
