"""How good is one response by a rubric with five scores? Prometheus, absolute grading: arXiv:2310.08491, 2405.01535."""

from dataclasses import dataclass
from typing import ClassVar

from prefgen.asker import Reply, Row
from prefgen.judges._judge import Judge
from prefgen.judges._made import SCORED
from prefgen.judges.reading import prometheus_abs

SCORES = tuple(f"score_{n}" for n in range(1, 6))


@dataclass(frozen=True, kw_only=True)
class rubric(Judge):
    """responses → judgments: ``score`` is a whole number from 1 to 5, ``judgment`` the feedback before it.

    The rubric is the recipe's, ``criterion`` and the five descriptions in ``scores``, or each row's own, in columns
    ``criterion`` and ``score_1`` to ``score_5``. A column ``reference`` holds a response that would get a 5.
    Raises ValueError for a criterion without five scores, or the other way round.
    """

    criterion: str | None = None
    scores: list[str] | None = None

    makes = SCORED
    needs: ClassVar[frozenset[str]] = frozenset({"id"})
    scale = (1, 5)

    def __post_init__(self) -> None:
        if (self.criterion is None) != (self.scores is None) or len(self.scores or SCORES) != len(SCORES):
            given = "no criterion" if self.criterion is None else f"{len(self.scores or [])} scores"
            raise ValueError(f"criterion and scores must be given together, with five scores; there are {given}")

    def needed(self) -> frozenset[str]:
        """What the prompt file names; the rubric only where it is the rows' own."""
        own = {"criterion", *SCORES} if self.criterion is not None else set()
        return super().needed() - {"reference", *own}

    def shown(self, row: Row) -> Row:
        """With the recipe's rubric or the row's."""
        own = {"criterion": self.criterion, **dict(zip(SCORES, self.scores or [], strict=False))}
        given = {name: text for name, text in own.items() if text is not None}
        return {"reference": None, **row, **given}

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The number after ``[RESULT]``; see ``reading.prometheus_abs`` for what is refused."""
        sheet = self.sheet(row)
        given = sheet.points(reply, prometheus_abs)
        said = {"score": given, "judgment": sheet.words(reply), "asked": sheet.asked}
        return [{"response_id": row["id"], **said, "judge_model": reply.model, "judgment_reply": reply.id}]
