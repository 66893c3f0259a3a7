"""Charts of an audit's pairs, as the card of a dataset draws them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefgen.audit.bias import Measured
from prefgen.audit.part import Part
from prefgen.card import charts
from prefgen.judged import in_percent

FEW = 30
"""Pairs of which nothing is drawn."""
Picture = tuple[Mapping[str, Any], str]
"""A chart, and what it shows in words."""


def pictures(parts: Sequence[Part], biases: Mapping[str, Any]) -> list[Picture]:
    """Lengths and scores, where there are pairs enough."""
    return [*_lengths(parts, biases), *_scores(parts, biases)]


def _lengths(parts: Sequence[Part], biases: Mapping[str, Any]) -> Iterator[Picture]:
    longer = (biases["lengths"] or {}).get("longer")
    if longer and longer["n"] >= FEW:
        told = f"the chosen one is the longer one in {in_percent(longer)} of {longer['n']:,} pairs"
        yield charts.lengths(Measured(parts), told), f"Length of the chosen response against the rejected: {told}"


def _scores(parts: Sequence[Part], biases: Mapping[str, Any]) -> Iterator[Picture]:
    gap = biases["gap"]
    if gap and gap["n"] >= FEW:
        told = f"{gap['n']:,} pairs; the chosen one's score is {gap['mean']:.2f} higher on average"
        yield charts.scores(Measured(parts), told), f"Scores of chosen and of rejected responses: {told}"
