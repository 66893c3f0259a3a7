"""Pairs whose better member is known: a good answer to a nearby instruction is a poor answer to this one.

Self-Taught Evaluators (arXiv:2408.02666): one call writes a modified instruction x' and a good answer y' to it;
then y, the answer to x, is chosen and y' rejected, by construction.
"""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from prefgen.asker import Ask, Asker, Reply, Row, absent, answered, as_text, fill, sections
from prefgen.errors import Unreadable
from prefgen.generators._made import PAIR

MODIFIED = "[User Question Modified]"
START = "[The start of Assistant's answer to the modified instruction]"
END = "[The end of Assistant's answer to the modified instruction]"

_FORM = {
    "root": f'"{MODIFIED}\\n" line "\\n{START}\\n" answer "\\n{END}"',
    "line": "[^\\n\\[\\]]+",
    "answer": '[^\\n\\[\\]]+ ("\\n" [^\\n\\[\\]]+)*',
}
GRAMMAR = "\n".join(f"{name} ::= {rule}" for name, rule in _FORM.items())
"""The three markers with text between them (GBNF), for a model too small to keep a form unforced."""


@dataclass(frozen=True, kw_only=True)
class perturb(Asker):
    """responses → pairs. ``constrained`` holds the model to the form by a grammar, where its server can."""

    constrained: bool = False

    makes = {"modified_prompt": pl.String, **PAIR}
    needs: ClassVar[frozenset[str]] = frozenset({"prompt", "response", "response_model", "response_reply"})
    replaces: ClassVar[frozenset[str]] = frozenset({"response", "response_model", "response_reply", "truncated"})

    def wants(self) -> frozenset[str]:
        """A grammar, where the recipe asks for one."""
        return frozenset({"grammar"}) if self.constrained else frozenset()

    def ask(self, row: Row) -> Ask:
        """The prompt file, filled; under the grammar where the recipe asks for it."""
        return Ask(fill(self.prompt_file(), row), grammar=GRAMMAR if self.constrained else None)

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The pair. Refused: a marker missing, an empty block, an echoed placeholder, blocks that differ,
        x' equal to x, y' equal to y.
        """
        modified, worse = _blocks(reply)
        if _placeholders(self.prompt_file()) & {_folded(modified.strip(_BRACKETS)), _folded(worse.strip(_BRACKETS))}:
            raise Unreadable("missing", "the form's placeholder, echoed")
        if _folded(modified) in {_folded(str(as_text(row["prompt"]))), _folded(row["prompt"][-1]["content"])}:
            raise Unreadable("unchanged", "the modified instruction is the instruction")
        if _folded(worse) == _folded(row["response"]):
            raise Unreadable("unchanged", "the answer to the modified instruction is the answer")
        chosen = {
            "chosen": row["response"],
            "chosen_model": row["response_model"],
            "chosen_reply": row["response_reply"],
        }
        rejected = {"rejected": worse, "rejected_model": reply.model, "rejected_reply": reply.id}
        return [{"modified_prompt": modified, **chosen, **rejected}]


def _blocks(reply: Reply) -> tuple[str, str]:
    """The modified instruction and the answer to it."""
    text = answered(reply)
    found = {block for part in text.split(MODIFIED)[1:] if (block := _block(part))}
    if not found:
        raise absent(reply, "complete block")
    if len(found) > 1:
        raise Unreadable("conflicting", f"{len(found)} blocks that differ")
    modified, worse = found.pop()
    if not modified or not worse:
        raise Unreadable("empty", "a block without text")
    return modified, worse


def _block(part: str) -> tuple[str, str] | None:
    """What stands before START, and between START and END; None where one of them is not there."""
    modified, start, rest = part.partition(START)
    worse, end, _ = rest.partition(END)
    return (modified.strip(), worse.strip()) if start and end else None


def _placeholders(path: Path) -> frozenset[str]:
    """What a prompt file's form says in the place of a text, ``<the new question>``, without its brackets."""
    found = re.findall(r"<([^<>\n]+)>", "".join(section.text for section in sections(path)))
    return frozenset(map(_folded, found))


_BRACKETS = "<>[](){}*_ \t\n"
_OUTER = " \t\n\"'`*_.!?…“”‘’"  # noqa: RUF001


def _folded(text: str) -> str:
    """Text by which two instructions are the same: one form of each letter, case folded, blanks as one, no quotes or
    full stops around. Signs inside count: 2+2 is not 2-2.
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(_OUTER)
