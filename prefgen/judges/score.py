"""How good is one response? Five criteria that add up to a score from 0 to 5.

Self-Rewarding Language Models (arXiv:2401.10020), the additive prompt; the paper leaves the reading of it open.
"""

from dataclasses import dataclass
from typing import ClassVar

from prefgen.asker import Reply, Row
from prefgen.judges._judge import Judge
from prefgen.judges._made import SCORED
from prefgen.judges.reading import additive_score


@dataclass(frozen=True, kw_only=True)
class score(Judge):
    """responses → judgments: ``score`` is a number from 0 to 5, ``judgment`` the words before it."""

    makes = SCORED
    needs: ClassVar[frozenset[str]] = frozenset({"id"})
    scale = (0, 5)

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The last ``Score:`` of the reply; see ``reading.additive_score`` for what is refused."""
        sheet = self.sheet(row)
        given = sheet.points(reply, additive_score)
        said = {"score": given, "judgment": sheet.words(reply), "asked": sheet.asked}
        return [{"response_id": row["id"], **said, "judge_model": reply.model, "judgment_reply": reply.id}]
