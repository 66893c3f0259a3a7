"""What a run may spend. Reserved before each send, so that it is never passed."""

from dataclasses import dataclass

from prefgen.errors import BudgetReached


@dataclass
class Budget:
    """A limit on requests sent in this run, retries included; None is no limit."""

    max_calls: int | None = None
    calls: int = 0

    def reserve(self) -> None:
        """Takes one request out of the budget; raises BudgetReached where none is left."""
        if self.max_calls is not None and self.calls >= self.max_calls:
            raise BudgetReached(f"{self.calls:,} requests sent, the limit of --max-calls")
        self.calls += 1
