"""When each step of a run was at work."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Clock:
    """From when to when each table was being made, in seconds since the run began: from its first row to its last.
    Steps are at work side by side, so that these spans together are more than the run's seconds.
    """

    began: float = field(default_factory=time.monotonic)
    spans: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def at_work(self, table: str) -> Iterator[None]:
        """Some rows of a table are made within."""
        span = self.spans.setdefault(table, [now := time.monotonic() - self.began, now])
        try:
            yield
        finally:
            span[1] = max(span[1], time.monotonic() - self.began)

    def told(self, table: str) -> dict[str, float]:
        """``began`` and ``seconds`` of one table; nothing where that is not known."""
        if table not in self.spans:
            return {}
        start, end = self.spans[table]
        return {"began": round(start, 3), "seconds": round(end - start, 3)}
