"""How an endpoint has done so far, and when there is no more hope of it."""

from dataclasses import dataclass

from prefgen.errors import PrefgenError, ProviderError, RowFailed, TryAgain

HOPELESS = 20
"""Requests that may fail before the run is stopped: by the endpoint's fault in a row, or for any reason while none has
ever succeeded."""


@dataclass
class Health:
    """One endpoint's successes, its failures in a row, and whether draws must be asked for one at a time (``alone``:
    it ignores ``n``).
    """

    successes: int = 0
    failures: int = 0
    alone: bool = False

    def served(self) -> None:
        """A request has succeeded."""
        self.successes, self.failures = self.successes + 1, 0

    def lost(self, fault: TryAgain | RowFailed) -> PrefgenError:
        """What a request comes to that brought no reply: a RowFailed with which the run goes on, or its end."""
        return self.given_up(fault) if isinstance(fault, TryAgain) else self.failed(fault, mine=bool(self.successes))

    def given_up(self, fault: TryAgain) -> PrefgenError:
        """What a fault comes to when no more tries are worth it."""
        if fault.reason == "key_refused" or (fault.reason == "no_connection" and not self.successes):
            return ProviderError(str(fault))
        return self.failed(RowFailed(fault.reason, str(fault)))

    def failed(self, failure: RowFailed, *, mine: bool = False) -> PrefgenError:
        """The failure itself, or the end of the run where nothing but failures comes. One that is the row's own
        (``mine``: refused by an endpoint that takes others) says nothing against the endpoint.
        """
        if mine:
            self.failures = 0
            return failure
        self.failures += 1
        if self.failures < HOPELESS:
            return failure
        return ProviderError(f"{self.failures} requests in a row failed; the last one: {failure}")
