"""What becomes of a request: its draws' outcomes, and a step's tally of them."""

from dataclasses import dataclass

from prefgen.errors import RowFailed, TryAgain
from prefgen.llm.request import Completion, Provider, Raw, Usage

Said = Completion | RowFailed | TryAgain
"""What a reply says; RowFailed where it says nothing of use, TryAgain where it is broken."""


@dataclass
class Tally:
    """What one step has asked for so far in this run; ``dollars`` holds only what has a price."""

    calls: int = 0
    cached: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    dollars: float = 0.0
    unpriced: int = 0

    def add(self, usage: Usage, dollars: float | None) -> None:
        """Counts a reply that came in this run."""
        self.prompt_tokens += usage.prompt
        self.completion_tokens += usage.completion
        self.dollars += dollars or 0.0
        self.unpriced += dollars is None


@dataclass(frozen=True)
class Outcome:
    """One draw: its key, and either a completion or why there is none."""

    key: bytes
    completion: Completion | None = None
    failure: RowFailed | None = None


def said(provider: Provider, raw: Raw) -> Said:
    """What a reply says, as a value."""
    try:
        return provider.read(raw)
    except (RowFailed, TryAgain) as e:
        return e


def outcome(key: bytes, heard: Said) -> Outcome:
    """A draw's outcome; a stored reply that is broken has failed."""
    if isinstance(heard, Completion):
        return Outcome(key, heard)
    return Outcome(key, failure=heard if isinstance(heard, RowFailed) else RowFailed(heard.reason, str(heard)))
