"""A worker's budget, of money and requests that are lent to it in small amounts (``prefgen.llm.permits``)."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Literal

from prefgen.errors import BudgetReached
from prefgen.llm.budget import Budget
from prefgen.llm.permits import LEASE
from prefgen.llm.terms import Account, Ending, Loan

Borrow = Callable[[Account, int, float, float], Awaitable[Loan]]
"""Asks ``Permits.money``: with an account, calls, and the least and the most dollars that are wanted."""
Begin = Callable[[Awaitable[None]], None]
"""Lets something go on by itself."""
Verdict = Ending | Literal["look", "go"]

AGAIN = 0.1
"""Seconds after which it is asked again for money that others may leave."""
IDLE = 1.0
"""Seconds after which money that nobody needed is given back: others may."""


class LeasedBudget(Budget):
    """A Budget whose ``max_calls`` and ``max_cost`` are limits on all workers together; ``calls`` and ``spent`` are
    this worker's. It holds a purse of some requests' worth, and asks for more before that is empty.
    """

    def __init__(self, borrow: Borrow, begin: Begin, max_calls: int | None, max_cost: float | None) -> None:
        super().__init__(max_calls, max_cost)
        self._borrow, self._begin = borrow, begin
        self._purse, self._purse_calls = 0.0, 0
        self._needs: dict[asyncio.Future[Verdict], float] = {}
        self._told = Loan(0.0, 0, "lent", 0.0, 0, float("inf") if max_cost is None else max_cost)
        self._asking, self._moved = False, asyncio.Event()
        self._idle: asyncio.TimerHandle | None = None
        self._used = 0.0

    @property
    def left(self) -> float:
        """Dollars that this worker may count on: its purse, and its share of those that nobody has claimed, as last
        heard.
        """
        return float("inf") if self.max_cost is None else self._purse + self._told.left

    @property
    def waiting(self) -> int:
        """Requests that wait for money which others may leave."""
        return len(self._needs)

    # --- as a Budget's ---

    async def reserve(self, worst: float) -> None:
        """Takes one request out of the purse, when there is enough in it. Raises BudgetReached where nobody has so
        much, nor will leave it.
        """
        while not self._fits(worst):
            if not self._asking:
                self._ask(self._filled())
            verdict = await self._verdict(worst)
            if verdict == "go":
                self.hold(worst)
                return
            if verdict in {"no_money", "no_calls"}:
                raise self.reached(worst) if verdict == "no_money" else self._all_sent()
        self.hold(worst)
        self.calls, self._purse_calls = self.calls + 1, self._purse_calls - 1
        self._used = asyncio.get_running_loop().time()
        if self._is_low(worst) and not self._asking and self._told.state == "lent":
            self._ask(self._topped_up(worst))
        self._watch()

    def hold(self, worst: float) -> None:
        """Sets aside what is under way, even past what is in the purse."""
        self.open, self.set_aside, self._purse = self.open + 1, self.set_aside + worst, self._purse - worst

    def settle(self, worst: float, cost: float) -> None:
        """Gives back what was set aside, and books what it came to."""
        self.open, self.spent, self._purse = self.open - 1, self.spent + cost, self._purse + worst - cost
        self.set_aside = self.set_aside - worst if self.open else 0.0
        self._tell("look")
        self._moved.set()
        self._watch()

    def reached(self, worst: float | None = None) -> BudgetReached:
        """What is said where the next request could pass the limit, with what all workers have spent."""
        return Budget(self.max_calls, self.max_cost, spent=max(self._told.spent, self.spent)).reached(worst)

    def let_go(self) -> None:
        """Nothing more is sent: those who wait go on without money, to learn it."""
        self._tell("go")

    def account(self, *, keeps: bool = True) -> Account:
        """What there is to tell: what was done, and what is kept of what was lent. What is not in the purse is the
        lender's again from now on, and what is set aside past it is claimed.
        """
        self._purse = max(0.0, self._purse) if keeps else 0.0
        self._purse_calls = self._purse_calls if keeps else 0
        return Account(self.spent, self.calls, self.set_aside + self._purse, self._purse_calls)

    # --- the purse ---

    def _fits(self, worst: float) -> bool:
        money = self.max_cost is None or worst <= self._purse
        return money and (self.max_calls is None or self._purse_calls > 0)

    def _is_low(self, worst: float) -> bool:
        money = self.max_cost is not None and self._purse < worst * LEASE / 2
        return money or (self.max_calls is not None and self._purse_calls < LEASE / 2)

    def _ask(self, work: Awaitable[None]) -> None:
        self._asking = True
        self._begin(work)

    async def _filled(self) -> None:
        """Asks until one of those who wait can go, or none ever will. All the rest is given back with the question: the
        same may be wanted by others who wait with a rest of their own, and none of them would go.
        """
        try:
            while self._needs:
                least = min(self._needs.values())
                want = max(LEASE * least, sum(islice(self._needs.values(), LEASE)))
                state = await self._lent(self.account(keeps=False), LEASE, least, want)
                if state != "wait":
                    self._tell(state, least)
                    return
                await self._pause()
        finally:
            self._asking = False

    async def _topped_up(self, worst: float) -> None:
        """Asks for what is needed next, before it is."""
        try:
            await self._lent(self.account(), LEASE, worst, LEASE * worst)
            self._tell("look")
        finally:
            self._asking = False

    async def _lent(self, account: Account, calls: int, least: float, want: float) -> Ending:
        loan = self._told = await self._borrow(account, calls, least, want)
        self._purse, self._purse_calls = self._purse + loan.dollars, self._purse_calls + loan.calls
        self._used = asyncio.get_running_loop().time()
        self._watch()
        return loan.state

    async def _pause(self) -> None:
        """Until others may have left some, or a request of this worker has."""
        self._moved.clear()
        try:
            async with asyncio.timeout(AGAIN):
                await self._moved.wait()
        except TimeoutError:
            return

    # --- those who wait ---

    async def _verdict(self, worst: float) -> Verdict:
        waiting: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._needs[waiting] = worst
        try:
            return await waiting
        finally:
            del self._needs[waiting]

    def _tell(self, verdict: Verdict, least: float = 0.0) -> None:
        """Tells those who wait; those who came with less since it was asked are to look again."""
        for waiting, worst in self._needs.items():
            if not waiting.done():
                waiting.set_result("look" if worst < least else verdict)

    def _all_sent(self) -> BudgetReached:
        sent = max(self._told.total, self.max_calls or 0)
        return BudgetReached(f"{sent:,} requests sent, the limit of --max-calls")

    # --- what nobody needs ---

    def _watch(self, seconds: float = IDLE) -> None:
        """Looks, in a while, whether the purse is needed."""
        if self._idle is None and (self._purse > 0 or self._purse_calls > 0):
            self._idle = asyncio.get_running_loop().call_later(seconds, self._looked)

    def _looked(self) -> None:
        self._idle = None
        rest = self._used + IDLE - asyncio.get_running_loop().time()
        if rest > 0 or self._asking:
            self._watch(rest if rest > 0 else IDLE)
        else:
            self._ask(self._returned())

    async def _returned(self) -> None:
        try:
            self._told = await self._borrow(self.account(keeps=False), 0, 0.0, 0.0)
            self._tell("look")
        finally:
            self._asking = False

    async def close(self) -> None:
        """Gives all back but what is set aside, and tells what was spent."""
        if self._idle:
            self._idle.cancel()
        await self._returned()
