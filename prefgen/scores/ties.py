"""RewardBench 2's Ties (arXiv:2506.01937): several right answers should be rated alike, and above every wrong one.

Its items come in twos: ``ref:3`` has one right answer, ``tied:3``, a like question, has several. The weights are the
authors' own choice (allenai/reward-bench, issue 244).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, Literal

import polars as pl

from prefgen.rows import because, drops, finite, whole
from prefgen.scores._rating import official_rating
from prefgen.scores._results import RESULTS, Tally, result, said_by

Parser = Literal["robust", "official"]
Ratings = tuple[Sequence[float], Sequence[float]]
"""One item's ratings: of its right answers, of its wrong ones."""

SHARES = {"tied_acc": 0.30, "ref_acc": 0.30, "p1": 0.20, "p2": 0.20, "m": 0.01}
"""What each measure counts; they add up to 1.01, for m only breaks ties."""
FAILED = -1.0
"""What the official code takes a rating for that it cannot read: on a wrong answer it helps."""


def ties_score(ref: Mapping[str, Ratings], tied: Mapping[str, Ratings]) -> dict[str, float]:
    """The measures and ``score``, from the items' ratings by their numbers.

    ``ref_acc`` and ``tied_acc`` are the shares of items whose worst right answer is above the best wrong one. Over the
    numbers that both groups have, with g that gap and d the spread of the tied item's right answers: ``p1`` is the
    share with g_tied > d, ``p2`` with min(g_ref, g_tied) > d, and ``m`` the mean of tanh(min(g_ref, g_tied) / d - 1),
    where 0/0 counts 0. A tied item with one right answer has no spread and passes none. A mean of nothing is 0.
    """
    both = [name for name in tied if name in ref]
    gaps = [(_gap(ref[name]), _gap(tied[name]), _spread(tied[name])) for name in both]
    measures = {
        "tied_acc": _mean(_gap(item) > 0 for item in tied.values()),
        "ref_acc": _mean(_gap(item) > 0 for item in ref.values()),
        "p1": _mean(g_tied > d for _, g_tied, d in gaps),
        "p2": _mean(min(g_ref, g_tied) > d for g_ref, g_tied, d in gaps),
        "m": _mean(_margin(min(g_ref, g_tied), d) for g_ref, g_tied, d in gaps),
    }
    return {**measures, "score": sum(share * measures[name] for name, share in SHARES.items())}


def _gap(item: Ratings) -> float:
    return min(item[0]) - max(item[1])


def _spread(item: Ratings) -> float:
    return max(item[0]) - min(item[0]) if len(item[0]) > 1 else math.nan


def _margin(gap: float, spread: float) -> float:
    """tanh(gap / spread - 1), with the limits that floating-point division has."""
    if math.isnan(spread) or (spread == 0 and gap == 0):
        return 0.0
    return math.tanh(gap / spread - 1) if spread else math.copysign(1.0, gap)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return fmean(found) if found else 0.0


def _unrated(*, parser: Parser = "robust", item: str = "item") -> pl.Expr:
    right, group = pl.col("correct"), pl.col(item)
    failed = [("a rating of its item cannot be read", pl.col("_rating").is_null().any().over(item))]
    return because(
        ("not known to be right or wrong", right.is_null()),
        ("neither a ref: nor a tied: item", ~group.str.contains(r"^(?:ref|tied):.").fill_null(value=False)),
        ("its item lacks right or wrong answers", (right.all() | ~right.any()).over(item)),
        *(failed if parser == "robust" else []),
    )


def _with_ratings(rows: pl.DataFrame, *, parser: Parser = "robust", item: str = "item") -> pl.DataFrame:
    """The rows with the rating that counts; on each, what is said of all of them, also of those that will go."""
    readings = {"robust": finite("score"), "official": official_rating()}
    other = readings["official" if parser == "robust" else "robust"]
    return rows.with_columns(
        _rating=readings[parser] if parser == "robust" else readings[parser].fill_null(FAILED),
        _unreadable=readings[parser].is_null().mean(),
        _disagreement=readings[parser].ne_missing(other).mean(),
        _items=pl.col(item).n_unique(),
    )


@whole
@drops(_unrated, prepared=_with_ratings)
def ties(
    rows: pl.DataFrame,
    *,
    parser: Parser = "robust",  # noqa: ARG001  whose rating counts is settled before
    item: str = "item",
) -> pl.DataFrame:
    """The result table of the Ties: a row for each measure, and one for the domain; scores are percentages.

    Takes ``rate``'s judgments of responses that are known to be right or wrong (``correct``), with ``item`` the
    benchmark's own id. ``parser`` says whose reading counts. ``robust`` is the column ``score``, and an item with a
    rating that cannot be read is left out, which ``note`` counts. ``official`` reads the judge's words as RewardBench 2
    does, and takes a rating that it cannot read for -1. Several ratings of a response have their mean.
    """
    found = _items(rows, item)
    groups = {kind: {n: found[f"{kind}:{n}"] for n in _numbers(found, kind)} for kind in ("ref", "tied")}
    measures = ties_score(groups["ref"], groups["tied"])
    unreadable, disagreement, items = next(rows.select(_OF_ALL).iter_rows(), (None, None, 0))
    counts = {"tied_acc": len(groups["tied"]), "ref_acc": len(groups["ref"])}
    both = len(set(groups["ref"]) & set(groups["tied"]))
    same = {"mode": "ratings", "judge_model": said_by(rows, "judge_model")}
    made = [
        result("measure", Tally(name, measures[name], counts.get(name, both)), weight=share, **same)
        for name, share in SHARES.items()
    ]
    left_out = f"{items - len(found)} items left out" if items > len(found) else None
    note = left_out if found else "no rows: counts as 0"
    domain = Tally("Ties", measures["score"], len(found), unreadable, disagreement)
    return pl.DataFrame([*made, result("domain", domain, note=note, **same)], schema=RESULTS)


ties.looks_at = lambda settings: (
    settings.get("item", "item"), "correct", "score", "judgment", "response_id", "judge_model"
)  # fmt: skip


def _items(rows: pl.DataFrame, item: str) -> dict[str, Ratings]:
    """The ratings of each item's right and wrong answers."""
    answers = rows.group_by(item, "response_id", maintain_order=True).agg(
        pl.col("_rating").mean(), pl.col("correct").first()
    )
    sides = [pl.col("_rating").filter(side).alias(name) for name, side in _SIDES.items()]
    made = answers.group_by(item, maintain_order=True).agg(sides)
    return {name: (right, wrong) for name, right, wrong in made.select(item, *_SIDES).iter_rows()}


_OF_ALL = ("_unreadable", "_disagreement", "_items")
_SIDES = {"right": pl.col("correct"), "wrong": ~pl.col("correct")}


def _numbers(found: Mapping[str, Any], kind: str) -> list[str]:
    return [name.partition(":")[2] for name in found if name.startswith(f"{kind}:")]
