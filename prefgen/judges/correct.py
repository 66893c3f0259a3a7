"""Is one response correct? Yes or no, after the reasons. Single-answer, reference-guided judging: arXiv:2306.05685."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from prefgen.asker import Reply, Row
from prefgen.judges._judge import Judge
from prefgen.judges._made import JUDGE, WORDS

SAID = {"Y": True, "N": False}


@dataclass(frozen=True, kw_only=True)
class correct(Judge):
    """responses → judgments: ``correct`` is true or false. A column ``reference`` holds an answer known to be right."""

    makes = {"response_id": pl.String, **WORDS, "correct": pl.Boolean, **JUDGE}
    needs: ClassVar[frozenset[str]] = frozenset({"id"})

    def needed(self) -> frozenset[str]:
        """What the prompt file names; a reference may be missing."""
        return super().needed() - {"reference"}

    def labels(self, row: Row) -> Sequence[str]:
        """Yes and no."""
        return tuple(SAID)

    def shown(self, row: Row) -> Row:
        """Without a reference where there is none."""
        return {"reference": None, **row}

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The verdict of the last line, ``[[Y]]`` or ``[[N]]``."""
        sheet = self.sheet(row)
        said = SAID[sheet.verdict(reply)]
        told = {"correct": said, "judgment": sheet.words(reply), "asked": sheet.asked}
        return [{"response_id": row["id"], **told, "judge_model": reply.model, "judgment_reply": reply.id}]
