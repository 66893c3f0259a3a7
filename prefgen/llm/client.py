"""Requests in, completions out: each from the journal where it is known, else from the provider, once.

The way of a request: look it up · join one like it that is under way · wait for a place · send · keep · read.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefgen.errors import BudgetReached, Interrupted, RowFailed, TryAgain
from prefgen.llm.bymodel import ByModel
from prefgen.llm.exchange import Exchanges, Shut
from prefgen.llm.journal import Attempt, Entry
from prefgen.llm.outcome import Outcome, Read, Tally, outcome, said
from prefgen.llm.prefixes import Prefixes
from prefgen.llm.request import Part, Raw, Request, is_plain, keys
from prefgen.llm.settled import settled

__all__ = ["Asked", "Client", "Shut", "settled"]

WHOLE: frozenset[Part] = frozenset({"prompt"})
"""Shared by the draws of one request."""

Asked = tuple[Request, Sequence[int]]
"""A request, and the numbers of the draws that are wanted of it."""


@dataclass
class Client(Exchanges):
    """The one object with a network cable, and the journal that stands before it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._prefixes = Prefixes()
        self._flights: dict[bytes, asyncio.Future[Outcome]] = {}
        self._plain = ByModel(lambda model: is_plain(self._seen(Request(model, []))))
        self._missed: dict[int, tuple[Asked, list[bytes]]] = {}

    def known(self, request: Request, draw: int) -> bool:
        """Whether this draw is in the journal already."""
        return self.journal.has(self._key(request, draw))

    # --- the way of a request ---

    def kept(self, request: Request, draws: Sequence[int], tally: Tally) -> list[Outcome] | None:
        """The outcomes of these draws, in their order, where all are in the journal; else None. Waits for nothing, and
        counts them as cached.
        """
        return self.kept_all([(request, draws)], tally)[0]

    def kept_all(self, asked: Sequence[Asked], tally: Tally) -> list[list[Outcome] | None]:
        """The same of several requests, which are looked up together."""
        keyed = [self._keys(*one) for one in asked]
        there = self.journal.there([k for keys in keyed for k in keys])
        return [self._outcomes(one, keys, there, tally) for one, keys in zip(asked, keyed, strict=True)]

    def _outcomes(
        self, asked: Asked, keys: list[bytes], there: Mapping[bytes, Raw], tally: Tally
    ) -> list[Outcome] | None:
        """The outcomes of draws that are all there. The keys of others are remembered: they are drawn next."""
        raws = [there[k] for k in keys if k in there]
        if len(raws) < len(keys):
            self._missed[id(asked[0])] = asked, keys
            return None
        known = self._of(asked[0].model)
        tally.cached += len(keys)
        known.health.successes += len(keys)
        return [outcome(k, said(known.provider, raw)) for k, raw in zip(keys, raws, strict=True)]

    async def draw(self, request: Request, draws: Sequence[int], tally: Tally) -> list[Outcome]:
        """The outcomes of these draws of one request, in their order."""
        keys = self._keys(request, draws)
        there = {k for k in keys if self.journal.has(k)}
        new = [k for k in dict.fromkeys(keys) if k not in there and k not in self._flights]
        tally.cached += len(keys) - len(new)
        self._of(request.model).health.successes += len(there)
        for k in new:
            self._flights[k] = asyncio.get_running_loop().create_future()
        waiting = [self._flights.get(k) for k in keys]
        if new:
            await self._fetch(request, new, tally)
        return [
            await _landed(flight) if flight else self._kept(request, k) for k, flight in zip(keys, waiting, strict=True)
        ]

    async def _fetch(self, request: Request, keys: Sequence[bytes], tally: Tally) -> None:
        """Brings new draws in: together where the endpoint takes ``n``, else one by one side by side."""
        known = self._of(request.model)
        groups = [keys] if known.together and not known.health.alone else [[k] for k in keys]
        if known.caching and len(groups) > 1:
            request = request._replace(cache=WHOLE)
        rest = await settled([self._land(request, group, tally) for group in groups])
        if any(rest):
            await settled([self._land(request, [k], tally) for group in rest for k in group])

    async def _land(self, request: Request, keys: Sequence[bytes], tally: Tally) -> Sequence[bytes]:
        """One exchange: keeps its replies and tells those who wait. Gives back the keys that got no whole reply."""
        try:
            replies = await self._exchange(request, keys, tally)
            if len(replies) < len(keys):
                self._of(request.model).health.alone = True
            outcomes = await self._keep(request, keys, replies, tally)
        except RowFailed as failure:
            outcomes = [Outcome(k, failure=failure) for k in keys]
        except BudgetReached as error:  # others may still be paid for
            self._fail(keys, error)
            raise
        except BaseException as error:
            self.shut(error if isinstance(error, Exception) else Interrupted())
            self._fail(keys, Shut(str(self.reason)))
            raise
        for one in outcomes:
            self._flights.pop(one.key).set_result(one)
        landed = {one.key for one in outcomes}
        return [k for k in keys if k not in landed]

    def _fail(self, keys: Sequence[bytes], error: Exception) -> None:
        """Tells those who wait; where nobody does, that is no fault."""
        for k in keys:
            flight = self._flights.pop(k)
            flight.set_exception(error)
            flight.exception()

    async def _keep(
        self, request: Request, keys: Sequence[bytes], replies: Sequence[Read], tally: Tally
    ) -> list[Outcome]:
        """The outcomes of whole replies, once they are on stable storage; broken ones are kept for the record."""
        whole: list[tuple[bytes, Read]] = []
        for k, one in zip(keys, replies, strict=False):
            if isinstance(fault := one.heard, TryAgain):
                cost = one.bill.dollars or 0.0
                await self.journal.note(Attempt(k, fault.reason, str(fault), fault.billed, cost))
            else:
                whole.append((k, one))
        for _, one in whole:
            tally.add(one.bill)
        await self.journal.put([_entry(request, k, one) for k, one in whole])
        return [outcome(k, one.heard) for k, one in whole]

    async def _exchange(self, request: Request, keys: Sequence[bytes], tally: Tally) -> list[Read]:
        """Sends until there is a reply, or no more hope of one; after the first of its siblings, where that pays."""
        if self.batches and self.batches.takes(request, keys):
            return await self._tried(request, keys, tally, self.batches)
        if (caching := self._of(request.model).caching) is None:
            return await self._tried(request, keys, tally)
        async with self._prefixes.turn(request, caching) as marked:
            return await self._tried(marked, keys, tally)

    # --- small things ---

    def _keys(self, request: Request, draws: Sequence[int]) -> list[bytes]:
        missed = self._missed.pop(id(request), None)
        if missed and missed[0][0] is request and missed[0][1] == draws:
            return missed[1]
        plain = request.schema is None and self._plain(request.model)
        return keys(self._seen(request), draws, request.seed, plain=plain)

    def _key(self, request: Request, draw: int) -> bytes:
        return keys(self._seen(request), [draw], request.seed)[0]

    def _seen(self, request: Request) -> dict[str, Any]:
        known = self._of(request.model)
        return {"provider": known.name, **known.provider.sees(request)}

    def _kept(self, request: Request, key: bytes) -> Outcome:
        raw = self.journal.get(key)
        if raw is None:
            raise KeyError(key.hex())
        return outcome(key, said(self.provider(request.model), raw))


async def _landed(flight: "asyncio.Future[Outcome]") -> Outcome:
    """What a flight brought. Who waits for it may be given up; the flight goes on, for it is others' as well."""
    return await (flight if flight.done() else asyncio.shield(flight))


def _entry(request: Request, key: bytes, one: Read) -> Entry:
    usage = one.bill.usage
    return Entry(key, one.raw, usage.prompt, usage.completion, one.bill.dollars, request.model.use)
