"""A provider with a limit that it does not tell, and clients under pressure: how much of it they use, how often refused."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefgen.errors import TryAgain
from prefgen.llm.client import Client
from prefgen.llm.fake import Fake
from prefgen.llm.journal import Journal
from prefgen.llm.outcome import Tally
from prefgen.llm.request import Model, Provider, Request, Sent
from tests.sim import virtual
from tests.sim.disk import Disk, SimStore

REFUSAL = 0.05
"""Seconds until a refusal comes."""


@dataclass
class Bucket:
    """A token bucket: ``rpm`` requests a minute, of which ``burst`` seconds' worth may come at once."""

    rpm: float
    burst: float
    retry_after: float | None = None

    def __post_init__(self) -> None:
        self.rate = self.rpm / 60
        self.room = max(1.0, self.rate * self.burst)
        self.level, self.at = self.room, 0.0
        self.served = self.refused = 0

    def takes(self, now: float) -> bool:
        self.level = min(self.room, self.level + (now - self.at) * self.rate)
        self.at = now
        taken = self.level >= 1
        self.level -= taken
        self.served, self.refused = self.served + taken, self.refused + (not taken)
        return taken


@dataclass(frozen=True)
class Pressed:
    """``use`` is served over allowed, ``refusals`` refused over sent."""

    use: float
    refusals: float


class Limited(Fake):
    """A Provider behind a bucket; replies take two seconds, by the median."""

    def __init__(self, bucket: Bucket, chance: random.Random) -> None:
        super().__init__({})
        self.bucket, self.chance = bucket, chance

    async def send(self, request: Request, seeds: Sequence[int]) -> Sent:
        await asyncio.sleep(REFUSAL)
        if not self.bucket.takes(asyncio.get_running_loop().time()):
            raise TryAgain("rate_limited", "slow down", attempts=0, wait=self.bucket.retry_after)
        await asyncio.sleep(self.chance.lognormvariate(math.log(2), 0.5))
        raw = {"choice": {"text": "so", "finish": "stop", "logprobs": []}, "usage": {"prompt": 9, "completion": 9}}
        return Sent([{**raw, "model": "x", "id": ""}])


class LimitedClient(Client):
    """The real client, in front of a bucket."""

    limited: Limited

    def provider(self, model: Model) -> Provider:
        return self.limited


def prefgen(limited: Limited) -> Callable[[int], Awaitable[None]]:
    """As prefgen sends: paced, retried, journaled."""
    journal = Journal(Path("limiter"), store=SimStore(Disk(random.Random(0)), Path("limiter")))
    client = LimitedClient(journal, chance=random.Random(1))
    client.limited = limited
    model = Model("openai/x", concurrency=512)

    async def send(number: int) -> None:
        await client.draw(Request(model, [{"role": "user", "content": f"{number}"}]), [0], Tally())

    return send


def fixed(places: int) -> Callable[[Limited], Callable[[int], Awaitable[None]]]:
    """So many in flight, whatever comes; what is refused is sent again after a second."""

    def of(limited: Limited) -> Callable[[int], Awaitable[None]]:
        gate = asyncio.Semaphore(places)
        request = Request(Model("openai/x"), [])

        async def send(number: int) -> None:
            async with gate:
                while True:
                    try:
                        await limited.send(request, [number])
                    except TryAgain as fault:
                        await asyncio.sleep(fault.wait or 1.0)
                    else:
                        return

        return send

    return of


def pressed(
    bucket: Bucket, how: Callable[[Limited], Callable[[int], Awaitable[None]]], seconds: float = 900.0
) -> Pressed:
    """What becomes of a bucket where there is always more to send."""

    async def go() -> None:
        send, loop, number = how(Limited(bucket, random.Random(2))), asyncio.get_running_loop(), 0
        under_way: set[asyncio.Task[None]] = set()
        while loop.time() < seconds:
            while len(under_way) < 2000:
                task = asyncio.ensure_future(send(number))
                number += 1
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            await asyncio.sleep(0.5)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    virtual.run(go())
    return Pressed(bucket.served / (bucket.rate * seconds), bucket.refused / (bucket.served + bucket.refused))
