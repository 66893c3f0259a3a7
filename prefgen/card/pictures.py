"""Pictures of a dataset, as PNG: rows step by step, scores, lengths, and where its judges look first.

Drawn by vl-convert, with no browser, no network and a font of its own: the same numbers make the same bytes. Nothing is
drawn of few rows, for they are better read.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prefgen.card import charts, drawing
from prefgen.card.looks import Spec
from prefgen.card.markdown import section
from prefgen.judged import in_percent

if TYPE_CHECKING:
    from prefgen.card.measures import Measures

FEW = 30
"""Rows of which nothing is drawn: below it a share is known to no better than 1 in 6."""
MOST_BARS = 24
"""Steps, or judges, in one picture."""


@dataclass(frozen=True)
class Picture:
    """A picture: its file's name, what it shows in words, and its bytes."""

    name: str
    alt: str
    png: bytes

    @property
    def path(self) -> str:
        """Where it lies in the dataset's folder."""
        return f"pictures/{self.name}.png"


def drawn(
    funnel: Sequence[Mapping[str, Any]],
    pairs: "Measures | None",
    judges: Mapping[str, Any],
    report: Mapping[str, Any],
    *,
    kept: Path | None = None,
) -> list[Picture]:
    """The pictures that there is something to draw for. ``pairs`` are the measures of ``preferences``,
    ``report`` what they come to (``prefgen.judged.pair_report``), ``kept`` a folder of pictures that were drawn before.
    """
    if pairs is None or pairs.height < FEW:
        return []
    every = [_funnel(funnel), _scores(pairs), _lengths(pairs, report), _positions(judges)]
    found = [one for one in every if one]
    made = drawing.png([one.chart for one in found], kept)
    return [Picture(one.name, one.alt, png) for one, png in zip(found, made, strict=True)]


class _Chart(NamedTuple):
    """A picture that is not drawn yet."""

    name: str
    alt: str
    chart: Spec


def _funnel(funnel: Sequence[Mapping[str, Any]]) -> _Chart:
    steps = [
        {
            "step": f"{n}. {label(step['table'])}",
            "rows": step["rows_out"],
            "lost": sum(sum((step.get(kind) or {}).values()) for kind in ("dropped", "unreadable", "failed")),
        }
        for n, step in enumerate(funnel[:MOST_BARS], 1)
    ]
    first, last = steps[0]["rows"], steps[-1]["rows"]
    alt = f"Rows after each of {len(steps)} steps, from {first:,} to {last:,}, and rows or replies lost there"
    return _Chart("funnel", alt, charts.funnel(steps))


def _scores(pairs: "Measures") -> _Chart | None:
    from prefgen.card.bins import scored

    rows = sum(told.height for told in scored(pairs))
    if rows < FEW:
        return None
    gaps = chain.from_iterable(told["chosen_score"] - told["rejected_score"] for told in scored(pairs))
    said = f"{rows:,} pairs; the chosen one's score is {math.fsum(gaps) / rows:.2f} higher on average"
    return _Chart("scores", f"Scores of chosen and of rejected responses: {said}", charts.scores(pairs, said))


def _lengths(pairs: "Measures", report: Mapping[str, Any]) -> _Chart | None:
    longer = report.get("longer")
    if not longer:
        return None
    told = f"the chosen one is the longer one in {in_percent(longer)} of {longer['n']:,} pairs"
    alt = f"Length of the chosen response against that of the rejected one: {told}"
    return _Chart("lengths", alt, charts.lengths(pairs, told))


def _positions(judges: Mapping[str, Any]) -> _Chart | None:
    found = [
        {"judge": f"{n}. {label(judge)} ({label(table)})", **one["first_shown"]}
        for n, (table, judge, one) in enumerate(
            ((table, judge, one) for table, of in judges.items() for judge, one in of.get("judges", {}).items()), 1
        )
        if one.get("first_shown")
    ][:MOST_BARS]
    if not found:
        return None
    told = "; ".join(f"{in_percent(one)}" for one in found)
    alt = f"How often each judge says the response shown first, half being no bias: {told}"
    return _Chart("positions", alt, charts.positions(found))


def label(text: str) -> str:
    """A name as far as the pictures' font has its letters: another font would be another machine's."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:48]


def pictures(found: Sequence[Picture]) -> str:
    """The section of the card. What a picture shows stands below it too, for those who see none."""
    return section("Pictures", *(f"![{one.alt}]({one.path})\n\n{one.alt}." for one in found))
