"""Replies to a prompt that gave marks of its own: nothing counts but what bears them.

A verdict or a score that a judge quotes, repeats or was told to write by the text that it judges has none.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from prefgen.asker import Reply, absent, answered
from prefgen.judges.reading.presets import bracket_first, bracket_last, bracket_strict
from prefgen.judges.reading.verdicts import tagged

WORD = 24
"""Characters of what names a mark, at most."""
_WORD_BEFORE = re.compile(rf"[\w\[\]*`\"' \t]{{0,{WORD}}}$")
"""What stands before a mark on its line and names what it marks: ``**Score``, ``[RESULT]``."""

_SAYS = re.compile(r"\d|\bN/?A\b")


BRACKETS = {"bracket_strict": bracket_strict, "bracket_first": bracket_first, "bracket_last": bracket_last}
"""Readings that know no form but brackets."""


def marked_verdict(reply: Reply, codes: Mapping[str, str], offered: Sequence[str], reading: str = "verdict") -> str:
    """The label whose code a reply decides for; ``codes`` are the labels by their codes. Statuses as ``verdict`` has
    them; ``missing`` where no code is there, whatever else is.
    """
    text = answered(reply)
    code = re.compile(rf"(?:\[\[[ \t*_]*)?\b({'|'.join(codes)})\b(?:[ \t*_]*\]\])?", re.IGNORECASE)
    if not code.search(text):
        raise absent(reply, " or ".join(f"[[{one}]]" for one in codes))
    parts = code.split(text)
    said = [f"[[{codes[one.upper()]}]]" for one in parts[1::2]]
    others = [part.replace("[[", "[ [") for part in parts[::2]]  # brackets without a code mean nothing
    plain = "".join(piece for pair in zip(others, [*said, ""], strict=True) for piece in pair)
    return BRACKETS.get(reading, tagged)(replace(reply, text=plain), offered)


def marked_score(reply: Reply, mark: str, read: Callable[[Reply], float]) -> float:
    """The score that bears the mark, by a reader of the plain form; raises Unreadable as that reader does, and
    ``missing`` where nothing bears it.
    """
    return read(replace(reply, text=marked_lines(reply, mark)))


def marked_lines(reply: Reply, mark: str) -> str:
    """The lines that bear the mark, without it; of each only the word before it, and what follows. A line without a
    number goes on in the next one.
    """
    lines, kept = [line for line in answered(reply).splitlines() if line.strip()], list[str]()
    bears = re.compile(rf"[ \t]?\b{mark}\b", re.IGNORECASE)
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        before, *after = bears.split(line)
        if after:
            word = _WORD_BEFORE.search(before[-WORD:])
            said = (word[0] if word else "") + after[-1]
            kept.append(said if _SAYS.search(said) else f"{said}\n{following}")
    if not kept:
        raise absent(reply, f"score marked {mark}")
    return "\n".join(kept)
