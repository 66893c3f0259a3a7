"""How the two responses of a pair stand in a row: in a column each, in two columns and a third that says which is
better, in lists of right and wrong ones, or in one list with ranks.

Each way names the columns that it reads (``needs``; ``may`` are read where they are there), and gives the pairs of one
row, better response first.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import Any, ClassVar

Both = tuple[str, str]
"""Two columns: of the better and of the worse response, or of the first and of the second."""
Better = Callable[[Any], int | str]
"""What a column's value says: 0, the first is better; 1, the second is; else why neither."""

MODELS = ("chosen_model", "rejected_model")
MOST = 1000
"""Pairs that one row may make: a benchmark's sets make some hundred, and a list of a million responses has no end."""
NOTHING = (None, None)


@dataclass(frozen=True)
class Two:
    """Two responses as they stand in a source, the better one first, with their models and scores; or why there are
    none.
    """

    chosen: Any = None
    rejected: Any = None
    models: tuple[Any, Any] = NOTHING
    scores: tuple[Any, Any] = NOTHING
    why: str | None = None


@dataclass(frozen=True)
class Sides:
    """A column of better responses and one of worse ones. ``pool`` names two lists, of texts and of their scores, in
    which the scores of both stand.
    """

    of: Both = ("chosen", "rejected")
    models: Both = MODELS
    scores: Both | None = None
    pool: Both | None = None

    @property
    def needs(self) -> Sequence[str]:
        """The columns that must be there."""
        return (*self.of, *(self.scores or ()), *(self.pool or ()))

    @property
    def may(self) -> Sequence[str]:
        """Those that are read where they are there."""
        return self.models

    @property
    def texts(self) -> Both:
        """Those that hold a response each."""
        return self.of

    @property
    def scored(self) -> bool:
        """Whether responses come with scores."""
        return bool(self.scores or self.pool)

    def told(self) -> str:
        """What is read, in words."""
        scores = f", scores from {' and '.join(self.scores or self.pool or ())}" if self.scored else ""
        return f"{' against '.join(self.of)}{scores}"

    def pairs(self, row: Mapping[str, Any]) -> list[Two]:
        """The row's one pair."""
        chosen, rejected = (row[name] for name in self.of)
        models = (row.get(self.models[0]), row.get(self.models[1]))
        return [Two(chosen, rejected, models, self._scores(row, chosen, rejected))]

    def _scores(self, row: Mapping[str, Any], chosen: Any, rejected: Any) -> tuple[Any, Any]:
        if self.scores:
            return row[self.scores[0]], row[self.scores[1]]
        if self.pool:
            texts, scores = (row[name] for name in self.pool)
            return _found(chosen, texts, scores), _found(rejected, texts, scores)
        return NOTHING


def _found(response: Any, texts: Any, scores: Any) -> Any:
    """A response's score in a pool, known by its very text; none where the pool has not this text."""
    text = response[-1].get("content") if _talk(response) else response
    both = isinstance(texts, list) and isinstance(scores, list) and len(texts) == len(scores)
    return scores[texts.index(text)] if both and text in texts else None


def _talk(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[-1], dict)


@dataclass(frozen=True)
class Judged:
    """Two columns of responses, and one that says which of the two is better."""

    of: Both
    by: str
    better: Better
    models: Both = ("", "")
    scored = False

    @property
    def texts(self) -> Both:
        """The columns that hold a response each."""
        return self.of

    @property
    def needs(self) -> Sequence[str]:
        """The columns that must be there."""
        return (*self.of, self.by)

    @property
    def may(self) -> Sequence[str]:
        """Those that are read where they are there."""
        return [name for name in self.models if name]

    def told(self) -> str:
        """What is read, in words."""
        return f"{' or '.join(self.of)}, as {self.by} prefers"

    def pairs(self, row: Mapping[str, Any]) -> list[Two]:
        """The row's one pair; none where neither is better."""
        best = self.better(row[self.by])
        if isinstance(best, str):
            return [Two(why=best)]
        order = (best, 1 - best)
        chosen, rejected = (row[self.of[place]] for place in order)
        return [Two(chosen, rejected, (row.get(self.models[order[0]]), row.get(self.models[order[1]])))]


def below_zero(value: Any) -> int | str:
    """Of a strength from -3 to 3: below 0 the first response is better, above it the second."""
    strength = number(value)
    if strength is None:
        return "no preference"
    return "tie" if strength == 0 else int(strength > 0)


def labelled(value: Any, *, words: Mapping[str, int | str]) -> int | str:
    """Of a label in words."""
    return words.get(str(value).strip(), "no preference")


@dataclass(frozen=True)
class Sets:
    """A list of right responses and one of wrong ones: each right one with each wrong one."""

    of: Both
    may: Sequence[str] = ()
    texts: ClassVar[Sequence[str]] = ()
    scored = False

    @property
    def needs(self) -> Sequence[str]:
        """The columns that must be there."""
        return self.of

    def told(self) -> str:
        """What is read, in words."""
        return f"each of {self.of[0]} against each of {self.of[1]}"

    def pairs(self, row: Mapping[str, Any]) -> list[Two]:
        """All pairs of the row."""
        right, wrong = (value if isinstance(value, list) else [value] for value in (row[name] for name in self.of))
        return _bounded(product(right, wrong), len(right) * len(wrong)) or [Two(why="no response")]


@dataclass(frozen=True)
class Ranked:
    """A list of completions with their ranks, the lowest being the best: each with each that ranks below it."""

    of: str
    may: Sequence[str] = ()
    texts: ClassVar[Sequence[str]] = ()
    scored = False

    @property
    def needs(self) -> Sequence[str]:
        """The columns that must be there."""
        return (self.of,)

    def told(self) -> str:
        """What is read, in words."""
        return f"each of {self.of} against each of a higher rank"

    def pairs(self, row: Mapping[str, Any]) -> list[Two]:
        """All pairs of the row; of equal ranks there is none."""
        items = row[self.of] if isinstance(row[self.of], list) else []
        ranked = [(number(one.get("rank")), one.get("completion")) for one in items if isinstance(one, dict)]
        if len(ranked) < len(items) or any(rank is None for rank, _ in ranked):
            return [Two(why="no rank")]
        by_rank: dict[Any, list[Any]] = {}
        for rank, said in ranked:
            by_rank.setdefault(rank, []).append(said)
        if len(ranked) < 2 or len(by_rank) < 2:
            return [Two(why="no response" if len(ranked) < 2 else "tie")]
        levels = [by_rank[rank] for rank in sorted(by_rank)]
        count = (len(ranked) ** 2 - sum(len(level) ** 2 for level in levels)) // 2
        return _bounded(_below(levels), count)


def _below(levels: Sequence[list[Any]]) -> Iterator[tuple[Any, Any]]:
    return chain.from_iterable(
        product(level, chain.from_iterable(levels[place:])) for place, level in enumerate(levels, 1)
    )


def _bounded(pairs: Iterator[tuple[Any, Any]], count: int) -> list[Two]:
    return [Two(why=f"over {MOST} pairs")] if count > MOST else [Two(*both) for both in pairs]


def number(value: Any) -> float | None:
    """A finite number; of a file without types also one that is written out."""
    if value is None or isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


Reading = Sides | Judged | Sets | Ranked
