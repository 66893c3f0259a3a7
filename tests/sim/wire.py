"""A provider as a test wants it: every fault of the table, at random times, and a ledger of what was paid for."""

import asyncio
import json
import random
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from prefgen.errors import PrefgenError
from prefgen.llm import faults
from prefgen.llm.fake import Fake
from prefgen.llm.prices import dollars, most_sent
from prefgen.llm.request import Completion, Price, Raw, Request, Sent, Usage
from tests.fakes import writes

PLACE = faults.Place("fake/it", "http://127.0.0.1:1/v1")
PRICE: Price = {"input": 1.0, "output": 4.0}
MOST_TOKENS = 60


@dataclass
class Ledger:
    """What the provider saw and billed, by draw (a draw's seed is of its own)."""

    sent: int = 0
    delivered: Counter[int] = field(default_factory=Counter)
    billed: float = 0.0
    maybe: Counter[int] = field(default_factory=Counter)
    in_flight: Counter[int] = field(default_factory=Counter)
    after_the_end: int = 0
    ended: bool = False
    tried: Counter[int] = field(default_factory=Counter)


class Wire(Fake):
    """A Provider that fails by chance, but never so often in a row that a row is lost by it."""

    def __init__(self, ledger: Ledger, chance: random.Random, *, trouble: float, spent_at: int | None = None) -> None:
        super().__init__({})
        self.ledger, self.chance, self.trouble, self.spent_at = ledger, chance, trouble, spent_at
        self.dead = False

    def limit(self, model: object) -> int | None:
        return MOST_TOKENS

    async def send(self, request: Request, seeds: Sequence[int]) -> Sent:
        ledger = self.ledger
        ledger.sent += 1
        ledger.after_the_end += ledger.ended
        ledger.in_flight.update(seeds)
        try:
            await self._trouble(request, seeds)
            await asyncio.sleep(self.chance.lognormvariate(0.5, 0.7))
            return self._deliver(request, seeds)
        finally:
            if not self.dead:
                ledger.in_flight.subtract(seeds)

    async def _trouble(self, request: Request, seeds: Sequence[int]) -> None:
        """A fault, sometimes; what a row's own text brings about comes each time."""
        if self.spent_at is not None and self.ledger.sent > self.spent_at:
            self.ledger.ended = True
            raise _status(429, {"error": {"type": "insufficient_quota", "code": "credit_balance_exhausted"}})
        if zlib.crc32(str(request.messages[-1]["content"]).encode()) % 29 == 0:
            raise _status(400, {"error": {"code": "content_filter", "message": "no"}})
        self.ledger.tried[seeds[0]] += 1
        if self.ledger.tried[seeds[0]] % 2 == 0 or self.chance.random() > self.trouble:
            return
        kind = self.chance.choice(["slow", "later", "over", "broken", "hung", "reset", "cut", "garbled"])
        await asyncio.sleep(self.chance.uniform(0.01, 1.0))
        if kind == "hung":
            self._bill(request, seeds)
            await asyncio.sleep(1e6)
        if kind in {"cut", "garbled"}:
            self._bill(request, seeds)
        raise {
            "slow": _status(429, {"error": {"code": "rate_limit_exceeded"}}),
            "later": _status(429, {"error": {"code": "rate_limit_exceeded"}}, {"retry-after": "3"}),
            "over": _status(529, {"error": {"type": "overloaded_error"}}),
            "broken": _status(500, {}),
            "reset": faults.of_exception(ConnectionResetError("reset"), PLACE),
            "cut": faults.of_exception(ConnectionResetError("cut"), PLACE),
            "garbled": faults.bad_body("fake/it", "no JSON came"),
        }[kind]

    def _bill(self, request: Request, seeds: Sequence[int]) -> None:
        """A reply that is paid for and never arrives: as long as it may be."""
        if not self.dead:
            self.ledger.maybe.update(seeds)
            self.ledger.billed += dollars(PRICE, Usage(most_sent(request), MOST_TOKENS * len(seeds))) or 0.0

    def _deliver(self, request: Request, seeds: Sequence[int]) -> Sent:
        some = seeds[: self.chance.randint(1, len(seeds))] if self.chance.random() < self.trouble else seeds
        raws = [self._raw(request, seed, place) for place, seed in enumerate(some)]
        if not self.dead:
            self.ledger.delivered.update(some)
            self.ledger.billed += sum((dollars(PRICE, self.usage(raw)) or 0.0 for raw in raws), 0.0)
        return Sent(raws)

    def _raw(self, request: Request, seed: int, place: int) -> Raw:
        """Its words depend on what was asked alone."""
        written = writes(request, seed)
        done = written if isinstance(written, Completion) else Completion(written)
        usage = {"prompt": 0 if place else 20, "completion": 20 + seed % (MOST_TOKENS - 20)}
        finish = "length" if seed % 31 == 0 else "stop"
        choice = {"text": done.text, "finish": finish, "logprobs": []}
        return {"choice": choice, "usage": usage, "model": "it", "id": ""}


def _status(status: int, body: object, headers: dict[str, str] | None = None) -> PrefgenError:
    return faults.of_status(status, headers or {}, json.dumps(body).encode(), PLACE)
