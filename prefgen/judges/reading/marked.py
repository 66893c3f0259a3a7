"""Replies to a prompt that gave marks of its own: nothing counts but what bears them.

A verdict or a score that a judge quotes, repeats or was told to write by the text that it judges has none.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from prefgen.asker import Reply, absent, answered
from prefgen.judges.reading.presets import bracket_first, bracket_last, bracket_strict
from prefgen.judges.reading.verdicts import tagged

_CODE = re.compile(
    r"(?P<open>\[\[[ \t*_]*)?\b(?P<code>(?:[A-Z]\d[A-Z]\d){1,2})\b(?P<close>[ \t*_]*\]\])?", re.IGNORECASE | re.ASCII
)
"""What has the form of a code, with or without brackets. In ASCII: elsewhere are other signs, such as the one for
Kelvin, that count as K where case does not.
"""
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
    text, plain, start = answered(reply), "", 0
    for found in _borne(text, codes):
        plain += f"{_nothing(text[start : found.start()])}[[{codes[found['code'].upper()]}]]"
        start = found.end()
    if not plain:
        raise absent(reply, " or ".join(f"[[{one}]]" for one in codes))
    return BRACKETS.get(reading, tagged)(replace(reply, text=plain + _nothing(text[start:])), offered)


def _nothing(text: str) -> str:
    """Text whose brackets mean nothing, for they hold no code."""
    return text.replace("[[", "[ [")


def _borne(text: str, codes: Mapping[str, object]) -> Iterator[re.Match[str]]:
    """Where one of the codes stands."""
    return (found for found in _CODE.finditer(text) if found["code"].upper() in codes)


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
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        places = list(_borne(line, {mark: mark}))
        if places:
            word = _WORD_BEFORE.search(line[max(0, places[0].start("code") - WORD) : places[0].start("code")].rstrip())
            said = (word[0] if word else "") + line[places[-1].end("code") :]
            kept.append(said if _SAYS.search(said) else f"{said}\n{following}")
    if not kept:
        raise absent(reply, f"score marked {mark}")
    return "\n".join(kept)


def unmarked(text: str, written: Mapping[str, str], mark: str, fence: str) -> str:
    """A text in its plain form: ``written`` is how the label of each code is spelt; the mark and the fence go."""

    def spelt(found: re.Match[str]) -> str:
        return written.get(found["code"].upper(), found[0])

    plain = _CODE.sub(spelt, text)
    for sign in (mark, fence):
        plain = plain.replace(f" {sign}", "").replace(sign, "")
    return plain
