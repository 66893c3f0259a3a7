"""How good is one response, from 1 to 10? RewardBench 2, ratings mode (arXiv:2506.01937): reasons, then a number.

``rate_ties.md`` is the prompt for its Ties, which leaves out depth and detail: right answers of several lengths are to
be rated alike.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from prefgen.asker import Reply, Row
from prefgen.errors import Status
from prefgen.judges._judge import Judge
from prefgen.judges._made import SCORED
from prefgen.judges._sheet import Sheet
from prefgen.judges.reading import SCORES

LOWEST, HIGHEST = 1, 10


@dataclass(frozen=True, kw_only=True)
class rate(Judge):
    """responses → judgments: ``score`` is a number from 1 to 10, ``judgment`` the words before it.

    ``reading`` is ``rating_robust``, or ``rating_tail_official``: RewardBench 2's own, which takes ``8/10`` for 10 and
    does not read ``**8**``. ``unreadable: keep`` leaves a row without a score for a reply that cannot be read.
    """

    reading: Literal["rating_robust", "rating_tail_official"] = "rating_robust"
    unreadable: Literal["drop", "keep"] = "drop"

    makes = SCORED
    needs: ClassVar[frozenset[str]] = frozenset({"id"})
    scale = (LOWEST, HIGHEST)

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The rating at the end of the reply."""
        sheet = self.sheet(row)
        given = sheet.points(reply, lambda one: SCORES[self.reading](one, LOWEST, HIGHEST))
        return [self._judged(row, reply, sheet, given)]

    def unread(self, row: Row, reply: Reply, status: Status) -> list[Row]:
        """The judgment without a score, where the recipe keeps it."""
        return [self._judged(row, reply, self.sheet(row), None)] if self.unreadable == "keep" else []

    def _judged(self, row: Row, reply: Reply, sheet: Sheet, score: float | None) -> Row:
        said = {"asked": sheet.asked, "judgment": sheet.words(reply), "score": score}
        return {"response_id": row["id"], **said, "judge_model": reply.model, "judgment_reply": reply.id}
