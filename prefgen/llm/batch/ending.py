"""What is to be done with batches that a run left: look at them, end them at their provider, or let go of them."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from prefgen.errors import PrefgenError
from prefgen.llm.batch import ledger
from prefgen.llm.batch.endpoints import endpoint_of
from prefgen.llm.batch.held import words
from prefgen.llm.batch.ledger import Record
from prefgen.llm.journal import Journal


async def told(path: Path, *, cancel: bool, forget: bool) -> Sequence[str]:
    """A line for each batch of a journal that is not over, once it is cancelled, or let go of, where that is wanted."""
    journal = Journal(path)
    try:
        return [await _told(journal, record, cancel=cancel, forget=forget) for record in ledger.unfinished(journal)]
    finally:
        journal.close()


async def _told(journal: Journal, record: Record, *, cancel: bool, forget: bool) -> str:
    if forget and record.state == "saved" and ledger.saved_at(journal, record).exists():
        return f"{_words(record)}; its results are here already: the next run reads them, and it is not let go of"
    if forget:
        await ledger.note(journal, record, "dropped")
        return f"{_words(record)}; let go of: what is in it may be paid for again"
    if not record.batch:
        return f"{_words(record)}; whether it was made is not known: the next run looks"
    try:
        async with AsyncExitStack() as stack:
            endpoint = endpoint_of(record.model)
            stack.push_async_callback(endpoint.close)
            status = await (endpoint.cancel if cancel else endpoint.status)(record.batch)
    except PrefgenError as error:
        return f"{_words(record)}; {error}"
    record.looked = status.done
    how = f"has ended ({status.end})" if status.ended else "is being cancelled" if cancel else "is under way"
    after = "; the next run brings in what it has" if status.ended or cancel else ""
    return f"{_words(record)}; {how}{after}"


def _words(record: Record) -> str:
    return f"{record.batch or record.tag}: {words(record)}"
