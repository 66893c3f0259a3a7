"""The judgments behind each pair: of the pair itself in either order, or of one of its responses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from prefgen.browse.chain import SIDES, Ids
from prefgen.browse.groups import Groups, Numbers
from prefgen.browse.made import Made
from prefgen.errors import Status
from prefgen.rows import DROPPED

OF_PAIRS = frozenset({"pair_id", "verdict", "judge_model"})
OF_RESPONSES = frozenset({"response_id", "score", "judge_model"})
"""The columns by which tables of judgments are known."""
NO_JUDGE = "baseline"
"""A verb whose judgments nobody made."""


@dataclass(frozen=True)
class Links:
    """Which rows of a table (or of what is ``lost`` of it) are of which pairs: ``pair`` and ``row``, and of a judgment
    of one response its ``side``, a place in SIDES; in the order of the pairs.
    """

    step: Made
    rows: pl.DataFrame
    lost: bool = False

    @property
    def table(self) -> Groups:
        """Where the rows are."""
        found = self.step.lost if self.lost else self.step.rows
        assert found is not None  # noqa: S101  # links are made of what is there
        return found

    def of(self, pairs: Numbers) -> pl.DataFrame:
        """The rows of some pairs."""
        known = self.rows["pair"].to_numpy()
        starts, ends = np.searchsorted(known, pairs), np.searchsorted(known, pairs, side="right")
        places = [np.arange(start, end) for start, end in zip(starts, ends, strict=True)]
        return self.rows[np.concatenate(places)] if places else self.rows[:0]


@dataclass
class Heard:
    """What the judgments of each pair say together: whether some are for the chosen response, and some for the
    rejected one; the least score of the chosen, and the best of the rejected.
    """

    total: int
    judges: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.seen = {side: np.zeros(self.total, bool) for side in SIDES}
        self.least, self.best = np.full(self.total, np.inf), np.full(self.total, -np.inf)

    def add_verdicts(self, pairs: Numbers, says: pl.Series) -> None:
        """Takes verdicts, "chosen" or "rejected"."""
        for side in SIDES:
            self.seen[side][pairs[(says == side).fill_null(value=False).to_numpy()]] = True

    def add_scores(self, pairs: Numbers, rejected: NDArray[np.bool_], scores: pl.Series) -> None:
        """Takes scores of single responses."""
        points = scores.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
        known = np.isfinite(points)
        mine, others = known & ~rejected, known & rejected
        np.minimum.at(self.least, pairs[mine], points[mine])
        np.maximum.at(self.best, pairs[others], points[others])

    def disagreement(self) -> NDArray[np.bool_]:
        """Of which pairs some judgments say the one and some the other: verdicts for both, or a score of the rejected
        response that is above one of the chosen.
        """
        return (self.seen["chosen"] & self.seen["rejected"]) | (self.best > self.least)


def judging(steps: Mapping[str, Made]) -> list[Made]:
    """The tables that judges made of what was not judged, of pairs or of single responses."""
    found = [one for one in steps.values() if one.columns >= OF_PAIRS or one.columns >= OF_RESPONSES]
    return [one for one in found if one.judges or not any("judge_model" in steps[t].columns for t in one.inputs)]


def links(step: Made, endings: Sequence[str], ids: Ids, sides: Ids, heard: Heard) -> Iterator[Links]:
    """The rows of a table of judgments that are of pairs, and those that could not be read. ``endings`` are what the
    pairs' ids have more than here; ``sides`` knows the responses of the pairs, by twice a pair's number, and one more
    for the rejected one; ``heard`` is told what the judgments say.
    """
    of = _Of(step, endings, ids, sides)
    parts, first = [_NONE], 0
    for some in step.rows.narrow(of.columns()):
        part = of.linked(some)
        if step.verb != NO_JUDGE:
            of.tell(heard, some, part)
        parts.append(part.with_columns(row=pl.col("row") + first).cast(_NONE.schema))
        first += some.height
    yield Links(step, pl.concat(parts).sort("pair", "row"))
    if step.lost:
        yield Links(step, _unread(of, step.lost), lost=True)


_NONE = pl.DataFrame(schema={"pair": pl.UInt32, "row": pl.UInt32, "side": pl.UInt8})


@dataclass(frozen=True)
class _Of:
    """How the rows of one table of judgments are known to be of pairs."""

    step: Made
    endings: Sequence[str]
    ids: Ids
    sides: Ids

    @property
    def both(self) -> bool:
        """Whether it judges pairs."""
        return self.step.columns >= OF_PAIRS

    def columns(self) -> list[str]:
        """What is looked at."""
        if self.both:
            return ["pair_id", "verdict", "judge_model", *({"gold"} & self.step.columns)]
        return ["response_id", "score", "judge_model", *({"pair_id", "side"} & self.step.columns)]

    def linked(self, some: pl.DataFrame) -> pl.DataFrame:
        """Pair, place in ``some``, and side."""
        if self.both:
            pairs = self.ids.of(some["pair_id"], self.endings)
            at = np.flatnonzero(pairs >= 0)
            return _rows(pairs[at], at, None)
        if {"pair_id", "side"} <= set(some.columns):  # as unpair made them
            pairs = self.ids.of(some["pair_id"], self.endings)
            at = np.flatnonzero(pairs >= 0)
            return _rows(pairs[at], at, (some["side"] == SIDES[1]).to_numpy()[at])
        at, numbers = self.sides.every(some["response_id"])
        return _rows(numbers // 2, at, numbers % 2)

    def unread(self, ids: pl.Series) -> pl.DataFrame:
        """The same of the ids of draws."""
        if self.both:
            pairs = self.ids.of(ids, self.endings)
            at = np.flatnonzero(pairs >= 0)
            return _rows(pairs[at], at, None)
        at, numbers = self.sides.every(ids)
        return _rows(numbers // 2, at, numbers % 2)

    def tell(self, heard: Heard, some: pl.DataFrame, part: pl.DataFrame) -> None:
        """Adds what these rows say."""
        said, pairs = some[part["row"]], part["pair"].to_numpy()
        heard.judges |= {*said["judge_model"].cast(pl.String).drop_nulls().unique()}
        if self.both:
            heard.add_verdicts(pairs, said.select(verdict(said.columns)).to_series())
        else:
            heard.add_scores(pairs, part["side"].to_numpy() == 1, said["score"])


def _rows(pairs: Numbers, at: Numbers, side: Any) -> pl.DataFrame:
    sides = pl.Series([None], dtype=pl.UInt8).new_from_index(0, len(at)) if side is None else pl.Series(side)
    return pl.DataFrame({"pair": pairs, "row": at, "side": sides.cast(pl.UInt8)})


def verdict(columns: Sequence[str]) -> pl.Expr:
    """Which response a judgment is for: "chosen", "rejected" or "tie"; null where it could not be read, or where
    nothing says which is which.
    """
    said = pl.col("verdict").cast(pl.String)
    known = pl.col("gold").cast(pl.String) if "gold" in columns else pl.lit(None, pl.String)
    side = pl.when(said == known).then(pl.lit("chosen")).when(said.is_in(["A", "B"])).then(pl.lit("rejected"))
    return pl.when(said.is_not_null() & known.is_not_null()).then(side.otherwise(pl.lit("tie"))).alias("says")


def _unread(of: _Of, lost: Groups) -> pl.DataFrame:
    """The draws of which nothing could be read, or that failed; not the rows that were never asked about."""
    told = of.step.told
    kinds = [*get_args(Status), *(told.get("unreadable") or ()), *(told.get("failed") or ())]
    parts, first = [_NONE], 0
    for some in lost.narrow(["id", DROPPED]):
        at = some[DROPPED].is_in(kinds).fill_null(value=False).arg_true()
        part = of.unread(some["id"].gather(at))
        parts.append(part.with_columns(row=at.gather(part["row"]) + first).cast(_NONE.schema))
        first += some.height
    return pl.concat(parts).sort("pair", "row")
