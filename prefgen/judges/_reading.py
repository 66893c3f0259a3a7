"""How verdicts and scores are read out of a judge's words: anchored, by linear scans, and never by a default."""

import re
from collections.abc import Sequence

from prefgen.asker import Reply, absent, answered
from prefgen.errors import Unreadable

_TAG = re.compile(r"\[\[[ \t*_]*(?:(?:assistant|response|answer)[ \t]+)?([A-Z])[ \t*_]*\]\]", re.IGNORECASE)
_TRIM = " \t\r*_`#>\"'.!"
_ANNOUNCED = re.compile(
    r"\b(?:verdict|decision|choice|answer|winner|conclusion|judge?ment)\b[ \t*_`\"']{0,4}"
    r"(?:[:\uff1a]|\bis[ \t]{0,4}:?)$",
    re.IGNORECASE,
)
_TURNED = re.compile(r"\b(?:not|than|over|against|loser|worse)\b[ \t*_`\"':]{0,4}$", re.IGNORECASE)
"""Words after which a label is the one that was not chosen."""


def verdict(reply: Reply, offered: Sequence[str] = ("A", "B")) -> str:
    """The label that a reply decides for, written ``[[A]]``.

    The last line decides where it ends in a label; otherwise all labels in the text must agree. Of several in the last
    line, the one that is announced as the verdict counts. A label that was not on offer, such as a tie, is out of
    range. A reply that was cut off has no verdict: no line of it is known to be its last.
    """
    text = answered(reply)
    if reply.finish == "length" and _TAG.search(text):
        raise Unreadable("truncated", "cut off after naming a verdict")
    line = text.rpartition("\n")[2].rstrip(_TRIM)
    last = list(_TAG.finditer(line))
    if last and last[-1].end() == len(line):
        return _on_offer(_decided(line, last), offered)
    found = {match[1].upper() for match in _TAG.finditer(text)}
    if not found:
        raise absent(reply, " or ".join(f"[[{label}]]" for label in offered))
    if len(found) > 1:
        raise Unreadable("conflicting", "several verdicts and none at the end of the last line")
    return _on_offer(found.pop(), offered)


def _decided(line: str, tags: Sequence[re.Match[str]]) -> str:
    """The label with which a line ends, where the line says nothing else."""
    label, before = tags[-1][1].upper(), line[: tags[-1].start()].rstrip(_TRIM)
    others = [tag for tag in tags if tag[1].upper() != label]
    announced = [bool(_ANNOUNCED.search(line[: tag.start()].rstrip(_TRIM))) for tag in others]
    if _TURNED.search(before) or any(announced) or (others and not _ANNOUNCED.search(before)):
        raise Unreadable("conflicting", "the last line names a label without deciding for it")
    return label


def _on_offer(label: str, offered: Sequence[str]) -> str:
    if label not in offered:
        raise Unreadable("out_of_range", f"[[{label}]] was not on offer")
    return label


_LABEL = re.compile(
    r"\b(?:score|points?)\b[*_`\"']{0,4}[ \t]{0,4}(?:\([^()\n]{0,40}\)[ \t]{0,4})?[*_]{0,3}[:\uff1a]", re.IGNORECASE
)
_NUMBER = re.compile(
    r"[\s*_`\"'<\[(]{0,12}(?P<sum>(?:\d(?:\.\d)?[ \t]{0,2}\+[ \t]{0,2}){1,9}\d(?:\.\d)?[ \t]{0,2}=[ \t*_]{0,4})?"
    r"(?P<value>[+-]?\d{1,6}(?:\.\d{1,6})?)"
)
_OF = re.compile(
    r"[\s*_`\"'>\])]{0,6}(?:points?[ \t]{0,2})?\(?(?:/|out of|of)[ \t]{0,4}(\d{1,6})(?!\d|\.\d)", re.IGNORECASE
)
_SENTENCE = re.compile(r"\n|[.;!](?=\s)|$")
"""Where what is said about a score ends; another number before it could be the score as well."""


def score(reply: Reply, lowest: float = 0, highest: float = 5) -> float:
    """The number that follows the last ``Score:`` or ``Points:`` of a reply (arXiv:2401.10020 asks for the first);
    ``4/5``, bold, decimals and a sum with its total are fine.
    """
    text = answered(reply)
    labels = list(_LABEL.finditer(text))
    found = _NUMBER.match(text, labels[-1].end()) if labels else None
    if found is None:
        raise absent(reply, "score")
    line = text.rfind("\n", 0, labels[-1].start()) + 1
    beside = [number for label in labels[:-1] if label.start() >= line and (number := _NUMBER.match(text, label.end()))]
    value, of = float(found["value"]), _OF.match(text, found.end())
    end = (of or found).end()
    if reply.finish == "length":
        raise Unreadable("truncated", "cut off after naming a score")
    if beside or _goes_on(text, end) or not _adds_up(found):
        raise Unreadable("conflicting", "several numbers, any of which could be the score")
    if (of and float(of[1]) != highest) or not lowest <= value <= highest:
        raise Unreadable("out_of_range", f"{found[0].strip()!r} is not between {lowest:g} and {highest:g}")
    return value


def _goes_on(text: str, end: int) -> bool:
    """Whether another number stands behind the score, in the same sentence of the same line."""
    stop = _SENTENCE.search(text, end)
    return any(c.isdigit() for c in text[end : stop.start() if stop else len(text)])


def _adds_up(found: re.Match[str]) -> bool:
    """Whether a total is that of its sum, where one is written out."""
    parts = re.findall(r"[\d.]+", found["sum"] or found["value"])
    return abs(sum(map(float, parts)) - abs(float(found["value"]))) < 1e-9
