"""Segments: what a journal got since the last one, as bytes that are written once and taken in once."""

from pathlib import Path

from prefgen.llm.journal import Journal


class Exporter:
    """What is new in a journal, a segment at a time: replies, attempts and failures. It reads by a connection of its
    own, while the journal is written. Rows that the journal took in from other segments are not exported again.
    """

    def __init__(self, journal: Path) -> None:
        raise NotImplementedError

    def next(self) -> bytes | None:
        """A segment of the rows that are new since the last call, of a bounded size (call again until there is none);
        None where nothing is new. Raises RunError where the journal cannot be read.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of the journal's file."""
        raise NotImplementedError


async def take_in(journal: Journal, name: str, content: bytes) -> frozenset[bytes]:
    """Puts a segment's rows into a journal, once: in one transaction with a mark of its name. Gives the keys of which
    the journal had another reply already; the first one stays. Raises RunError for a damaged segment, of which nothing
    is taken in.
    """
    raise NotImplementedError


def taken(journal: Journal) -> frozenset[str]:
    """The names of the segments that are in a journal."""
    raise NotImplementedError
