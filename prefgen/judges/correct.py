"""Is one response correct? Yes or no, after the reasons. Single-answer, reference-guided judging: arXiv:2306.05685."""

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from prefgen.asker import Ask, Asker, Reply, Row, fill
from prefgen.judges._made import JUDGE, WORDS
from prefgen.judges.reading import VERDICTS

SAID = {"Y": True, "N": False}


@dataclass(frozen=True, kw_only=True)
class correct(Asker):
    """responses → judgments: ``correct`` is true or false. A column ``reference`` holds an answer known to be right."""

    makes = {"response_id": pl.String, **WORDS, "correct": pl.Boolean, **JUDGE}
    needs: ClassVar[frozenset[str]] = frozenset({"id"})

    def needed(self) -> frozenset[str]:
        """What the prompt file names; a reference may be missing."""
        return super().needed() - {"reference"}

    def ask(self, row: Row) -> Ask:
        """The prompt file, filled; without a reference where there is none."""
        return Ask(fill(self.prompt_file(), {"reference": None, **row}))

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The verdict of the last line, ``[[Y]]`` or ``[[N]]``."""
        said = SAID[VERDICTS["verdict"](reply, tuple(SAID))]
        told = {"correct": said, "judgment": reply.text.strip(), "asked": self.ask(row).messages}
        return [{"response_id": row["id"], **told, "judge_model": reply.model, "judgment_reply": reply.id}]
