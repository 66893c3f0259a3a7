"""Some of the pairs themselves, for people to read: as many as a page can carry, which the seed chooses."""

from pathlib import Path
from typing import Any

from prefgen.browse.pairs import PairTable

PAIRS, CHARACTERS = 2000, 3_000_000
"""Pairs of a page at most, and about the characters of all their texts."""
CUTS, ENOUGH = (4000, 2000, 1000, 500), 500
"""After so many characters a text is cut: the first of these with which there are enough pairs."""
TRIED = 50
"""Pairs by which it is guessed how long the others are."""

Rows = dict[str, Any]


def shown(place: Path, seed: int) -> Rows | None:
    """Pairs of a run as ``prefgen.browse`` samples them, with their ``facets``; None where there are none."""
    table = PairTable(place)
    if not table.total:
        return None
    rows, cut = _fitting(table.sample(TRIED, seed, CUTS[0])["rows"])
    return {**table.sample(rows, seed, cut), "facets": table.facets()}


def _fitting(tried: list[Rows]) -> tuple[int, int]:
    """How many pairs there is room for, and where to cut their texts."""
    for cut in CUTS:
        size = sum(_characters(one, cut) for one in tried) / len(tried)
        rows = min(PAIRS, int(CHARACTERS / size))
        if rows >= ENOUGH:
            return rows, cut
    return max(rows, 1), cut


def _characters(row: Rows, cut: int) -> int:
    """The characters of a pair's texts, cut."""
    texts = [row["chosen"], row["rejected"], *(turn["content"] for turn in row["prompt"])]
    texts += [one["text"] or "" for one in row["judgments"]]
    return sum(min(len(text), cut) for text in texts) + 1
