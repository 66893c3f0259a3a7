"""Workers of Ray that always have more to send: python -m tests.far.press BASE_URL WORKERS RPM SECONDS.

One named actor holds the limits, as in a run; each worker has a real client.
"""

import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_worker_niceness": "0",
}

import ray

from prefgen.llm.client import Client
from prefgen.llm.journal import Journal
from prefgen.llm.leased import Leases
from prefgen.llm.outcome import Tally
from prefgen.llm.permits import Permits
from prefgen.llm.request import Model, Request

DEPTH = 100
"""Requests of each worker that wait or are under way."""


class Desk:
    """The limits of one run."""

    def __init__(self, **how: Any) -> None:
        self.permits, self.calls, self.began = Permits(**how), 0, time.process_time()
        self.there = 0

    def arrive(self) -> None:
        """One more worker's process is there."""
        self.there += 1

    def arrived(self) -> int:
        """How many are."""
        return self.there

    def call(self, method: str, args: tuple[Any, ...]) -> Any:
        self.calls += 1
        return getattr(self.permits, method)(*args)

    def cost(self) -> tuple[int, float]:
        """Calls, and seconds of CPU."""
        return self.calls, time.process_time() - self.began


@ray.remote(num_cpus=0)
def worker(number: int, workers: int, model: Model, seconds: float) -> tuple[int, float]:
    """Requests that it sent, and seconds of CPU."""
    desk = ray.get_actor("desk")

    async def ask(method: str, args: tuple[Any, ...]) -> Any:
        return await desk.call.remote(method, args)

    async def go() -> int:
        with tempfile.TemporaryDirectory() as folder:
            leases = Leases(f"w{number}", ask, workers=workers, number=number)
            client = leases.client(Journal(Path(folder) / "journal.sqlite"))
            await desk.arrive.remote()
            while await desk.arrived.remote() < workers:  # noqa: ASYNC110  # it is another process's to say
                await asyncio.sleep(0.1)
            await press(client, model, number, seconds)
            await client.close()
            await leases.close()
            client.journal.close()
            return leases.budget.calls

    began = time.process_time()
    return asyncio.run(go()), time.process_time() - began


async def press(client: Client, model: Model, number: int, seconds: float) -> None:
    """Asks until its time is over."""
    loop, tally = asyncio.get_running_loop(), Tally()
    until = loop.time() + seconds

    async def one(line: int) -> None:
        draw = 0
        while loop.time() < until:
            asked = Request(model, [{"role": "user", "content": f"worker {number}, line {line}, {draw}"}])
            await client.draw(asked, [0], tally)
            draw += 1

    await asyncio.gather(*(one(line) for line in range(DEPTH)))


def main(url: str, workers: int, rpm: float, seconds: float) -> None:
    model = Model("openai/m", base_url=f"{url}/v1", rpm=rpm, concurrency=512)
    ray.init(
        address="local",
        include_dashboard=False,
        _node_ip_address="127.0.0.1",
        num_cpus=workers,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        logging_level=logging.WARNING,
    )
    try:
        desk = named(workers)
        calls, _ = ray.get(desk.cost.remote())
        found = ray.get([worker.remote(number, workers, model, seconds) for number in range(workers)])
        calls, cpu = ray.get(desk.cost.remote())
        json.dump(
            {"sent": [one[0] for one in found], "cpu": [one[1] for one in found], "asked": calls, "desk": cpu},
            sys.stdout,
        )
    finally:
        ray.shutdown()


def named(workers: int) -> Any:
    """The limits, in an actor of their own."""
    actor: Any = ray.remote(num_cpus=0)(Desk)
    return actor.options(name="desk").remote(workers=workers)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
