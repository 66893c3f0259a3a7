"""What becomes of a request: its draws' outcomes, and a step's tally of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from prefgen.errors import RowFailed, TryAgain
from prefgen.llm.bill import Bill
from prefgen.llm.request import Completion, Provider, Raw

Said = Completion | RowFailed | TryAgain
"""What a reply says; RowFailed where it says nothing of use, TryAgain where it is broken."""


class Read(NamedTuple):
    """A reply, what it says, and what it cost."""

    raw: Raw
    heard: Said
    bill: Bill


@dataclass
class Tally:
    """What one step has asked for so far in this run; ``cached_tokens`` are those of prompts that providers had in
    their caches; ``dollars`` holds only what has a price, and ``untold`` replies, which do not say their tokens, at
    the most that they can cost; ``batched`` are replies that came in batches, ``replies`` all that came, broken ones
    too.
    """

    calls: int = 0
    cached: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    dollars: float = 0.0
    unpriced: int = 0
    untold: int = 0
    cached_tokens: int = 0
    batched: int = 0
    replies: int = field(default=0, compare=False)

    def add(self, bill: Bill) -> None:
        """Counts a reply that came in this run."""
        self.prompt_tokens += bill.usage.prompt
        self.completion_tokens += bill.usage.completion
        self.dollars += bill.dollars or 0.0
        self.unpriced += bill.dollars is None
        self.untold += bill.untold
        self.cached_tokens += bill.usage.cache_read
        self.replies += 1

    def join(self, other: "Tally") -> None:
        """Counts what another one counted, elsewhere."""
        for name, amount in vars(other).items():
            setattr(self, name, getattr(self, name) + amount)


class Outcome(NamedTuple):
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


def heard(provider: Provider, raws: Sequence[Raw], billed: Sequence[Bill], tally: Tally) -> list[Read]:
    """Each reply, read. Raises the fault of the first where all are broken; what broken ones cost is counted."""
    reads = [Read(raw, said(provider, raw), bill) for raw, bill in zip(raws, billed, strict=True)]
    faults = [(one.heard, one.bill) for one in reads if isinstance(one.heard, TryAgain)]
    for _, bill in faults:
        tally.add(bill)
    if faults and len(faults) == len(reads):
        raise faults[0][0]
    return reads
