"""Which of two responses is better? A verdict, A or B, after the reasoning for it.

LLM-as-a-Judge, pairwise without a tie (arXiv:2306.05685), as Self-Taught Evaluators use it (arXiv:2408.02666).
"""

from dataclasses import dataclass

import polars as pl

from prefgen.asker import MESSAGES, Asker, Reply, Row
from prefgen.judges._reading import verdict


@dataclass(frozen=True, kw_only=True)
class compare(Asker):
    """orders → judgments: ``asked`` is the judge's prompt, ``judgment`` its words, ``verdict`` A or B."""

    makes = {
        "asked": MESSAGES,
        "judgment": pl.String,
        "verdict": pl.String,
        "judge_model": pl.String,
        "judgment_reply": pl.String,
    }

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The verdict of the last line; see ``_reading.verdict`` for what is refused."""
        decided = verdict(reply)
        who = {"judge_model": reply.model, "judgment_reply": reply.id}
        return [{"asked": self.ask(row).messages, "judgment": reply.text.strip(), "verdict": decided, **who}]
