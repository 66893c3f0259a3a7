"""Which of several responses is best? A verdict, A, B, C, D …, after the reasoning for it. RewardBench 2, rankings mode
(arXiv:2506.01937): four responses, of which one is correct.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import ClassVar, Literal

import polars as pl

from prefgen.asker import Ask, Reply, Row
from prefgen.errors import Status
from prefgen.judges._judge import Judge
from prefgen.judges._made import JUDGE, WORDS
from prefgen.judges._sheet import Sheet

Reading = Literal["verdict", "bracket_strict", "bracket_first", "bracket_last"]


@dataclass(frozen=True, kw_only=True)
class best_of(Judge):
    """rows with ``candidates`` → judgments: ``verdict`` is a letter, ``picked`` the id of the response it stands for.

    ``candidates`` is a list of ``{response_id, response, …}`` in the order in which they are shown; ``together`` makes
    it, and its seed the order. ``reading`` is how verdicts are read, ``unreadable: keep`` leaves a row without a
    verdict for a reply that cannot be read: RewardBench 2 gives it a quarter of a point. Raises ValueError for one
    candidate, and for more than there are letters.
    """

    reading: Reading = "verdict"
    unreadable: Literal["drop", "keep"] = "drop"

    makes = {**WORDS, "verdict": pl.String, "picked": pl.String, **JUDGE}
    needs: ClassVar[frozenset[str]] = frozenset({"candidates"})
    texts = ("candidates",)

    def labels(self, row: Row) -> Sequence[str]:
        """A letter for each candidate."""
        return tuple(ascii_uppercase[: len(row["candidates"])])

    def ask(self, row: Row) -> Ask:
        """The prompt file, filled; each candidate has its ``label`` there."""
        if not 2 <= len(row["candidates"]) <= len(ascii_uppercase):
            has = f"{row.get('id')} has {len(row['candidates'])}"
            raise ValueError(f"candidates must be 2 to {len(ascii_uppercase)}; {has}")
        return super().ask(row)

    def shown(self, row: Row) -> Row:
        """Candidates with their labels."""
        named = zip(row["candidates"], ascii_uppercase, strict=False)
        return {**row, "candidates": [{**one, "label": label} for one, label in named]}

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The letter of the last line, and whose it is."""
        sheet = self.sheet(row)
        return [self._judged(row, reply, sheet, sheet.verdict(reply, self.reading))]

    def unread(self, row: Row, reply: Reply, status: Status) -> list[Row]:
        """The judgment without a verdict, where the recipe keeps it."""
        return [self._judged(row, reply, self.sheet(row), None)] if self.unreadable == "keep" else []

    def _judged(self, row: Row, reply: Reply, sheet: Sheet, verdict: str | None) -> Row:
        picked = row["candidates"][ascii_uppercase.index(verdict)]["response_id"] if verdict else None
        said = {"asked": sheet.asked, "judgment": sheet.words(reply), "verdict": verdict, "picked": picked}
        return {**said, "judge_model": reply.model, "judgment_reply": reply.id}
