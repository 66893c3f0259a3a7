"""What a run's counters were in the last minutes, for rates."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

SHORT, LONG = 10.0, 120.0
"""Seconds over which a rate is taken that is shown, and seconds that are remembered. How long the rest takes is said by
the younger half of these, for a run begins in another way than it goes on."""
SLOW = 20
"""Replies in all that is remembered of a step that is slow if it has fewer."""
LEAST = 3.0
"""Seconds that must have passed before how long it will take is told."""


class Pace(NamedTuple):
    """New replies a second, and prompts that were finished a second; None where too little is known."""

    replies: float | None = None
    prompts: float | None = None


class Seen(NamedTuple):
    """Counters at one time: replies by step, known ones among them; new replies in all; prompts that are done."""

    at: float
    steps: Mapping[str, int]
    new: int
    done: int


@dataclass
class Past:
    """The last minutes, a few times a second."""

    seen: deque[Seen] = field(default_factory=deque)

    def add(self, at: float, steps: Mapping[str, int], new: int, done: int) -> None:
        """Remembers a moment; forgets all but the last that is too old."""
        if self.seen and (done < self.seen[-1].done or new < self.seen[-1].new):
            self.seen.clear()  # another part of the run, which counts anew
        self.seen.append(Seen(at, steps, new, done))
        while len(self.seen) > 2 and self.seen[1].at <= at - LONG:
            self.seen.popleft()

    def rate(self, step: str, now: float) -> float:
        """Replies a second of a step, known ones among them, over the last ten seconds; of a slow one over all
        that is remembered.
        """
        if not self.seen:
            return 0.0
        last, first = self.seen[-1], self.seen[0]
        if last.steps.get(step, 0) - first.steps.get(step, 0) >= SLOW:
            first = self._at(now - SHORT)
        passed = last.at - first.at
        return (last.steps.get(step, 0) - first.steps.get(step, 0)) / passed if passed > 0 else 0.0

    def pace(self, now: float) -> Pace:
        """How fast it went in the last minute, or half the time that it took so far, but not less than ten seconds."""
        if not self.seen or (known := now - self.seen[0].at) < LEAST:
            return Pace()
        last, since = self.seen[-1], now - max(SHORT, known / 2)
        first = self._at(since)
        passed = now - first.at
        return Pace((last.new - first.new) / passed, (last.done - first.done) / passed) if passed > 0 else Pace()

    def _at(self, time: float) -> Seen:
        """What was seen last at this time."""
        return next((one for one in reversed(self.seen) if one.at <= time), self.seen[0])
