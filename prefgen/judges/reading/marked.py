"""Replies to a prompt that gave marks of its own: nothing counts but what bears them.

A verdict or a score that a judge quotes, repeats or was told to write by the text that it judges has none.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from prefgen.asker import Reply, absent, answered
from prefgen.errors import Unreadable
from prefgen.judges.reading._against import NEAR, lead
from prefgen.judges.reading._lines import TRIM
from prefgen.judges.reading._numbers import denied, taken_back
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
MOST = 100
"""Codes in a reply beyond which those without brackets are but names: no judge writes so many."""
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
    borne = _borne(text, codes)
    for found in borne:
        label = codes[found["code"].upper()]
        says = _bracketed(found) or (len(borne) <= MOST and _says(text, found, codes))
        plain += f"{_nothing(text[start : found.start()])}{f'[[{label}]]' if says else f'assistant {label}'}"
        start, given = found.end(), given or says
    if not given:
        raise absent(reply, " or ".join(f"[[{one}]]" for one in codes))
    return BRACKETS.get(reading, tagged)(_saying(reply, plain + _nothing(text[start:])), offered)


def _bracketed(found: re.Match[str]) -> bool:
    return bool(found["open"] and found["close"])


def _says(text: str, found: re.Match[str], codes: Mapping[str, str]) -> bool:
    """Whether a code without brackets is there to say something: alone on its line, or announced."""
    near = text[max(0, found.start() - NEAR) : found.start()], text[found.end() : found.end() + NEAR]
    before, behind = near[0].rpartition("\n")[2], near[1].partition("\n")[0]
    if _RESULT.search(before) or not (before.strip(_AROUND) or behind.strip(_AROUND)):
        return True
    return lead(before, len(before), codes[found["code"].upper()], [*codes.values()]) in {"told", "announced"}


def _nothing(text: str) -> str:
    """Text whose brackets mean nothing, for they hold no code."""
    return text.replace("[[", "[ [")


def _borne(text: str, codes: Mapping[str, object]) -> list[re.Match[str]]:
    """Where one of the codes stands."""
    return [found for found in _CODE.finditer(text) if found["code"].upper() in codes]


def marked_score(reply: Reply, mark: str, read: Callable[[Reply], float]) -> float:
    """The score that bears the mark, by a reader of the plain form; raises Unreadable as that reader does, ``missing``
    where nothing bears it, and ``conflicting`` where two that do differ, or what is said around one takes it back.
    """
    pieces = _pieces(reply, mark)
    *earlier, last = [_read(_saying(reply, piece.said), read) for piece in pieces]
    if isinstance(last, Unreadable):
        raise last
    others = [one for one in earlier if not (isinstance(one, Unreadable) and one.status == "missing")]
    if any(one != last for one in others):
        raise Unreadable("conflicting", "several scores that bear the mark")
    if any(denied(piece.before, named=False) for piece in pieces) or taken_back(pieces[-1].below, last):
        raise Unreadable("conflicting", "a score that is turned down, or taken back")
    return last


def _saying(reply: Reply, text: str) -> Reply:
    """The reply with another text."""
    return Reply(text, reply.finish, reply.logprobs, reply.model, reply.id)


def _read(reply: Reply, read: Callable[[Reply], float]) -> float | Unreadable:
    try:
        return read(reply)
    except Unreadable as e:
        return e


def marked_lines(reply: Reply, mark: str) -> str:
    """The lines that bear the mark, without it; of each only the word before it, and what follows. A line without a
    number goes on in the next one.
    """
    return "\n".join(piece.said for piece in _pieces(reply, mark))


class _Piece(NamedTuple):
    """A line that bears a mark: what it says, and what stands before and below that."""

    said: str
    before: str
    below: str


def _pieces(reply: Reply, mark: str) -> list[_Piece]:
    lines = [line for line in answered(reply).splitlines() if line.strip()]
    near = [i for i, line in enumerate(lines) if mark in line.upper()]
    bearing = {i: places for i in near if (places := _borne(lines[i], {mark: mark}))}
    if not bearing:
        raise absent(reply, f"score marked {mark}")
    last, kept = max(bearing), list[_Piece]()
    for i, places in bearing.items():
        before, behind = lines[i][: places[0].start("code")][-NEAR:], lines[i][places[-1].end("code") :]
        word = _WORD_BEFORE.search(before.rstrip()[-WORD:])
        said = (word[0] if word else "") + behind
        more = [] if _SAYS.search(said) else lines[i + 1 : i + 2]
        below = lines[i + 1 + len(more) :] if i == last else []
        kept.append(_Piece("\n".join([said, *more]), before, "\n".join(below)))
    return kept


def unmarked(text: str, written: Mapping[str, str], mark: str, fence: str) -> str:
    """A text in its plain form: ``written`` is how the label of each code is spelt; the mark and the fence go."""

    def spelt(found: re.Match[str]) -> str:
        return written.get(found["code"].upper(), found[0])

    upper = text.upper()
    plain = _CODE.sub(spelt, text) if written and any(code in upper for code in written) else text
    for sign in (mark, fence):
        plain = without(plain, sign)
    return plain


def without(text: str, sign: str) -> str:
    """A text without a sign of ASCII, in either case, and without the blank before it."""
    if not text.isascii():  # upper case may be longer there
        return re.sub(rf" ?{re.escape(sign)}", "", text, flags=re.IGNORECASE | re.ASCII)
    upper, sign, start, parts = text.upper(), sign.upper(), 0, list[str]()
    if sign not in upper:
        return text
    while (at := upper.find(sign, start)) >= 0:
        parts.append(text[start : at - (at > start and text[at - 1] == " ")])
        start = at + len(sign)
    return "".join([*parts, text[start:]])
