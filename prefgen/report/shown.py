"""Some of the pairs themselves, for people to read: as many as a page can carry, which the seed chooses."""

from typing import Any, Protocol

from prefgen.html.escaped import data

PAIRS, BYTES = 2000, 3_000_000
"""Pairs of a page at most, and the bytes of all of them."""
CUTS, ENOUGH = (4000, 2000, 1000, 500), 500
"""After so many characters a text is cut: the first of these with which there is room for enough pairs."""
FACETS = 200
"""Categories to choose from, and reasons: the most frequent ones."""
TRIED = 50
"""Pairs by which it is guessed how long the others are."""

Rows = dict[str, Any]


class Sampled(Protocol):
    """A ``PairTable``, as far as it matters here."""

    @property
    def total(self) -> int:
        """How many pairs there are."""

    def sample(self, rows: int, seed: int, characters: int) -> Rows:
        """So many of them, cut."""

    def facets(self) -> Rows:
        """What there is to choose from."""


def shown(table: Sampled, seed: int) -> Rows | None:
    """Pairs of a run as ``prefgen.browse`` samples them, with their ``facets``; None where there are none."""
    if not table.total:
        return None
    rows, cut = _room(table, seed)
    found = table.sample(rows, seed, cut)
    if (size := _bytes(found)) > BYTES:  # the others were longer
        found = table.sample(max(1, int(0.9 * found["shown"] * BYTES / size)), seed, cut)
    facets = table.facets()
    some = {name: dict([*facets[name].items()][:FACETS]) for name in ("categories", "reasons")}
    return {**found, "facets": {**facets, **some}}


def _room(table: Sampled, seed: int) -> tuple[int, int]:
    """How many pairs there is room for, and where to cut their texts."""
    rows = 0
    for cut in CUTS:
        tried = table.sample(TRIED, seed, cut)
        rows = min(PAIRS, int(BYTES / _bytes(tried) * tried["shown"]))
        if rows >= min(ENOUGH, table.total):
            break
    return max(1, rows), cut


def _bytes(rows: Rows) -> int:
    return len(data(rows["rows"]).encode())
