"""Where requests wait for their batch."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from prefgen.llm.batch import ledger
from prefgen.llm.batch.ledger import Record
from prefgen.llm.batch.protocol import Endpoint, Line
from prefgen.llm.request import Model


@dataclass(eq=False)
class Job:
    """A request that waits, and the future of the one who asked. ``sent`` says that its batch is on its way."""

    line: Line
    landed: "asyncio.Future[None]"
    sent: bool = False

    def tell(self, fault: Exception | None = None) -> None:
        """How it ended."""
        if self.landed.done():
            return
        if fault is None:
            self.landed.set_result(None)
        else:
            self.landed.set_exception(fault)
            self.landed.exception()  # where nobody waits any more, that is no fault


@dataclass(eq=False)
class Sent:
    """A batch that is on its way, or back. ``crowded`` says that it was refused, and waits for room."""

    record: Record
    jobs: Sequence[Job]
    crowded: bool = False


@dataclass(eq=False)
class Place:
    """Where one model's requests gather. ``requests`` is how many a batch may have: fewer, once an account's queue was
    too full for more.
    """

    model: Model
    endpoint: Endpoint
    requests: int
    tag: str = field(default_factory=ledger.new_tag)
    jobs: list[Job] = field(default_factory=list)
    size: int = 0
    draws: int = 0
    began: float = 0.0
    moved: float = 0.0
    timer: asyncio.TimerHandle | None = None
    under: "dict[asyncio.Task[None], Sent]" = field(default_factory=dict)

    def taken(self) -> tuple[str, list[Job]]:
        """What has gathered, and its tag; the next batch begins."""
        tag, jobs = self.tag, self.jobs
        self.tag, self.jobs, self.size, self.draws = ledger.new_tag(), [], 0, 0
        if self.timer:
            self.timer.cancel()
            self.timer = None
        return tag, jobs
