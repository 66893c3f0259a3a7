"""A batch's results at rest: a file that was saved whole, and is read line by line into the journal.

A line is believed as far as it goes: one that is no JSON, is too long, or is to nothing of ours is passed over; of two
to one request the first counts. Replies go into the journal under the keys of their draws, with half the price.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prefgen.errors import PrefgenError, RunError, TryAgain
from prefgen.llm import faults
from prefgen.llm.batch import wire
from prefgen.llm.batch.ledger import Record
from prefgen.llm.batch.protocol import HALF, Endpoint, Line, Result, key_in
from prefgen.llm.bill import Bill, bills
from prefgen.llm.faults import Place
from prefgen.llm.journal import GROUP, Attempt, Entry, Journal
from prefgen.llm.outcome import said
from prefgen.llm.request import Provider, Raw, Request

LONGEST = 16_000_000
"""Bytes of a line; a reply in the journal has no more than 64 MB, and none comes near."""
LOOK = 64_000_000
"""Bytes between two looks at how much room is left."""


@dataclass
class Read:
    """What a file of results came to: why requests brought nothing, by their first keys; of how many requests a reply
    was paid; and the keys of all replies.
    """

    faults: dict[bytes, PrefgenError] = field(default_factory=dict)
    broken: list[Attempt] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)
    paid: int = 0
    came: set[bytes] = field(default_factory=set)


# --- saving ---------------------------------------------------------------------------------


async def save(path: Path, parts: Iterable[AsyncIterator[bytes]], room: Callable[[], None]) -> None:
    """Puts the parts into one file, which is there whole and on stable storage, or not at all. Raises RunError for a
    full disk.
    """
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            for part in parts:
                await _poured(part, file.write, room)
                file.write(b"\n")  # a part may end without one
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _settled(path.parent)
    except OSError as e:
        cure = "free some space and run the same command again: the results lie with the provider"
        raise RunError(f"{path}: {e.strerror}; {cure}") from e
    finally:
        partial.unlink(missing_ok=True)


async def _poured(part: AsyncIterator[bytes], write: Callable[[bytes], object], room: Callable[[], None]) -> None:
    left = 0
    async for chunk in part:
        if left <= 0:
            room()
            left = LOOK
        write(chunk)
        left -= len(chunk)


def _settled(folder: Path) -> None:
    """Waits until a folder's names are on stable storage."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def lines(path: Path) -> Iterator[bytes]:
    """The file's lines, less those that no reply can be."""
    with path.open("rb") as file:
        while line := file.readline(LONGEST):
            if line.endswith(b"\n"):
                yield line
            else:  # the rest of one that is too long
                while line and not line.endswith(b"\n"):
                    line = file.readline(LONGEST)


# --- reading --------------------------------------------------------------------------------


async def ingest(path: Path, record: Record, endpoint: Endpoint, provider: Provider, journal: Journal) -> Read:
    """Reads a file into the journal. Doing so again adds nothing."""
    read, waiting = Read(), list[Entry]()
    for line in lines(path):
        if (result := _result(line, endpoint)) and (one := _of(record, result)) and one.keys[0] not in read.seen:
            read.seen.add(one.keys[0])
            found = _entries(one, result, record, endpoint, provider, read)
            read.came.update(entry.key for entry in found)
            waiting += found
        if len(waiting) >= GROUP:
            await journal.put(waiting)
            waiting = []
    await journal.put(waiting)
    return read


def _result(line: bytes, endpoint: Endpoint) -> Result | None:
    try:
        return endpoint.result(wire.decoded(line, endpoint.place))
    except TryAgain:
        return None


def _of(record: Record, result: Result) -> Line | None:
    """The request that a result is to."""
    return record.by_key.get(key_in(record.tag, result.custom_id) or b"")


def is_ours(path: Path, record: Record, endpoint: Endpoint) -> bool:
    """Whether a file holds a result to this batch."""
    found = (_result(line, endpoint) for line in lines(path))
    return any(one and _of(record, one) for one in found)


def _entries(
    line: Line, result: Result, record: Record, endpoint: Endpoint, provider: Provider, read: Read
) -> list[Entry]:
    """The replies of one result; where it holds none, the reason is noted."""
    request, first = Request(record.model, []), line.keys[0]
    if result.data is None:
        read.faults[first] = _fault(result, endpoint.place)
        return []
    read.paid += 1
    try:
        raws = endpoint.raws(result.data, request, len(line.keys))
    except TryAgain as fault:
        raws = []
        read.faults[first] = fault
        read.broken.append(Attempt(first, fault.reason, str(fault), billed=True, dollars=line.worst or 0.0))
    billed = [_half(bill, line) for bill in bills(provider, request, raws, len(line.keys))]
    return [
        _entry(key, raw, bill, record)
        for key, raw, bill in zip(line.keys, raws, billed, strict=False)
        if _is_whole(key, raw, bill, provider, read, first)
    ]


def _is_whole(key: bytes, raw: Raw, bill: Bill, provider: Provider, read: Read, first: bytes) -> bool:
    """Whether a reply is one; what a broken one cost is kept for the record."""
    fault = said(provider, raw)
    if not isinstance(fault, TryAgain):
        return True
    read.faults[first] = fault
    read.broken.append(Attempt(key, fault.reason, str(fault), fault.billed, bill.dollars or 0.0))
    return False


def _half(bill: Bill, line: Line) -> Bill:
    """At half price. One that does not say its tokens costs the most that its request can, which is half already."""
    whole = line.worst if bill.untold else None if bill.dollars is None else HALF * bill.dollars
    return bill._replace(dollars=whole)


def _entry(key: bytes, raw: Raw, bill: Bill, record: Record) -> Entry:
    return Entry(key, raw, bill.usage.prompt, bill.usage.completion, bill.dollars, record.model.use)


def _fault(result: Result, place: Place) -> PrefgenError:
    """What an error in a line comes to, as if it had come online."""
    if result.end:
        return TryAgain(f"batch_{result.end}", f"{place.use}: its batch was {_ENDED[result.end]}", attempts=2)
    return faults.of_status(result.status, {}, result.error, place)


_ENDED = {"expired": "not finished within a day", "cancelled": "cancelled"}
