"""What a run's counters were in the last minute, for rates."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

SHORT, LONG = 10.0, 60.0
"""Seconds over which a rate is taken that is shown, and one that says how long the rest will take."""
SLOW = 20
"""Replies in a minute of a step that is slow if it has fewer."""
LEAST = 3.0
"""Seconds that must have passed before how long it will take is told."""


class Pace(NamedTuple):
    """New replies a second, and prompts that were finished a second, over the last minute; None where too little is
    known.
    """

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
    """The last minute, a few times a second."""

    seen: deque[Seen] = field(default_factory=deque)

    def add(self, at: float, steps: Mapping[str, int], new: int, done: int) -> None:
        """Remembers a moment; forgets all but the last that is older than a minute."""
        if self.seen and (done < self.seen[-1].done or new < self.seen[-1].new):
            self.seen.clear()  # another part of the run, which counts anew
        self.seen.append(Seen(at, steps, new, done))
        while len(self.seen) > 2 and self.seen[1].at <= at - LONG:
            self.seen.popleft()

    def rate(self, step: str, now: float) -> float:
        """Replies a second of a step, known ones among them, over the last ten seconds; of a slow one over the last
        minute.
        """
        if not self.seen:
            return 0.0
        last, first = self.seen[-1], self.seen[0]
        if last.steps.get(step, 0) - first.steps.get(step, 0) >= SLOW:
            first = next(one for one in self.seen if one.at >= now - SHORT or one is last)
        passed = last.at - first.at
        return (last.steps.get(step, 0) - first.steps.get(step, 0)) / passed if passed > 0 else 0.0

    def pace(self, now: float) -> Pace:
        """How fast it went over the last minute."""
        if not self.seen or (passed := now - self.seen[0].at) < LEAST:
            return Pace()
        first, last = self.seen[0], self.seen[-1]
        return Pace((last.new - first.new) / passed, (last.done - first.done) / passed)
