"""Which of two responses is better by a criterion? Prometheus 2, relative grading: arXiv:2405.01535."""

from dataclasses import dataclass

from prefgen.asker import Ask, Asker, Reply, Row, fill
from prefgen.judges._made import COMPARED
from prefgen.judges.reading import prometheus_rel


@dataclass(frozen=True, kw_only=True)
class rubric_compare(Asker):
    """orders → judgments, with the columns of ``compare``. The ``criterion`` is the recipe's, or a column of the rows;
    a column ``reference`` holds a response that meets it in full.
    """

    criterion: str | None = None

    makes = COMPARED

    def needed(self) -> frozenset[str]:
        """What the prompt file names; the criterion only where it is the rows' own."""
        return super().needed() - {"reference"} - ({"criterion"} if self.criterion is not None else set())

    def ask(self, row: Row) -> Ask:
        """The prompt file, filled with the recipe's criterion or the row's."""
        given = {} if self.criterion is None else {"criterion": self.criterion}
        return Ask(fill(self.prompt_file(), {"reference": None, **row, **given}))

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The letter after ``[RESULT]``; see ``reading.prometheus_rel`` for what is refused."""
        said = {"verdict": prometheus_rel(reply), "judgment": reply.text.strip(), "asked": self.ask(row).messages}
        return [{**said, "judge_model": reply.model, "judgment_reply": reply.id}]
