"""What a batch is to both providers: lines of requests in, and within a day lines of results out, in any order."""

import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from prefgen.llm.faults import Place
from prefgen.llm.request import Raw, Request

HALF = 0.5
"""Of the list price: what both providers take for a batch, for input and for output (their pricing pages, 2026-10)."""
TAG = 20
"""Characters that name a batch of ours: 80 random bits in hex. With ``_`` and a key, it fills the 64 of a custom_id."""


@dataclass(frozen=True)
class Settings:
    """Times are in seconds. Requests gather until none has come for ``quiet``; while requests are under way online,
    which may bring more, for up to ``patience``. A batch is looked at after ``first``, and then ever less often, at
    last every ``rare``. ``grace`` is how long a batch that was just asked for may take until its provider lists it;
    ``lost`` how long a provider may not be reached. ``requests``, ``size`` (bytes) and ``draws`` bound a batch, where
    its provider allows more; draws, because the journal holds the keys of all in one row.
    """

    quiet: float = 5.0
    patience: float = 600.0
    first: float = 15.0
    rare: float = 240.0
    growth: float = 1.4
    grace: float = 30.0
    lost: float = 6 * 3600.0
    requests: int = 50_000
    size: int = 100_000_000
    draws: int = 500_000


@dataclass(frozen=True)
class Line:
    """One request of a batch: the keys of its draws, the most dollars that they can cost (None where that is not
    known), and its JSON.
    """

    keys: tuple[bytes, ...]
    worst: float | None
    body: bytes = b""


@dataclass(frozen=True)
class Status:
    """How a batch stands at its provider. ``parts`` are where its results lie, ``paid`` how many requests succeeded
    (None where it does not say), ``trouble`` why it was not begun, ``crowded`` whether that will pass: the account has
    too much in its queue.
    """

    id: str
    ended: bool = False
    of: int = 0
    done: int = 0
    paid: int | None = None
    parts: tuple[str, ...] = ()
    end: Literal["", "completed", "failed", "expired", "cancelled"] = ""
    trouble: str = ""
    crowded: bool = False


@dataclass(frozen=True)
class Result:
    """One line of results: what it is to, and either the provider's JSON, or an error's status and body, or how it
    ended without one (``expired``, ``cancelled``).
    """

    custom_id: str
    data: dict[str, Any] | None = None
    status: int = 0
    error: bytes = b""
    end: Literal["", "expired", "cancelled"] = ""


class Endpoint(Protocol):
    """A provider's batches for one model at one address. All but ``line``, ``result`` and ``raws`` go over the wire. It
    raises only ``prefgen.errors``.
    """

    sure: bool
    """Whether ``find`` knows ours by a mark of its own; else their results tell."""
    place: Place

    def line(self, custom_id: str, request: Request, seeds: Sequence[int]) -> bytes:
        """A request as it stands in a batch. Raises RowFailed for one that cannot be sent."""

    async def newest(self) -> str:
        """The id of the account's newest batch, where this helps to find a later one."""

    async def upload(self, tag: str, lines: Sequence[bytes]) -> str:
        """Sends the input, where it goes before the batch; gives its file's id, or nothing."""

    async def create(self, tag: str, file: str, lines: Sequence[bytes]) -> Status:
        """Makes the batch: from here on it costs."""

    async def find(self, tag: str, file: str, before: str, requests: int) -> list[Status]:
        """Batches that may be the one of this tag."""

    async def status(self, batch: str) -> Status:
        """How a batch stands."""

    async def cancel(self, batch: str) -> Status:
        """Asks for its end; what is done by then stays."""

    async def discard(self, tag: str, file: str) -> None:
        """Takes away input that no batch uses."""

    def results(self, status: Status, part: str) -> AsyncIterator[bytes]:
        """The bytes of a part of the results."""

    def result(self, line: dict[str, Any]) -> Result | None:
        """A line of results; None for what is none."""

    def raws(self, data: dict[str, Any], request: Request, draws: int) -> list[Raw]:
        """The replies that a result holds. Raises TryAgain ("bad_body")."""

    async def close(self) -> None:
        """Lets go of connections."""


def custom_id(tag: str, key: bytes) -> str:
    """What a line is called: 64 characters of those that both providers take (``[a-zA-Z0-9_-]{1,64}``); it says which
    batch of ours it is in, and which key its first draw has.
    """
    return f"{tag}_{base64.urlsafe_b64encode(key).decode().rstrip('=')}"


def key_in(tag: str, name: str) -> bytes | None:
    """The key in a custom_id of this batch; None for another's."""
    head, _, tail = name[:TAG], name[TAG : TAG + 1], name[TAG + 1 :]
    if head != tag or len(name) != 64:
        return None
    try:
        return base64.urlsafe_b64decode(f"{tail}=")
    except ValueError:
        return None
