"""What can go wrong, told apart by whose move is next.

PrefgenError
├── RecipeError      the recipe's author: every problem at once, each with its place and its cure
├── ProviderError    the account's owner: a key, a quota, a model name; the run stops and nothing is lost
├── GateClosed       the recipe's author: its judge is not as good as it asks, or is fooled; nothing more is spent
├── BudgetReached    the budget's owner: the run ends cleanly and can go on later
├── Interrupted      the user, who stopped it: what was in flight is kept
├── RunError         the machine's owner: a full disk, a locked folder, weights that are not there
├── TryAgain         ours: wait, then send the same request once more
├── RowFailed        nobody's: this row cannot be had; it is recorded with its reason
└── Unreadable       nobody's: the reply came, was paid for, is kept, and says nothing on offer
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Status = Literal["missing", "conflicting", "out_of_range", "refused", "truncated", "empty", "unchanged"]


class PrefgenError(Exception):
    """The root of every error that prefgen raises on purpose."""


ENDINGS = {
    "Interrupted": "stopped",
    "BudgetReached": "budget reached",
    "ProviderError": "stopped by the provider",
    "GateClosed": "stopped, as its judge did not pass",
    "RunError": "failed",
}
"""What a run's status in run.json, the name of what ended it, is called before people."""


def ending(status: object) -> str:
    """A run's status in words; one that is not known as it is, and nothing where there is none."""
    return ENDINGS.get(status, status) if isinstance(status, str) else ""


@dataclass(frozen=True)
class Problem:
    """One thing to mend: ``where: table: what is wrong; what would do``."""

    where: str
    table: str
    what: str
    cure: str = ""

    def __str__(self) -> str:
        head = ": ".join(part for part in (self.where, self.table, self.what) if part)
        whole = f"{head}; {self.cure}" if self.cure else head
        return " ".join(whole.splitlines())  # a recipe's own words may hold line ends, and would look like ours


class RecipeError(PrefgenError):
    """A recipe that cannot run. Holds all of its problems, so that they are mended in one go."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class ProviderError(PrefgenError):
    """No request of this run can succeed: a bad key, a spent quota, an unknown model, no server.

    ``rotates`` marks what passes where keys are changed in mid-run: worth one more try, once the key has served.
    """

    def __init__(self, message: str, *, rotates: bool = False) -> None:
        self.rotates = rotates
        super().__init__(message)


class GateClosed(PrefgenError):
    """A judge that did not do well enough on its gold slice, or on canaries."""


class BudgetReached(PrefgenError):
    """The next request would pass the limit that the caller set."""


class Interrupted(PrefgenError):
    """The user asked the run to stop; the same command goes on."""


class RunError(PrefgenError):
    """The machine will not do what the run needs: no disk, no lock, no weights."""


class TryAgain(PrefgenError):
    """A fault that passes: rate limits, overload, a broken connection.

    ``attempts`` is how many tries such a fault is worth (0: it does not count as a try),
    ``wait`` the seconds that the provider asked for, ``billed`` whether money may have gone.
    """

    def __init__(
        self, reason: str, message: str, *, attempts: int, wait: float | None = None, billed: bool = False
    ) -> None:
        self.reason, self.attempts, self.wait, self.billed = reason, attempts, wait, billed
        super().__init__(message)


class RowFailed(PrefgenError):
    """One request cannot be answered, others can. ``reason`` is a short word to count by."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class Unreadable(PrefgenError):
    """A reply without what was asked for: never a vote, a zero, a tie or a coin flip."""

    def __init__(self, status: Status, detail: str = "") -> None:
        self.status: Status = status
        super().__init__(detail or status)


LONG, MANY = 200, 500
"""Characters of a word, and words, beyond which none is misspelt: looking would take seconds."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A cure for a misspelt word: the nearest known one, or what there is to choose from."""
    words = sorted(one for one in known if len(one) <= LONG and one.isprintable())
    if len(words) > MANY:
        return ""
    close = get_close_matches(word[:LONG], words, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"choose from {', '.join(words)}" if words else ""
