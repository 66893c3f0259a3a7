"""Which of two responses is better? A verdict, A or B, after the reasoning for it.

LLM-as-a-Judge, pairwise without a tie (arXiv:2306.05685), as Self-Taught Evaluators use it (arXiv:2408.02666).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prefgen.asker import Reply, Row, blanks
from prefgen.errors import Status
from prefgen.judges._judge import GIVEN, Judge
from prefgen.judges._made import COMPARED, LABELS, PAIR
from prefgen.judges._sheet import Sheet

Reading = Literal["verdict", "bracket_strict", "bracket_first", "bracket_last", "prometheus_rel", "winner_line",
                  "output_ab", "structured"]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class compare(Judge):
    """orders → judgments: ``asked`` is the judge's prompt, ``judgment`` its words, ``verdict`` A or B.

    ``reading`` is how verdicts are read (``prefgen.judges.reading``). ``unreadable: keep`` leaves a row, without a
    verdict, for a reply that cannot be read: benchmarks give it half a point, and it can be the rejected one of two
    judgments. ``export`` is the prompt file that stands in ``asked`` in the place of the one that was asked, so that
    a judge learns to do under a plain prompt what it did under a longer one (context distillation).
    """

    reading: Reading = "verdict"
    unreadable: Literal["drop", "keep"] = "drop"
    export: Path | None = None

    makes = COMPARED
    texts = PAIR

    def needed(self) -> frozenset[str]:
        """What both prompts name."""
        return super().needed() | ((blanks(self.export) if self.export else frozenset()) - GIVEN)

    def labels(self, row: Row) -> Sequence[str]:
        """A and B."""
        return LABELS

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The verdict of the last line; see ``prefgen.judges.reading`` for what is refused."""
        sheet = self.sheet(row)
        return [self._judged(row, reply, sheet, sheet.verdict(reply, self.reading))]

    def unread(self, row: Row, reply: Reply, status: Status) -> list[Row]:
        """The judgment without a verdict, where the recipe keeps it."""
        return [self._judged(row, reply, self.sheet(row), None)] if self.unreadable == "keep" else []

    def _judged(self, row: Row, reply: Reply, sheet: Sheet, verdict: str | None) -> Row:
        asked = self.filled(self.export, row) if self.export else sheet.asked
        who = {"judge_model": reply.model, "judgment_reply": reply.id}
        return {"asked": asked, "judgment": sheet.words(reply), "verdict": verdict, **who}
