"""Which of two judgments of one response is the better one? Meta-Rewarding Language Models, arXiv:2407.19594.

The paper shows the judgments whole, and finds that by its second iteration the meta-judge takes the higher score in
97.68% of cases. NeMo-Aligner takes the scores out of both, so that the reasons must decide; so does this, unless
``mask_scores`` is false.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from prefgen.asker import MESSAGES, Reply, Row, without_thinking
from prefgen.judges._judge import Judge
from prefgen.judges._made import LABELS

_SCORE = re.compile(
    r"[*_#>` \t]{0,6}(?:\b(?:total|final|overall|my)[ \t]{1,4})?\b(?:score|points?"
    r"|rating)\b[ \t*_`]{0,4}(?:\([^()\n]{0,40}\))?"
    r"[*_` \t]{0,4}(?:[:=\uff1a]|\bis\b)[\s*_`\"'<\[(]{0,8}\d{1,3}(?:\.\d{1,3})?(?:[ \t]{0,2}(?:/|out of)"
    r"[ \t]{0,2}\d{1,3})?[*_`\"'>\])]{0,8}",
    re.IGNORECASE,
)
"""``Score: 4``, ``**Total score:** 4/5``, ``Score is 4 out of 5``: the label and its number, nothing around them."""


@dataclass(frozen=True, kw_only=True)
class meta_judge(Judge):
    """battles → judgments of judgments: ``verdict`` is A where the judgment shown first is better.

    ``meta_asked`` and ``meta_judgment`` are what the meta-judge was asked and wrote; ``asked`` stays what the judge
    was.
    """

    mask_scores: bool = True

    makes = {
        "meta_asked": MESSAGES,
        "meta_judgment": pl.String,
        "verdict": pl.String,
        "judge_model": pl.String,
        "judgment_reply": pl.String,
    }
    needs: ClassVar[frozenset[str]] = frozenset({"first_id", "second_id"})
    says = "Judgement {}"
    texts: ClassVar[tuple[str, ...]] = ()  # judgments hold verdicts, as they should

    def labels(self, row: Row) -> Sequence[str]:
        """A and B."""
        return LABELS

    def shown(self, row: Row) -> Row:
        """Both judgments without the lines that hold their scores."""
        return {**row, **{c: self._masked(row[c]) for c in ("judgment_a", "judgment_b")}}

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The line ``Winner: Judgement A``, the last one; see ``reading.winner_line`` for what is refused."""
        who = {"judge_model": reply.model, "judgment_reply": reply.id}
        sheet = self.sheet(row)
        said = {"verdict": sheet.verdict(reply, "winner_line"), "meta_judgment": sheet.words(reply)}
        return [{"meta_asked": sheet.asked, **said, **who}]

    def _masked(self, judgment: str) -> str:
        said = without_thinking(judgment).strip()
        return _SCORE.sub("", said).strip() if self.mask_scores else said
