"""Replies to a prompt that gave marks of its own: nothing counts but what bears them.

A verdict or a score that a judge quotes, repeats or was told to write by the text that it judges has none.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from prefgen.asker import Reply, absent, answered
from prefgen.judges.reading._against import NEAR, lead
from prefgen.judges.reading._lines import TRIM
from prefgen.judges.reading.presets import bracket_first, bracket_last, bracket_strict
from prefgen.judges.reading.verdicts import tagged

_CODE = re.compile(
    r"(?P<open>\[\[[ \t*_]*)?\b(?P<code>(?:[A-Z]\d[A-Z]\d){1,2})\b(?P<close>[ \t*_]*\]\])?", re.IGNORECASE | re.ASCII
)
"""What has the form of a code, with or without brackets. In ASCII: elsewhere are other signs, such as the one for
Kelvin, that count as K where case does not.
"""
_AROUND = f"{TRIM}[](){{}}<>:-"
"""What may stand around a code that is alone on its line."""
_RESULT = re.compile(r"\[(?:RESULT|VERDICT|ANSWER|WINNER)\][ \t*_:<]{0,6}$", re.IGNORECASE)
WORD = 24
"""Characters of what names a mark, at most."""
_WORD_BEFORE = re.compile(rf"[\w\[\]*`\"' \t]{{0,{WORD}}}$")
"""What stands before a mark on its line and names what it marks: ``**Score``, ``[RESULT]``."""
_SAYS = re.compile(r"\d|\bN/?A\b")
BRACKETS = {"bracket_strict": bracket_strict, "bracket_first": bracket_first, "bracket_last": bracket_last}
"""Readings that know no form but brackets."""


def marked_verdict(reply: Reply, codes: Mapping[str, str], offered: Sequence[str], reading: str = "verdict") -> str:
    """The label whose code a reply decides for; ``codes`` are the labels by their codes. Statuses as ``verdict`` has
    them; ``missing`` where no code is there, whatever else is. A code without brackets is but a name, unless it stands
    alone on its line or is announced.
    """
    text, plain, start, given = answered(reply), "", 0, False
    for found in _borne(text, codes):
        label, says = codes[found["code"].upper()], _says(text, found)
        plain += f"{_nothing(text[start : found.start()])}{f'[[{label}]]' if says else f'assistant {label}'}"
        start, given = found.end(), given or says
    if not given:
        raise absent(reply, " or ".join(f"[[{one}]]" for one in codes))
    return BRACKETS.get(reading, tagged)(replace(reply, text=plain + _nothing(text[start:])), offered)


def _says(text: str, found: re.Match[str]) -> bool:
    """Whether a code is there to say something: in brackets, alone on its line, or announced."""
    if found["open"] and found["close"]:
        return True
    start, end = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.end())
    before, behind = text[max(start, found.start() - NEAR) : found.start()], text[found.end() : end if end >= 0 else None]
    alone = not before.strip(_AROUND) and not behind.strip(_AROUND)
    return alone or bool(_RESULT.search(before)) or lead(before, len(before)) in {"told", "announced"}


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
        plain = re.sub(rf" ?{re.escape(sign)}", "", plain, flags=re.IGNORECASE | re.ASCII)
    return plain
