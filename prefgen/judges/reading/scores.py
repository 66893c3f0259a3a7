"""The score in a judge's words: the number behind its label, on the scale that was asked for."""

import re
from collections.abc import Sequence

from prefgen.asker import Reply, absent, answered
from prefgen.errors import Unreadable
from prefgen.judges.reading._against import NEAR
from prefgen.judges.reading._numbers import OF, alone, denied, stands, taken_back

_LABEL = re.compile(
    r"\b(?:score|points?)\b[*_`\"']{0,4}[ \t]{0,4}(?:\([^()\n]{0,40}\)[ \t]{0,4})?[*_]{0,3}[:\uff1a]", re.IGNORECASE
)
_NUMBER = re.compile(
    r"[\s*_`\"'<\[(]{0,12}(?P<sum>(?:\d(?:\.\d)?[ \t]{0,2}\+[ \t]{0,2}){1,9}\d(?:\.\d)?[ \t]{0,2}=[ \t*_]{0,4})?"
    r"(?P<value>[+-]?\d{1,6}(?:\.\d{1,6})?)"
)


def additive_score(reply: Reply, lowest: float = 0, highest: float = 5) -> float:
    """The number that follows the last ``Score:`` or ``Points:`` of a reply (arXiv:2401.10020 asks for the first);
    ``4/5``, bold, decimals and a sum with its total are fine.
    """
    return _labelled(reply, answered(reply), _LABEL, lowest, highest)


def _labelled(reply: Reply, text: str, label: re.Pattern[str], lowest: float, highest: float) -> float:
    """The number behind the last label, where no other one could be meant."""
    labels = list(label.finditer(text))
    found = _NUMBER.match(text, labels[-1].end()) if labels else None
    of = OF.match(text, found.end()) if found else None
    if found is None or not _beside(text, labels[-1], found, of):
        raise absent(reply, "score")
    value = float(found["value"])
    if reply.finish == "length":
        raise Unreadable("truncated", "cut off after naming a score")
    if not _adds_up(found) or _doubted(text, labels, (of or found).end(), value):
        raise Unreadable("conflicting", "several numbers, any of which could be the score, or one that is taken back")
    if (of and float(of[1]) != highest) or not lowest <= value <= highest:
        raise Unreadable("out_of_range", f"{found[0].strip()!r} is not between {lowest:g} and {highest:g}")
    return value


def _beside(text: str, label: re.Match[str], found: re.Match[str], of: re.Match[str] | None) -> bool:
    """Whether a number stands on its label's line, or alone on a line below."""
    return "\n" not in text[label.end() : found.start("value")] or alone(_line(text, (of or found).end()))


def _line(text: str, start: int) -> str:
    """The rest of the line."""
    end = text.find("\n", start)
    return text[start : end if end >= 0 else None]


def _doubted(text: str, labels: Sequence[re.Match[str]], end: int, value: float) -> bool:
    """Whether what is said around a score, which ends at ``end``, makes it none."""
    line, label, rest = text.rfind("\n", 0, labels[-1].start()) + 1, labels[-1], _line(text, end)
    beside = any(_NUMBER.match(text, one.end()) for one in labels[:-1] if one.start() >= line)
    said = denied(text[max(line, label.start() - NEAR) : label.start()], named=label[0][-1] in "sfSF")
    return beside or said or not stands(rest) or taken_back(text[end + len(rest) :], value)


def _adds_up(found: re.Match[str]) -> bool:
    """Whether a total is that of its sum, where one is written out."""
    if found["sum"] is None:
        return True
    parts = re.findall(r"[\d.]+", found["sum"])
    return abs(sum(map(float, parts)) - abs(float(found["value"]))) < 1e-9


_TAIL_NUMBER = re.compile(r"\b([1-9]|10)\b\s*$")


def rating_tail_official(reply: Reply, lowest: float = 1, highest: float = 10) -> float:
    """RewardBench 2's own: a whole number from 1 to 10 at the very end. ``8/10`` reads as 10, and ``Rating: 7.`` and
    ``**8**`` are missing: kept for comparability (arXiv:2506.01937).
    """
    found = _TAIL_NUMBER.search(answered(reply)[-40:])
    if not found:
        raise absent(reply, "number at the end")
    return _in_range(float(found[1]), lowest, highest)


_RATING = re.compile(
    (
        r"\b(?:rating|score|points?|grade|bewertung"
        r"|note)\b[ \t*_`\"']{0,6}(?:\([^()\n]{0,40}\)[ \t*_]{0,4})?(?:[:\uff1a=]|\bis\b|\bof\b)"
    ),
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\[\[[ \t*_]*(\d{1,3}(?:\.\d{1,3})?)(?:[ \t]*/[ \t]*(\d{1,3}))?[ \t*_]*\]\]")
_ALONE = re.compile(
    r"[\s*_`\"'#>(\[<]{0,12}(\d{1,3}(?:\.\d{1,3})?)(?:[ \t]{0,2}(?:/"
    r"|out of)[ \t]{0,2}(\d{1,3}))?(?:[ \t]+(?:points?|stars?))?"
    r"[\s*_`\"'.)\]>!]{0,12}",
    re.IGNORECASE,
)


def rating_robust(reply: Reply, lowest: float = 1, highest: float = 10) -> float:
    """The rating of a reply on a scale that ends at ``highest``: ``[[8]]``, the number behind the last ``Rating:``,
    or a last line that is a number. ``8/10`` is 8, and 8/5 is out of range.
    """
    text = answered(reply)
    if reply.finish == "length":
        raise Unreadable("truncated", "cut off")
    if tags := list(_BRACKETED.finditer(text)):
        if len({tag[1] for tag in tags}) > 1 and not text.rstrip(" \t\n.*_").endswith("]]"):
            raise Unreadable("conflicting", "several ratings in brackets")
        if _undone(text, tags[-1]):
            raise Unreadable("conflicting", "a rating in brackets that is turned down, or goes on")
        return _scaled(tags[-1][1], tags[-1][2], lowest, highest)
    if list(_RATING.finditer(text)):
        return _labelled(reply, text, _RATING, lowest, highest)
    found = _ALONE.fullmatch(text.rstrip().rpartition("\n")[2])
    if not found:
        raise absent(reply, "rating")
    return _scaled(found[1], found[2], lowest, highest)


def _undone(text: str, tag: re.Match[str]) -> bool:
    """Whether what is said around a rating in brackets makes it none."""
    before, rest = text[max(0, tag.start() - NEAR) : tag.start()].rpartition("\n")[2], _line(text, tag.end())
    below = text[tag.end() + len(rest) :]
    return not stands(rest) or denied(before, named=True) or taken_back(below, float(tag[1]))


def _scaled(number: str, of: str | None, lowest: float, highest: float) -> float:
    if of is not None and float(of) != highest:
        raise Unreadable("out_of_range", f"{number} of {of}, on a scale to {highest:g}")
    return _in_range(float(number), lowest, highest)


def _in_range(value: float, lowest: float, highest: float) -> float:
    if not lowest <= value <= highest:
        raise Unreadable("out_of_range", f"{value:g} is not between {lowest:g} and {highest:g}")
    return value


_PROMETHEUS = re.compile(
    r"(?:\[(?:RESULT|SCORE)\][\s:*_]{0,8}|\bscore[ \t*_]{0,4}(?:[:\uff1a]|of"
    r"|is)[ \t*_]{0,4})\(?(\d{1,3}(?:\.\d{1,3})?)\)?(?P<of>[ \t]*(?:/|out of)[ \t]*(\d{1,3}))?"
    r"[\s.*_)\]]{0,8}$|(?<![\d.])(\d{1,3})[ \t]*(?:/|out of)[ \t]*(\d{1,3})[\s.*_)\]]{0,8}$",
    re.IGNORECASE,
)


_OR = re.compile(
    r"\d[*_]{0,2}[ \t]*(?:/[ \t]*\d+[ \t]*)?(?:or|to|and|,|/|-|\u2013|\u2014)[ \t*_]*$|[-+\u2212]$", re.IGNORECASE
)
"""Another number right before one, or a sign."""


def prometheus_abs(reply: Reply, lowest: float = 1, highest: float = 5) -> float:
    """The number after ``[RESULT]`` or ``[SCORE]``, at the end; ``Score: n``, ``n/5`` and ``n out of 5`` are read as
    well. Prometheus, arXiv:2310.08491.
    """
    text = answered(reply)
    if reply.finish == "length":
        raise Unreadable("truncated", "cut off")
    found = _PROMETHEUS.search(text[-200:])
    if not found:
        raise absent(reply, "[RESULT] at the end")
    number, of = (found[1], found[3]) if found[1] else (found[4], found[5])
    before = text[-200:][: found.start()].rpartition("\n")[2]
    if not found[0].startswith("[") and (denied(before, named=True) or _OR.search(before)):
        raise Unreadable("conflicting", "a score that is turned down, or one of several")
    value = _scaled(number, of, lowest, highest)
    if value != int(value):
        raise Unreadable("out_of_range", f"{value:g} is no whole number")
    return value


_PAIR = re.compile(
    r"^[\s*_`(\[]{0,8}(\d{1,3}(?:\.\d{1,3})?)(?:/\d{1,3})?(?:[ \t]*[,;|][ \t]*|[ \t]+)"
    r"(\d{1,3}(?:\.\d{1,3})?)(?:/\d{1,3})?[\s*_`)\].]{0,8}$"
)
_NAMED_SCORE = re.compile(
    r"\b(?:assistant|response|answer|output|model)[ \t*_]{1,4}(?:(?P<letter>[AB])"
    r"|(?P<digit>[12]))\b[ \t*_'s]{0,6}(?:score|rating)?"
    r"[ \t*_]{0,4}(?:[:\uff1a=]|is|gets)[ \t*_]{0,6}(\d{1,3}(?:\.\d{1,3})?)(?:[ \t]*/[ \t]*\d{1,3})?",
    re.IGNORECASE,
)


def numeric_pair(reply: Reply, lowest: float = 1, highest: float = 10) -> tuple[float, float]:
    """The scores of two responses: ``8 7`` in the first or the last line (as in FairEval), or ``Response A: 8`` and
    ``Response B: 7``. Both are needed; a response with two scores is ``conflicting``.
    """
    text = answered(reply)
    if reply.finish == "length":
        raise Unreadable("truncated", "cut off")
    lines = text.splitlines()
    alone = {(found[1], found[2]) for line in (lines[0], lines[-1]) if (found := _PAIR.match(line))}
    named: dict[str, set[str]] = {"A": set(), "B": set()}
    for found in _NAMED_SCORE.finditer(text):
        named[found["letter"].upper() if found["letter"] else "AB"[int(found["digit"]) - 1]].add(found[3])
    if any(len(scores) > 1 for scores in named.values()) or len(alone) > 1:
        raise Unreadable("conflicting", "several scores of one response")
    if all(named.values()):
        alone.add((named["A"].pop(), named["B"].pop()))
    if len({(float(a), float(b)) for a, b in alone}) > 1:
        raise Unreadable("conflicting", "two pairs of scores that differ")
    if not alone:
        raise absent(reply, "two scores")
    first, second = alone.pop()
    return _in_range(float(first), lowest, highest), _in_range(float(second), lowest, highest)
