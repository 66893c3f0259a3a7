"""What a run may spend: a request's worst price is set aside before it is sent, and what it cost is booked after.

So the limit is never passed, whatever comes back. A fault that may have been billed counts as the worst price.
"""

import asyncio
import math
from collections import deque
from dataclasses import dataclass, field

from prefgen.errors import BudgetReached

SMALL = 0.01
"""Dollars; less is told with more digits."""


@dataclass
class Budget:
    """Limits on requests sent by this run, retries included, and on dollars; None is no limit. ``spent`` starts with
    what earlier runs of the same journal paid.
    """

    max_calls: int | None = None
    max_cost: float | None = None
    calls: int = 0
    spent: float = 0.0
    set_aside: float = 0.0
    open: int = 0
    _waiting: deque["asyncio.Future[None]"] = field(default_factory=deque)

    @property
    def left(self) -> float:
        """Dollars that nobody has claimed."""
        return float("inf") if self.max_cost is None else self.max_cost - self.spent - self.set_aside

    @property
    def waiting(self) -> int:
        """Requests that wait for money which others may leave."""
        return len(self._waiting)

    async def reserve(self, worst: float) -> None:
        """Takes one request out of the budget; where money is only set aside by others, waits for what they leave.
        Raises BudgetReached where there is none left.
        """
        while self.max_calls is None or self.calls < self.max_calls:
            if worst <= self.left:
                self.calls, self.open, self.set_aside = self.calls + 1, self.open + 1, self.set_aside + worst
                return
            if not self.open:
                raise self.reached(worst)
            await self._wait()
        raise BudgetReached(f"{self.calls:,} requests sent, the limit of --max-calls")

    def hold(self, worst: float) -> None:
        """Sets aside what an earlier run sent and is under way still, even past the limit."""
        self.open, self.set_aside = self.open + 1, self.set_aside + worst

    def settle(self, worst: float, cost: float) -> None:
        """Gives back what was set aside, and books what it came to."""
        self.open, self.spent = self.open - 1, self.spent + cost
        self.set_aside = self.set_aside - worst if self.open else 0.0  # sums of fractions leave a rest
        while self._waiting:  # all look again: which of them fits is not known here
            if not (waiting := self._waiting.popleft()).done():
                waiting.set_result(None)

    def let_go(self) -> None:
        """Nothing more is sent. Who waits for money learns it from the next request that ends."""

    async def _wait(self) -> None:
        self._waiting.append(asyncio.get_running_loop().create_future())
        await self._waiting[-1]

    def reached(self, worst: float | None = None) -> BudgetReached:
        """What is said where the next request could pass the limit; it may cost ``worst``, where that is known."""
        spent = f"{dollars(self.spent)} spent of the {dollars(self.max_cost or 0)} that --max-cost allows"
        more = "more" if worst is None else f"the next request, which may cost {dollars(worst)},"
        return BudgetReached(f"{spent}, and {more} could pass it; what was received is kept, raise it to go on")


def dollars(amount: float) -> str:
    """$1,234.5000, and of a small amount two digits that are not nought."""
    digits = 4 if amount == 0 or amount >= SMALL else 1 - math.floor(math.log10(amount))
    return f"${amount:,.{digits}f}"
