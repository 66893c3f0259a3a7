"""Planted bugs: each is one part of prefgen as somebody might have written it. The simulation must find every one."""

import asyncio
import json
import random
from collections.abc import Sequence
from typing import Any

import zstandard

from prefgen.errors import ProviderError, RowFailed, TryAgain
from prefgen.llm.budget import Budget
from prefgen.llm.client import Shut
from prefgen.llm.journal import Entry, Journal
from prefgen.llm.outcome import Outcome, Tally
from prefgen.llm.request import Completion, Provider, Raw, Request, Sent
from tests.sim.world import Parts, SimClient


class AckBeforeCommit(Journal):
    """Says "kept" while the commit is still under way."""

    async def put(self, entries: Sequence[Entry]) -> None:
        self.hurried = [*getattr(self, "hurried", []), asyncio.ensure_future(super().put(entries))]


class NoChecksum(Journal):
    """Reads whatever the disk gives back."""

    def _unpacked(self, key: bytes, body: bytes, crc: int) -> Raw:
        raw: Raw = json.loads(zstandard.decompress(body))
        return raw


class DeafToErrors(Journal):
    """Takes a commit that failed for one that went well."""

    def _tell(self, job: Any, error: Exception | None) -> None:
        super()._tell(job, None)


class ArrivalOrder(SimClient):
    """Reads draws as they come in, not by their numbers."""

    async def draw(self, request: Request, draws: Sequence[int], tally: Tally) -> list[Outcome]:
        one_by_one = [super(ArrivalOrder, self).draw(request, [k], tally) for k in draws]
        return [(await done)[0] for done in asyncio.as_completed(one_by_one)]


class RetriesQuota(SimClient):
    """Takes "no money left" for "slow down", as many do by the status alone."""

    async def _sent(self, provider: Provider, request: Request, keys: Sequence[bytes], *, rotates: bool) -> Sent:  # type: ignore[override]
        try:
            return await SimClient._sent(provider, request, keys, rotates=rotates)
        except ProviderError as e:
            raise TryAgain("rate_limited", str(e), attempts=0, wait=20.0) from e


class GivesUpAtOnce(SimClient):
    """Takes a passing fault for the row's own."""

    async def _sent(self, provider: Provider, request: Request, keys: Sequence[bytes], *, rotates: bool) -> Sent:  # type: ignore[override]
        try:
            return await SimClient._sent(provider, request, keys, rotates=rotates)
        except TryAgain as e:
            raise RowFailed(e.reason, str(e)) from e


class SendsTwice(SimClient):
    """Sends once more when a reply is late, and takes the first."""

    async def _sent(self, provider: Provider, request: Request, keys: Sequence[bytes], *, rotates: bool) -> Sent:  # type: ignore[override]
        tries = [asyncio.ensure_future(SimClient._sent(provider, request, keys, rotates=rotates))]
        await asyncio.wait(tries, timeout=4.0)
        if not tries[0].done():
            tries.append(asyncio.ensure_future(SimClient._sent(provider, request, keys, rotates=rotates)))
        results = await asyncio.gather(*tries, return_exceptions=True)
        for result in results:
            if isinstance(result, Sent):
                return result
        raise next(result for result in results if isinstance(result, BaseException))


class NoSingleFlight(SimClient):
    """Does not know that the same request is under way."""

    async def draw(self, request: Request, draws: Sequence[int], tally: Tally) -> list[Outcome]:
        self._flights = {}
        return await super().draw(request, draws, tally)


class KeyOfThisRun(SimClient):
    """Puts something of the process into the key."""

    def _seen(self, request: Request) -> dict[str, Any]:
        self.mark = getattr(self, "mark", None) or random.Random(id(self)).random()
        return {"mark": self.mark, **super()._seen(request)}


class HangsUp(SimClient):
    """Gives up what is in flight when it is told to stop."""

    async def _sent(self, provider: Provider, request: Request, keys: Sequence[bytes], *, rotates: bool) -> Sent:  # type: ignore[override]
        sending = asyncio.ensure_future(SimClient._sent(provider, request, keys, rotates=rotates))
        stopping = asyncio.ensure_future(self._shutting.wait())
        await asyncio.wait([sending, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if sending.done():
            return sending.result()
        self.later = [*getattr(self, "later", []), sending]
        await asyncio.sleep(60.0)  # the provider goes on writing, and bills it
        raise Shut("stopped")


class MakesUpReplies(SimClient):
    """Takes a request that failed for an empty reply."""

    async def draw(self, request: Request, draws: Sequence[int], tally: Tally) -> list[Outcome]:
        outcomes = await super().draw(request, draws, tally)
        return [one if one.completion else Outcome(one.key, Completion("")) for one in outcomes]


class CountsOnlyReplies(Budget):
    """Forgets that a broken reply is billed as well."""

    def settle(self, worst: float, cost: float) -> None:
        super().settle(worst, 0.0 if cost == worst else cost)


class ReservesNothing(Budget):
    """Looks at what was spent, and not at what is on its way."""

    @property
    def left(self) -> float:
        return float("inf") if self.max_cost is None else self.max_cost - self.spent


BUGS = {
    "acknowledged before the commit": Parts(journal=AckBeforeCommit),
    "no checksum": Parts(journal=NoChecksum),
    "a failed commit taken for a good one": Parts(journal=DeafToErrors),
    "draws read in order of arrival": Parts(client=ArrivalOrder),
    "a spent quota retried": Parts(client=RetriesQuota),
    "a passing fault given up at once": Parts(client=GivesUpAtOnce),
    "sent twice when late": Parts(client=SendsTwice),
    "equal requests sent side by side": Parts(client=NoSingleFlight),
    "the process in the key": Parts(client=KeyOfThisRun),
    "in flight given up at a stop": Parts(client=HangsUp),
    "a failure taken for an empty reply": Parts(client=MakesUpReplies),
}
MONEY_BUGS = {
    "broken replies not booked": Parts(budget=CountsOnlyReplies),
    "nothing set aside": Parts(budget=ReservesNothing),
}
