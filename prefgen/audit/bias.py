"""What a model could learn in the place of quality: length, authors, the place in which a response stood."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from prefgen.audit.columns import MODELS
from prefgen.audit.part import LENGTHS, Part
from prefgen.card.bins import scored
from prefgen.judged import author_report, pair_report
from prefgen.statistics import share

STEPS = 2
"""Bins of lengths for each doubling."""
BINS = 34
"""The last holds what is longer than 2 ** (BINS / STEPS) characters."""


class Measured:
    """The lengths, models and scores of whole pairs, as often as they are gone through."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[pl.DataFrame]:
        both = pl.all_horizontal(pl.col(one).is_not_null() for one in LENGTHS)
        for part in self.parts:
            yield from (found for rows in part.measures() if (found := rows.filter(both)).height)


def biases(parts: Sequence[Part]) -> dict[str, Any]:
    """``lengths`` as ``pair_report`` has them; ``authors`` as ``author_report``, and ``author``, how often the stronger
    author is the chosen one; ``first``, how often the better of two responses in a row stood first; ``spread``, how
    many responses of each side have which length.
    """
    pairs, every = Measured(parts), [part.measures for part in parts]
    met = _met(pairs)
    authors = author_report(met)
    told = {"lengths": pair_report(pairs), "authors": authors, "author": _author(met, authors)}
    return {**told, "first": _first(pairs), "spread": _spread(every), "gap": _gap(pairs)}


def _met(pairs: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """How often which models met."""
    found = pl.DataFrame(schema={**dict.fromkeys(MODELS, pl.String), "n": pl.UInt32})
    for rows in pairs:
        own = rows.filter(pl.all_horizontal(pl.col(one).is_not_null() for one in MODELS))
        counted = own.group_by(MODELS, maintain_order=True).agg(pl.len().alias("n"))
        found = pl.concat([found, counted]).group_by(MODELS, maintain_order=True).agg(pl.col("n").sum())
    return found


def _author(met: pl.DataFrame, authors: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """In which share of pairs of two models the one with more strength is chosen: what the name alone tells."""
    order = {one["model"]: place for place, one in enumerate(authors)}
    right = of = 0
    for chosen, rejected, n in met.select(*MODELS, "n").iter_rows():
        if chosen != rejected:
            of += n
            right += n if order[chosen] < order[rejected] else 0
    found = share(right, of)
    return asdict(found) if found else None


def _first(pairs: Iterable[pl.DataFrame]) -> dict[str, Any] | None:
    sums = [(int(rows["first"].sum()), rows["first"].count()) for rows in pairs]
    found = share(sum(one for one, _ in sums), sum(of for _, of in sums))
    return asdict(found) if found else None


def _spread(every: Sequence[Callable[[], Iterator[pl.DataFrame]]]) -> dict[str, list[int]]:
    """Of each side the counts of lengths, by bins of which two are a doubling."""
    counts = {side: [0] * BINS for side in LENGTHS}
    for rows in (rows for measures in every for rows in measures()):
        for side, bins in counts.items():
            place = (
                (rows[side].drop_nulls().clip(lower_bound=1).cast(pl.Float64).log(2) * STEPS).floor().clip(0, BINS - 1)
            )
            for at, n in place.cast(pl.Int64).value_counts().iter_rows():
                bins[at] += n
    return {side.removesuffix("_characters"): bins for side, bins in counts.items()}


def _gap(pairs: Measured) -> dict[str, Any] | None:
    """How far the scores lie apart on average."""
    sums = [(float((rows["chosen_score"] - rows["rejected_score"]).sum()), rows.height) for rows in scored(pairs)]
    n = sum(of for _, of in sums)
    return {"mean": sum(one for one, _ in sums) / n, "n": n} if n else None
