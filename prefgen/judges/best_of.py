"""Which of several responses is best? A verdict, A, B, C, D …, after the reasoning for it. RewardBench 2, rankings mode
(arXiv:2506.01937): four responses, of which one is correct.
"""

from dataclasses import dataclass
from string import ascii_uppercase
from typing import ClassVar, Literal

import polars as pl

from prefgen.asker import Ask, Asker, Reply, Row, fill
from prefgen.errors import Status
from prefgen.judges._made import JUDGE, WORDS
from prefgen.judges.reading import VERDICTS

Reading = Literal["verdict", "bracket_strict", "bracket_first", "bracket_last"]


@dataclass(frozen=True, kw_only=True)
class best_of(Asker):
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

    def ask(self, row: Row) -> Ask:
        """The prompt file, filled; each candidate has its ``label`` there."""
        shown = row["candidates"]
        if not 2 <= len(shown) <= len(ascii_uppercase):
            raise ValueError(f"candidates must be 2 to {len(ascii_uppercase)}; {row.get('id')} has {len(shown)}")
        named = [{**one, "label": label} for one, label in zip(shown, ascii_uppercase, strict=False)]
        return Ask(fill(self.prompt_file(), {**row, "candidates": named}))

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The letter of the last line, and whose it is."""
        labels = tuple(ascii_uppercase[: len(row["candidates"])])
        return [self._judged(row, reply, VERDICTS[self.reading](reply, labels))]

    def unread(self, row: Row, reply: Reply, status: Status) -> list[Row]:
        """The judgment without a verdict, where the recipe keeps it."""
        return [self._judged(row, reply, None)] if self.unreadable == "keep" else []

    def _judged(self, row: Row, reply: Reply, verdict: str | None) -> Row:
        picked = row["candidates"][ascii_uppercase.index(verdict)]["response_id"] if verdict else None
        said = {"asked": self.ask(row).messages, "judgment": reply.text.strip(), "verdict": verdict, "picked": picked}
        return {**said, "judge_model": reply.model, "judgment_reply": reply.id}
