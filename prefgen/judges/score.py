"""How good is one response? Five criteria that add up to a score from 0 to 5.

Self-Rewarding Language Models (arXiv:2401.10020), the additive prompt; the paper leaves the reading of it open.
"""

from dataclasses import dataclass
from typing import ClassVar

from prefgen.asker import Asker, Reply, Row
from prefgen.judges._made import SCORED
from prefgen.judges.reading import additive_score


@dataclass(frozen=True, kw_only=True)
class score(Asker):
    """responses → judgments: ``score`` is a number from 0 to 5, ``judgment`` the words before it."""

    makes = SCORED
    needs: ClassVar[frozenset[str]] = frozenset({"id"})

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The last ``Score:`` of the reply; see ``reading.additive_score`` for what is refused."""
        given = {"score": additive_score(reply), "judgment": reply.text.strip(), "asked": self.ask(row).messages}
        return [{"response_id": row["id"], **given, "judge_model": reply.model, "judgment_reply": reply.id}]
