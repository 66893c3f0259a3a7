"""Which pairs two runs share, which flipped, and how far the labels agree."""

from collections import Counter
from dataclasses import asdict
from typing import Any

import polars as pl

from prefgen.comparison.paired import Paired, measure
from prefgen.statistics import Share, Sums, share

CALLED = {"taken": "prompts taken", "pairs": "prompts with pairs", "judged": "prompts with judgments"}
"""Whose prompts are held against each other."""


class Overlap:
    """Prompts that are in both, or in one alone."""

    def __init__(self) -> None:
        self.both = self.a = self.b = 0

    def add(self, a: pl.DataFrame, b: pl.DataFrame) -> None:
        """Takes one part of the ``prompt`` of both."""
        one, other = (rows.select("prompt").unique() for rows in (a, b))
        both = one.join(other, on="prompt", how="semi").height
        self.both, self.a, self.b = self.both + both, self.a + one.height - both, self.b + other.height - both

    def told(self) -> dict[str, int]:
        """How many are where."""
        return {"both": self.both, "only_a": self.a, "only_b": self.b}


class OfPairs:
    """Two tables of pairs, part by part. A pair is the prompt and two texts, whichever is chosen; of several that are
    the same the first counts.
    """

    def __init__(self, examples: int) -> None:
        self.examples, self.rows = examples, [0, 0]
        self.only = [0, 0]
        self.shared = self.same = 0
        self.prompts = Counter[str]()
        self.longer, self.longer_by_prompt = (Sums(), Sums()), Paired()
        self.gaps: list[tuple[int, float]] = [(0, 0.0), (0, 0.0)]
        self.flipped, self.other = pl.DataFrame(), pl.DataFrame()

    def add(self, a: pl.DataFrame, b: pl.DataFrame) -> None:
        """Takes the pairs of the same prompts of both."""
        for place, rows in enumerate((a, b)):
            self.rows[place] += rows.height
            self.longer[place].add(rows.select(pair_id="prompt", holds="longer"))
            n, total = self.gaps[place]
            self.gaps[place] = n + rows["gap"].count(), total + float(rows["gap"].sum() or 0)
        by_prompt = [rows.select("prompt", holds="longer") for rows in (a, b)]
        self.longer_by_prompt.add(by_prompt[0], by_prompt[1], by="prompt")
        one, other = (rows.unique("key", keep="first", maintain_order=True) for rows in (a, b))
        self._add_shared(one.join(other, on="key", suffix="_b"))
        self.only[0] += one.join(other, on="key", how="anti").height
        self.only[1] += other.join(one, on="key", how="anti").height
        self._add_prompts(one, other)

    def _add_shared(self, shared: pl.DataFrame) -> None:
        flipped = shared.filter(pl.col("before") != pl.col("before_b")).select("key", "row", "row_b")
        self.shared, self.same = self.shared + shared.height, self.same + shared.height - flipped.height
        self.flipped = self._first(self.flipped, flipped)

    def _add_prompts(self, one: pl.DataFrame, other: pl.DataFrame) -> None:
        """Of the prompts with pairs in both: those of which some pair is in both, and of the others those whose chosen
        text is the same.
        """
        both = one.join(other, on="prompt", suffix="_b")
        same, chosen = pl.col("key") == pl.col("key_b"), pl.col("chosen") == pl.col("chosen_b")
        first = pl.col("row", "row_b").first()
        each = both.group_by("prompt", maintain_order=True).agg(
            same.any().alias("same"), chosen.any().alias("chosen"), first
        )
        apart = each.filter(~pl.col("same"))
        self.prompts.update(shared=each.height - apart.height, same_chosen=apart.filter("chosen").height)
        self.prompts.update(other_texts=apart.height)
        self.other = self._first(self.other, apart.select(pl.col("prompt").alias("key"), "row", "row_b"))

    def _first(self, held: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
        """As many as are shown, by their numbers, which have nothing to do with what they say."""
        return pl.concat([held, more] if held.width else [more]).sort("key").head(self.examples)

    def told(self) -> dict[str, Any]:
        """What is to be said of both; nothing where neither has pairs."""
        if not any(self.rows):
            return {}
        agreed = share(self.same, self.shared)
        return {
            "a": self.rows[0],
            "b": self.rows[1],
            "shared": self.shared,
            "same": self.same,
            "flipped": self.shared - self.same,
            "only_a": self.only[0],
            "only_b": self.only[1],
            "agreement": agreed and asdict(agreed),
            "kappa": _kappa(agreed),
            "prompts": {name: self.prompts[name] for name in ("shared", "other_texts", "same_chosen")},
            "longer": measure(*self.longer, self.longer_by_prompt),
            "gap": [{"value": total / n, "n": n} if n else None for n, total in self.gaps],
        }


def _kappa(agreed: Share | None) -> dict[str, Any] | None:
    """Cohen's, of labels that say which of two texts is chosen. Which of them is called the first is anybody's choice,
    so every pair counts with both names; then either label is given half of the time, and kappa is 2p - 1.
    """
    told = agreed and {name: 2 * getattr(agreed, name) - 1 for name in ("value", "low", "high")}
    return {**told, "n": agreed.n} if agreed and told else None
