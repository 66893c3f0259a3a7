"""Pairs from two prompts that differ in one word or two: the better affix's response is chosen unseen. RLCD,
arXiv:2307.12950.

The paper puts the affix into the assistant's tag, ``Assistant (helpful):``; chat models have no such tag, so it stands
in a system line that is otherwise the same for both. Some labels are wrong, which the paper accepts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from prefgen.asker import Ask, Asker, Reply, Row, answered, fill
from prefgen.errors import Unreadable
from prefgen.generators._made import PAIR

SIDES = {"chosen": "affix_better", "rejected": "affix_worse"}


@dataclass(frozen=True, kw_only=True)
class contrast(Asker):
    """prompts with affixes → pairs, by two requests each. ``draw`` gives rows their ``affix_better`` and
    ``affix_worse``.
    """

    makes = PAIR
    needs: ClassVar[frozenset[str]] = frozenset({"prompt", *SIDES.values()})

    def needed(self) -> frozenset[str]:
        """The two affixes, and what else the prompt file names."""
        return self.needs | (super().needed() - {"affix"})

    def asks(self, row: Row) -> list[Ask]:
        """The better affix's request, then the worse one's."""
        return [Ask(fill(self.prompt_file(), {**row, "affix": row[column]})) for column in SIDES.values()]

    def read_all(self, row: Row, replies: Sequence[Reply]) -> list[Row]:
        """The pair; refused where either was cut off, or both say the same."""
        texts = [answered(reply) for reply in replies]
        if any(reply.finish == "length" for reply in replies):
            raise Unreadable("truncated")
        if texts[0] == texts[1]:
            raise Unreadable("unchanged", "both affixes brought the same response")
        made: Row = {}
        for side, text, reply in zip(SIDES, texts, replies, strict=True):
            made |= {side: text, f"{side}_model": reply.model, f"{side}_reply": reply.id}
        return [made]
