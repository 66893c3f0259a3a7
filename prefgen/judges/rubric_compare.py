"""Which of two responses is better by a criterion? Prometheus 2, relative grading: arXiv:2405.01535."""

from collections.abc import Sequence
from dataclasses import dataclass

from prefgen.asker import Reply, Row
from prefgen.judges._judge import Judge
from prefgen.judges._made import COMPARED, LABELS, PAIR


@dataclass(frozen=True, kw_only=True)
class rubric_compare(Judge):
    """orders → judgments, with the columns of ``compare``. The ``criterion`` is the recipe's, or a column of the rows;
    a column ``reference`` holds a response that meets it in full.
    """

    criterion: str | None = None

    makes = COMPARED
    says = "{}"
    texts = PAIR

    def labels(self, row: Row) -> Sequence[str]:
        """A and B."""
        return LABELS

    def needed(self) -> frozenset[str]:
        """What the prompt file names; the criterion only where it is the rows' own."""
        return super().needed() - {"reference"} - ({"criterion"} if self.criterion is not None else set())

    def shown(self, row: Row) -> Row:
        """With the recipe's criterion or the row's."""
        given = {} if self.criterion is None else {"criterion": self.criterion}
        return {"reference": None, **row, **given}

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The letter after ``[RESULT]``; see ``reading.prometheus_rel`` for what is refused."""
        sheet = self.sheet(row)
        verdict = sheet.verdict(reply, "prometheus_rel")
        said = {"verdict": verdict, "judgment": sheet.words(reply), "asked": sheet.asked}
        return [{**said, "judge_model": reply.model, "judgment_reply": reply.id}]
