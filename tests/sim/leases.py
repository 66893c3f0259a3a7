"""Several workers on one ``Permits``, each behind a wire of its own, on a virtual clock: so that every second is exact."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prefgen.errors import TryAgain
from prefgen.llm.leased import Leases
from prefgen.llm.limits import NO_LIMITS, Limits
from prefgen.llm.pace import Pace, Turn
from prefgen.llm.permits import Permits
from prefgen.llm.request import Model
from tests.sim import virtual


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class World:
    """One Permits, and what a provider sees: ``seen`` are the times at which requests came, each with its worker. A word
    over the wire takes up to ``wire`` seconds each way; ``answer`` may refuse a request, by its time and worker. A worker ``alone`` has
    gates of its own.
    """

    workers: int = 4
    wire: float = 0.004
    latency: float = 0.3
    limits: Limits = NO_LIMITS
    tokens: int = 0
    answer: Callable[[float, str], None] = lambda at, worker: None
    how: dict[str, Any] = field(default_factory=dict)
    alone: bool = False

    def __post_init__(self) -> None:
        self.permits = Permits(workers=self.workers, clock=now, **self.how)
        self.chance = random.Random(1)
        self.seen: list[tuple[float, str]] = []
        self.asked: Counter[str] = Counter()
        self.refused = self.wanted = 0

    async def ask(self, method: str, args: tuple[Any, ...]) -> Any:
        self.asked[method] += 1
        self.wanted = max(self.wanted, args[2] if method == "lease" else 0)
        await asyncio.sleep(self.chance.uniform(0, self.wire))
        found = getattr(self.permits, method)(*args)
        await asyncio.sleep(self.chance.uniform(0, self.wire))
        return found

    def worker(self, number: int, name: str = "") -> Leases:
        limits: dict[str, Any] = {"max_calls": self.permits.max_calls, "max_cost": self.permits.max_cost}
        return Leases(name or f"w{number}", self.ask, workers=self.workers, number=number, **limits)

    async def send(self, worker: Leases, pace: Pace, model: Model) -> None:
        """One request, sent again where it is refused."""
        again = False
        while True:
            try:
                async with pace.turn(model, self.tokens, again=again) as turn:
                    await self.exchange(worker, turn)
                    return
            except TryAgain as fault:
                await asyncio.sleep((fault.wait or 0.0) + self.chance.uniform(0, 1))
                again = True

    async def exchange(self, worker: Leases, turn: Turn) -> None:
        self.seen.append((now(), worker.worker))
        try:
            self.answer(now(), worker.worker)
        except TryAgain:
            self.refused += 1
            raise
        await asyncio.sleep(self.latency * self.chance.uniform(0.5, 1.5))
        turn.limits, turn.used, turn.written = self.limits, 3 * self.tokens, 2 * self.tokens

    async def press(self, worker: Leases, model: Model, seconds: float, depth: int = 0) -> None:
        """Has always more to send, until its time is over."""
        pace = Pace() if self.alone else Pace(worker.gate_of)
        under_way, until = set[asyncio.Task[None]](), now() + seconds
        depth = depth or max(30, 600 // self.workers)
        try:
            while now() < until:
                while len(under_way) < depth:
                    under_way.add(task := asyncio.ensure_future(self.send(worker, pace, model)))
                    task.add_done_callback(under_way.discard)
                await asyncio.sleep(0.05)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    def run(self, model: Model, seconds: float) -> list[int]:
        """Requests in each full second, of all workers under pressure."""

        async def go() -> None:
            many = [self.worker(number) for number in range(self.workers)]
            await asyncio.gather(*(self.press(one, model, seconds) for one in many))
            for one in many:
                await one.close()

        virtual.run(go())
        return self.seconds(int(seconds))

    def seconds(self, until: int) -> list[int]:
        counts = Counter(int(at) for at, _ in self.seen)
        return [counts[second] for second in range(until)]
