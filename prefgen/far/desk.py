"""Where the workers of a run ask: one object that all share. It lends limits and budget, knows who makes which range,
and passes on that there is nothing more to do.
"""

from collections.abc import Mapping
from typing import Any

from prefgen.llm.permits import Permits
from prefgen.llm.terms import Account, State


class Desk:
    """``limits`` are those of ``Permits``."""

    def __init__(self, limits: Mapping[str, Any]) -> None:
        self.permits = Permits(**limits)
        self._at: dict[str, tuple[str, int]] = {}
        self._begun, self._stopped = 0, False

    def begin(self, name: str) -> tuple[str, int]:
        """A worker begins with a range. Gives the name that it has here and its place among so many workers. Another
        that had the same range is lost.
        """
        if name in self._at:
            self.permits.gone(self._at.pop(name)[0])
        taken = {number for _, number in self._at.values()}
        number = next((one for one in range(self.permits.workers) if one not in taken), 0)
        self._begun += 1
        self._at[name] = f"worker-{self._begun}", number
        return self._at[name]

    def ended(self, name: str, worker: str) -> None:
        """A worker has come to the end of its range, well or not."""
        self.permits.gone(worker)
        if self._at.get(name, ("", 0))[0] == worker:
            del self._at[name]

    def call(self, method: str, args: tuple[Any, ...]) -> Any:
        """A method of ``Permits``; a worker's pulse also tells whether to stop."""
        found = getattr(self.permits, method)(*args)
        return bool(found) or self._stopped if method == "pulse" else found

    def stop(self, stopped: bool, spent: float = 0.0, calls: int = 0) -> State:  # noqa: FBT001  (crosses the wire)
        """Whether workers are to stop, and what who drives them has spent and sent; gives how all of them stand."""
        self._stopped, self.permits.driver = stopped, Account(spent, calls)
        return self.permits.state()
