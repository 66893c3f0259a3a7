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

    def join(self, table: str, start: float, end: float) -> None:
        """The same of rows that were made elsewhere, in seconds since 1970: machines agree on no other clock."""
        began = time.time() - (time.monotonic() - self.began)
        own = self.spans.get(table, [start - began, end - began])
        self.spans[table] = [min(own[0], start - began), max(own[1], end - began)]

    def spans_since_1970(self) -> dict[str, tuple[float, float]]:
        """From when to when each table was made, for ``join`` elsewhere."""
        began = time.time() - (time.monotonic() - self.began)
        return {table: (began + start, began + end) for table, (start, end) in self.spans.items()}

    def told(self, table: str) -> dict[str, float]:
        """``began`` and ``seconds`` of one table; nothing where that is not known."""
        if table not in self.spans:
            return {}
        start, end = self.spans[table]
        return {"began": round(start, 3), "seconds": round(end - start, 3)}
