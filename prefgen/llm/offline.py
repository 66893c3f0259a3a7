"""A client without a cable, for replays: what the journal holds, and nothing else. It needs no key, no fake and no
weights.

A draw without a reply that a run went on without fails again as it did there. Any other is not known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from prefgen.errors import PrefgenError, RowFailed
from prefgen.llm.client import Asked, Client
from prefgen.llm.drawn import Bill
from prefgen.llm.journal import Journal
from prefgen.llm.local import Local
from prefgen.llm.outcome import Outcome, Tally, outcome, said
from prefgen.llm.request import Request

__all__ = ["Bill", "NotKnown", "Offline", "Used", "bill"]


class NotKnown(PrefgenError):
    """A draw of which the journal says nothing: it would have to be asked for."""


@dataclass
class Used(Tally):
    """A table's tally that knows which replies it used."""

    table: str = ""
    keys: set[bytes] = field(default_factory=set)


@dataclass
class Offline(Client):
    """A Client that never sends. ``identities`` are those of local weights (``prefgen.llm.local``); ``wanted`` gathers
    the draws that are not known, each with the table that wanted it first.
    """

    identities: Mapping[str, str] = field(default_factory=dict)
    wanted: dict[bytes, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._providers["local"] = Local(self.identities)
        self._failures = self.journal.failures()

    async def draw(self, request: Request, draws: Sequence[int], tally: Tally) -> list[Outcome]:
        """The outcomes of these draws. Raises NotKnown, and notes which, where some have none."""
        if (known := self.kept(request, draws, tally)) is not None:
            return known
        keys = [self._key(request, draw) for draw in draws]
        table = tally.table if isinstance(tally, Used) else ""
        unknown = [k for k in keys if self._found(request, k) is None]
        self.wanted |= {k: table for k in unknown if k not in self.wanted}
        raise NotKnown(f"{table}: {len(unknown)} draws are not in the journal")

    def kept(self, request: Request, draws: Sequence[int], tally: Tally) -> list[Outcome] | None:
        """The outcomes of these draws, failed ones among them, where all are known; else None."""
        keys = [self._key(request, draw) for draw in draws]
        found = [one for k in keys if (one := self._found(request, k))]
        if len(found) < len(keys):
            return None
        if isinstance(tally, Used):
            tally.keys.update(keys)
        return found

    def kept_all(self, asked: Sequence[Asked], tally: Tally) -> list[list[Outcome] | None]:
        """The same of several requests."""
        return [self.kept(*one, tally) for one in asked]

    def _found(self, request: Request, key: bytes) -> Outcome | None:
        """A draw's outcome in the journal, if any."""
        raw = self.journal.get(key)
        if raw is not None:
            return outcome(key, said(self.provider(request.model), raw))
        return Outcome(key, failure=RowFailed(*self._failures[key])) if key in self._failures else None


def bill(journal: Journal, keys: Iterable[bytes]) -> Bill:
    """What the replies under these keys cost, each once; those that failed brought none, and are not in it."""
    found = [cost for key in keys if (cost := journal.cost(key))]
    dollars = [cost[2] for cost in found]
    known = sum(sorted(d for d in dollars if d is not None))  # sorted: the sum does not depend on the keys' order
    tokens = (sum(cost[0] for cost in found), sum(cost[1] for cost in found))
    return Bill(len(found), *tokens, known, dollars.count(None))
