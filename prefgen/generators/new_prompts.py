"""New prompts, after examples. Self-Rewarding Language Models, arXiv:2401.10020, by a fixed model; Self-Instruct,
arXiv:2212.10560, which lets a base model go on with the list to the 16th.

The papers' models continue the bare list of examples; a model that follows instructions is told to. Self-Instruct takes
8 examples and what comes up to 16, which makes 8 ``per_reply``.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from prefgen.asker import Ask, Asker, Reply, Row, absent, answered, fill
from prefgen.errors import Unreadable

_ITEM = re.compile(
    r"^[ \t*_#]{0,6}(?:(?:task|instruction|prompt)[ \t]+)?(\d{1,3})[ \t*_]{0,4}[.):][ \t*_]{0,4}",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True)
class new_prompts(Asker):
    """sets of shots → new instructions, up to ``per_reply`` of each reply. Raises ValueError for fewer than one."""

    per_reply: int = 8

    makes = {"instruction": pl.String, "instruction_model": pl.String, "instruction_reply": pl.String}
    needs: ClassVar[frozenset[str]] = frozenset({"shots"})

    def __post_init__(self) -> None:
        if self.per_reply < 1:
            raise ValueError(f"per_reply must be 1 or more; it is {self.per_reply}")

    def needed(self) -> frozenset[str]:
        """The shots."""
        return super().needed() - {"wanted", "next"}

    def most_rows(self, row: Row) -> int:
        """As many as are asked for."""
        return self.per_reply

    def ask(self, row: Row) -> Ask:
        """The shots, numbered, and where to go on."""
        return Ask(fill(self.prompt_file(), {**row, "wanted": self.per_reply, "next": len(row["shots"]) + 1}))

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The items of the numbered list, in order; of a reply that was cut off all but the last, as Self-Instruct has
        it. Numbers must go up by one, so that a list inside an item is no item.
        """
        items = _items(answered(reply))
        items = items[:-1] if reply.finish == "length" else items
        if not items:
            raise absent(reply, "numbered item")
        if set(items) & {shot.strip() for shot in row["shots"]} == set(items):
            raise Unreadable("unchanged", "nothing but the examples")
        made = {"instruction_model": reply.model, "instruction_reply": reply.id}
        return [{"instruction": item, **made} for item in items[: self.per_reply]]


def _items(text: str) -> list[str]:
    """The texts behind the numbers that go up by one."""
    heads: list[re.Match[str]] = []
    for head in _ITEM.finditer(text):
        if not heads or int(head[1]) == int(heads[-1][1]) + 1:
            heads.append(head)
    ends = [*(head.start() for head in heads[1:]), len(text)]
    items = [text[head.end() : end].strip().strip("*_").strip() for head, end in zip(heads, ends, strict=False)]
    return [item for item in items if item]
