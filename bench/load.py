"""How much the server can take: processes that ask as fast as raw sockets can, on connections kept alive.

python bench/load.py [PROCESSES] [CONNECTIONS] [REQUESTS]
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.server import runner

PROMPT = "Why is a short proof that everybody understands worth more than a long one that nobody reads? " * 3
BODY = '{"model":"m","messages":[{"role":"user","content":"%d. %s"}],"temperature":0.7,"max_tokens":256,"seed":%d}'


def asked(number: int) -> bytes:
    """One request, as W1 sends it."""
    body = (BODY % (number, PROMPT, number)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Asker(asyncio.Protocol):
    """One connection: the next request goes when the whole reply is there."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self.left, self.missing = iter(requests), 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._next()

    def _next(self) -> None:
        request = next(self.left, None)
        if request is None:
            self.transport.close()
            self.done.set_result(None)
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if not self.missing:
            head, _, body = data.partition(b"\r\n\r\n")
            self.missing = int(head.rpartition(b"content-length: ")[2]) - len(body)
        else:
            self.missing -= len(data)
        if not self.missing:
            self._next()


async def _ask(address: str, connections: int, requests: int, first: int) -> None:
    at, loop = urlsplit(address), asyncio.get_running_loop()
    host, port = at.hostname or "", at.port or 0
    each = [[asked(first + n) for n in range(i, requests, connections)] for i in range(connections)]
    pairs = [await loop.create_connection(partial(_Asker, own), host, port) for own in each]
    await asyncio.gather(*(protocol.done for _, protocol in pairs))


def _process(address: str, connections: int, requests: int, first: int) -> None:
    with runner() as loop:
        loop.run(_ask(address, connections, requests, first))


def load(address: str, processes: int = 2, connections: int = 64, requests: int = 20_000) -> float:
    """Sends so many requests over so many connections, from several processes. Gives the seconds that it took."""
    with ProcessPoolExecutor(processes) as pool:
        for _ in pool.map(abs, range(processes)):  # they are there
            pass
        began, share, wide = time.perf_counter(), requests // processes, connections // processes
        for done in [pool.submit(_process, address, wide, share, i * share) for i in range(processes)]:
            done.result()
        return time.perf_counter() - began


if __name__ == "__main__":
    from bench.measure import serving

    how = [int(one) for one in sys.argv[1:]]
    with serving() as server:
        seconds = load(server.address, *how)
        found = server.counters()
        print(
            f"{found['requests'] / seconds:,.0f} requests/s, {found['cpu'] / found['requests'] * 1e6:.0f} us CPU each"
        )
