"""What kind of prompt is it, how hard, how long an answer? Self-Taught Evaluators (arXiv:2408.02666) select by it.

Three fields in one reply. The list of categories, and that complexity goes to 10, are from memory: a reviewer of the
paper quotes a scale of 1 to 5. The paper keeps "reasoning", and does not say which of these that is.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from prefgen.asker import Ask, Asker, Reply, Row, answered, fill
from prefgen.errors import Unreadable

CATEGORIES = (
    "coding",
    "mathematical reasoning",
    "asking for advice",
    "brainstorming",
    "classification",
    "closed question answering",
    "creative writing",
    "extraction",
    "inhabiting a character",
    "open question answering",
    "rewriting",
    "summarization",
    "knowledge and reasoning",
    "humanity, history or social studies",
    "other",
)
LENGTHS = ("short", "medium", "long")
_MARKS = "*_`\"'<>[]. \t"


@dataclass(frozen=True, kw_only=True)
class classify(Asker):
    """prompts → the same prompts with ``category``, ``complexity`` and ``length_class``. Raises ValueError for fewer
    than two categories, and for a scale under 2.
    """

    categories: tuple[str, ...] | list[str] = CATEGORIES
    scale: int = 10

    makes = {
        "category": pl.String,
        "complexity": pl.Int64,
        "length_class": pl.String,
        "classified_by": pl.String,
        "classify_reply": pl.String,
    }
    needs: ClassVar[frozenset[str]] = frozenset({"prompt"})

    def __post_init__(self) -> None:
        if len({_folded(one) for one in self.categories}) < max(2, len(self.categories)):
            raise ValueError(f"categories must be two at least, and differ; they are {list(self.categories)}")
        if self.scale < 2:
            raise ValueError(f"scale must be 2 or more; it is {self.scale}")

    def needed(self) -> frozenset[str]:
        """The prompt; what else the file names are settings."""
        return super().needed() - {"categories", "scale", "lengths"}

    def ask(self, row: Row) -> Ask:
        """The prompt file, filled with the prompt and the settings."""
        given = {"categories": list(self.categories), "scale": self.scale, "lengths": ", ".join(LENGTHS)}
        return Ask(fill(self.prompt_file(), {**row, **given}))

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The three lines; each once, or several times the same. A reply that was cut off is refused."""
        text = answered(reply)
        if reply.finish == "length":
            raise Unreadable("truncated")
        known = {_folded(one): one for one in self.categories}
        category = known.get(_folded(_field(text, "category")))
        complexity, length = _field(text, "complexity"), _field(text, "length").casefold()
        number = re.fullmatch(rf"(\d{{1,3}})(?:\s*/\s*{self.scale})?", complexity)
        if category is None or length not in LENGTHS or not number or not 1 <= int(number[1]) <= self.scale:
            raise Unreadable("out_of_range", "a category, a complexity or a length that was not on offer")
        found = {"category": category, "complexity": int(number[1]), "length_class": length}
        return [{**found, "classified_by": reply.model, "classify_reply": reply.id}]


def _field(text: str, name: str) -> str:
    """What stands behind ``Name:`` at the beginning of a line."""
    lines = re.findall(rf"^[ \t*_#>-]{{0,8}}{name}[ \t*_]{{0,4}}[:\uff1a](.*)$", text, re.IGNORECASE | re.MULTILINE)
    said = {line.strip(_MARKS) for line in lines} - {""}
    if not said:
        raise Unreadable("missing", f"no {name} line")
    if len(said) > 1:
        raise Unreadable("conflicting", f"several {name} lines")
    return str(said.pop())


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
