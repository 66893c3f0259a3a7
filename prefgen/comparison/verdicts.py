"""How the judges of two runs judge: each one's agreement and bias, the difference, and where verdicts differ."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from prefgen.agreement import cohens_kappa
from prefgen.comparison.paired import Paired, measure
from prefgen.statistics import MEASURES, Sums, first_read

Two = tuple[str | None, str | None]


def matched(a: Sequence[str], b: Sequence[str]) -> Iterator[Two]:
    """Which of two lists of names are held against each other: the same ones, and what is left where that is one of
    each; the others by themselves.
    """
    left, right = ([name for name in one if name not in other] for one, other in ((a, b), (b, a)))
    yield from ((name, name) for name in a if name in b)
    if len(left) == len(right) == 1:
        yield left[0], right[0]
        return
    yield from ((name, None) for name in left)
    yield from ((None, name) for name in right)


def of_judge(rows: pl.DataFrame, judge: str | None) -> pl.DataFrame:
    """The judgments of one judge; of none there are none."""
    if judge is None or not rows.width:
        return pl.DataFrame()
    return rows.filter(pl.col("judge_model") == judge)


class OfVerdicts:
    """One judge of two responses in A, and one in B; either may be missing."""

    def __init__(self, judges: Two, examples: int) -> None:
        self.judges, self.examples = judges, examples
        self.sums = {name: (Sums(), Sums()) for name in MEASURES}
        self.paired = {name: Paired() for name in MEASURES}
        self.said, self.same = Counter[tuple[str, str]](), Sums()
        self.differ = pl.DataFrame()

    def add(self, a: pl.DataFrame, b: pl.DataFrame) -> None:
        """Takes the judgments of the same prompts of both."""
        own = [of_judge(rows, judge) for rows, judge in zip((a, b), self.judges, strict=True)]
        for name, measured in MEASURES.items():
            for sums, rows in zip(self.sums[name], own, strict=True):
                if rows.height:
                    sums.add(measured(rows))
            if own[0].height and own[1].height:
                self.paired[name].add(measured(_by_texts(own[0])), measured(_by_texts(own[1])))
        if own[0].height and own[1].height:
            self._add_verdicts(*(_first(rows) for rows in own))

    def _add_verdicts(self, a: pl.DataFrame, b: pl.DataFrame) -> None:
        """The first verdicts that could be read on the same two texts in the same order."""
        both = a.join(b, on=["key", "ahead"], suffix="_b")
        for one, other, often in both.group_by("verdict", "verdict_b").len().iter_rows():
            self.said[one, other] += often
        differs = pl.col("verdict") != pl.col("verdict_b")
        self.same.add(both.select("key", pair_id="key", holds=~differs))
        found = both.filter(differs).select("key", "ahead", "row", "row_b")
        held = [self.differ, found] if self.differ.width else [found]
        self.differ = pl.concat(held).sort("key", "ahead").unique("key", keep="first", maintain_order=True)
        self.differ = self.differ.head(self.examples)

    def told(self) -> dict[str, Any]:
        """Each measure of both, and on how many of the verdicts that both gave they differ."""
        n, same = sum(self.said.values()), self.same.share()
        differ = sum(often for (a, b), often in self.said.items() if a != b)
        verdicts = {"shared": n, "differ": differ, "same": same and asdict(same), "kappa": _kappa(self.said)}
        measures = {name: measure(*self.sums[name], self.paired[name]) for name in MEASURES}
        return {
            "kind": "pairs",
            "measures": {name: one for name, one in measures.items() if one["a"] or one["b"]},
            "verdicts": verdicts if n else None,
        }


def _kappa(said: Counter[tuple[str, str]]) -> float | None:
    """Cohen's, of what A said and what B said of the same two texts; None where chance explains all."""
    return cohens_kappa([a for a, _ in said], [b for _, b in said], list(said.values()))


def _by_texts(rows: pl.DataFrame) -> pl.DataFrame:
    """The judgments, with their texts in the place of the pair's id, which says nothing in another run."""
    return rows.with_columns(pair_id="key")


def _first(rows: pl.DataFrame) -> pl.DataFrame:
    """The first verdict that could be read on two texts in one order."""
    found = first_read(rows).unique(["key", "ahead"], keep="first", maintain_order=True)
    return found.select("key", "ahead", "verdict", "row")


class OfScores:
    """One judge of single responses in A, and one in B; either may be missing."""

    def __init__(self, judges: Two) -> None:
        self.judges = judges
        self.each: list[tuple[int, int, float]] = [(0, 0, 0.0), (0, 0, 0.0)]
        self.paired, self.sums = Paired(), [0.0] * 5

    def add(self, a: pl.DataFrame, b: pl.DataFrame) -> None:
        """Takes the judgments of the same prompts of both."""
        own = [of_judge(rows, judge) for rows, judge in zip((a, b), self.judges, strict=True)]
        for place, rows in enumerate(own):
            n, responses, total = self.each[place]
            if rows.height:
                total += float(rows["score"].sum() or 0)
                self.each[place] = (n + rows["score"].count(), responses + rows["key"].n_unique(), total)
        if own[0].height and own[1].height:
            means = [_means(rows) for rows in own]
            self.paired.add(means[0], means[1], by="key")
            both = means[0].join(means[1], on="key", suffix="_b").select(x="holds", y="holds_b")
            x, y = both["x"], both["y"]
            sums = (x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum())
            self.sums = [held + float(more) for held, more in zip(self.sums, sums, strict=True)]

    def told(self) -> dict[str, Any]:
        """The mean score of both, and how far they agree on the responses that both scored."""
        sides = [
            {"value": total / n, "n": n, "responses": responses} if n else None for n, responses, total in self.each
        ]
        difference = self.paired.of_means()
        mean = {"a": sides[0], "b": sides[1], "difference": difference and asdict(difference)}
        return {"kind": "scores", "mean": mean, "correlation": _correlation(self.paired.n, *self.sums)}


def _means(rows: pl.DataFrame) -> pl.DataFrame:
    """Each response's mean score."""
    return rows.drop_nulls("score").group_by("key").agg(holds=pl.col("score").mean())


def _correlation(n: int, x: float, y: float, xx: float, yy: float, xy: float) -> Mapping[str, Any] | None:
    """Pearson's, of the scores of what both scored; None where one of them never changes."""
    spread = [of - one * one / n if n else 0.0 for of, one in ((xx, x), (yy, y))]
    if n < 3 or min(spread) <= 1e-9 * max(1.0, xx, yy):
        return None
    return {"value": (xy - x * y / n) / (spread[0] * spread[1]) ** 0.5, "n": n}
