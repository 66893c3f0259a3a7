"""When a run ends before its prompts do: the money will be wanted by those under way, or enough is kept.

Prompts are begun in order and come out in order, so that what a run of less makes is a beginning of what the whole one
makes; a target is reached at the same prompt, whatever the concurrency.
"""

import asyncio
from dataclasses import dataclass

import polars as pl

from prefgen.errors import BudgetReached
from prefgen.llm.budget import Budget

FIRST = 4
"""Prompts that are begun before it is known what one costs."""
GROWTH = 2.0
"""After that, so many times as many as are done are begun at most."""
IN_ROUNDS = 100, 1e9
"""The same where a round may take a day: one round to know the cost, and all that the money is good for in the next."""


def pace(*, in_batches: bool) -> tuple[int, float]:
    """How many prompts are begun at first, and how many more each time."""
    return IN_ROUNDS if in_batches else (FIRST, GROWTH)


@dataclass
class Early:
    """How one stage stands. ``table`` is the one whose rows are counted towards ``target``; ``holds`` says that prompts
    wait until those under way tell more.
    """

    budget: Budget
    table: str = ""
    target: int | None = None
    first: int = FIRST
    growth: float = GROWTH
    begun: int = 0
    done: int = 0
    seen: int = 0
    kept: int = 0
    why: BudgetReached | None = None
    holds: bool = False

    def __post_init__(self) -> None:
        self._before, self._moved = self.budget.spent, asyncio.Event()

    @property
    def is_limited(self) -> bool:
        """Whether a run may end between two shards."""
        return self.target is not None or self.budget.max_cost is not None or self.budget.max_calls is not None

    @property
    def enough(self) -> bool:
        """Whether the target is reached."""
        return self.target is not None and self.kept >= self.target

    async def may_begin(self, shard: pl.DataFrame) -> bool:
        """Whether a shard is wanted and can be paid for; waits where those under way will tell."""
        prompts = shard["prompt_id"].n_unique()
        while not (self.enough or self.why):
            wanted = self._wanted()
            if wanted and self._affords(prompts):
                self.begun += prompts
                return True
            if self.begun == self.done:
                self.why = self.budget.reached() if wanted else None
                return False
            self._moved.clear()
            self.holds = True
            await self._moved.wait()
            self.holds = False
        return False

    def _wanted(self) -> bool:
        """Whether those under way are too few, if they keep as much as those before them."""
        if self.target is None:
            return True
        share = self.seen / self.done if self.done else 1.0
        return self.seen + (self.begun - self.done) * share < self.target

    def _affords(self, prompts: int) -> bool:
        """Whether the money lasts for those under way and these as well; those under way are half done, on average."""
        under_way = self.begun - self.done
        if self.budget.max_cost is None or not self.begun:
            return True
        each = (self.budget.spent - self._before) / (self.done + under_way / 2)
        few = self.begun + prompts <= max(self.first, self.growth * self.done)
        needed = each * (under_way / 2 + prompts)  # nothing, where all is known
        return (few or not under_way) and needed <= max(0.0, self.budget.left)

    def ended(self, prompts: int, rows: int = 0, why: BudgetReached | None = None) -> None:
        """A shard has come to its end, with so many rows of the counted table; or ``why`` it could not be finished."""
        self.done, self.seen, self.why = self.done + prompts, self.seen + rows, self.why or why
        self._moved.set()

    def count(self, rows: pl.DataFrame | None) -> str | None:
        """Counts a shard's rows of the table, in the order of the shards. Gives the prompt with which the target is
        reached, if it is here.
        """
        if self.target is not None and rows is not None:
            before, self.kept = self.kept, self.kept + rows.height
            if self.enough:
                return str(rows["prompt_id"][self.target - before - 1])
        return None


def up_to(rows: pl.DataFrame, prompt: str) -> pl.DataFrame:
    """The rows of whole prompts, to the end of this one."""
    last = rows["prompt_id"].eq(prompt).arg_true()[-1]
    return rows.head(int(last) + 1)
