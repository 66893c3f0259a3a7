"""What is to come of a run, from what has come: seconds left, and money. Nothing is said before enough is known."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from prefgen.live.past import Pace

FEW = 20
"""Prompts that must be past a step, or a quarter of all, before it says how the others will go."""


@dataclass(frozen=True)
class Step:
    """One step now, and whether it ``stops`` drawing for a row when that is decided. ``done`` prompts are past it and
    ``within`` are at it (of one that asks); ``asked`` are the replies of rows that are done, known ones among them;
    ``rate`` is replies a second. ``state`` is done, now or later; dollars are None where a price is not known.
    """

    name: str
    asks: bool = False
    stops: bool = False
    state: str = "now"
    done: int = 0
    within: int = 0
    rows: int = 0
    calls: int = 0
    known: int = 0
    asked: int = 0
    replies: int = 0
    retries: int = 0
    tokens: int = 0
    dollars: float | None = 0.0
    rate: float = 0.0
    unreadable: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Guess:
    """Seconds left, and dollars still to pay, each None where it cannot be told; ``share`` of the prompts is what they
    rest on.
    """

    left: float | None = None
    dollars: float | None = None
    share: float = 0.0


def guess(steps: Sequence[Step], prompts: int, needed: float, pace: Pace) -> Guess:
    """What is to come of these steps, all of which ask: of ``prompts``, ``needed`` must go through. What the others
    will ask is what those that are past a step asked there, prompt for prompt.
    """
    if not steps or not all(min(FEW, prompts / 4) <= one.done for one in steps) or not prompts:
        return Guess()
    still = [to_come(one, needed) for one in steps]
    slowest = min(one.done for one in steps)
    return Guess(_seconds(sum(still), slowest, needed, pace), _dollars(steps, still), slowest / prompts)


def to_come(step: Step, prompts: float) -> float:
    """Replies that a step will still want, so that so many prompts are past it.

    Where a stop ends the draws, prompts that are past it by now are those that wanted few, and how long the others have
    been at it says nothing of how long they will be: all replies so far, divided by the prompts that ended, is what one
    more takes (the mean of a geometric number, seen with what is under way). Else each prompt takes the same.
    """
    if not step.done:
        return 0.0
    so_far, left = step.known + step.replies, prompts - step.done
    if step.stops:
        return max(0.0, left * so_far / step.done)
    each = step.asked / step.done
    return max(0.0, left * each - min(max(0, so_far - step.asked), step.within * each))


def _seconds(still: float, done: int, prompts: float, pace: Pace) -> float | None:
    """At the pace of new replies; where none came, for all are known so far, at that of prompts."""
    if pace.replies:
        return still / pace.replies
    return (prompts - done) / pace.prompts if pace.prompts else None


def _dollars(steps: Sequence[Step], still: Sequence[float]) -> float | None:
    """At the price of each step's replies so far."""
    if any(one.dollars is None or (more > 0 and not one.replies) for one, more in zip(steps, still, strict=True)):
        return None
    return math.fsum(more * (one.dollars or 0) / max(1, one.replies) for one, more in zip(steps, still, strict=True))
