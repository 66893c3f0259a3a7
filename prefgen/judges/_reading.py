"""How verdicts and scores are read out of a judge's words: anchored, by linear scans, and never by a default."""

import re
from collections.abc import Sequence

from prefgen.asker import Reply, absent, answered
from prefgen.errors import Unreadable

_TAG = re.compile(r"\[\[[ \t*_]*(?:(?:assistant|response|answer)[ \t]+)?([A-Z])[ \t*_]*\]\]", re.IGNORECASE)
_TRIM = " \t\r*_`#>\"'.!"


def verdict(reply: Reply, offered: Sequence[str] = ("A", "B")) -> str:
    """The label that a reply decides for, written ``[[A]]``.

    The last line decides where it ends in a verdict; otherwise all verdicts in the text must agree. Labels
    that were not on offer are no verdict. A reply cut off before its last line has none.
    """
    text = answered(reply)
    found = [match[1].upper() for match in _TAG.finditer(text)]
    on_offer = [label for label in found if label in offered]
    if last := _of_last_line(text, offered):
        return last
    if on_offer and reply.finish == "length":
        raise Unreadable("truncated", "cut off after naming a verdict")
    if len(set(on_offer)) > 1:
        raise Unreadable("conflicting", "several verdicts and none in the last line")
    if on_offer:
        return on_offer[0]
    if found:
        raise Unreadable("out_of_range", f"[[{found[-1]}]] was not on offer")
    raise absent(reply, " or ".join(f"[[{label}]]" for label in offered))


def _of_last_line(text: str, offered: Sequence[str]) -> str | None:
    """The verdict with which the last line ends, if it is the only one there or a colon announces it."""
    line = text.rstrip().rpartition("\n")[2].rstrip(_TRIM)
    tags = [match for match in _TAG.finditer(line) if match[1].upper() in offered]
    if not tags or tags[-1].end() != len(line):
        return None
    announced = line[: tags[-1].start()].rstrip(_TRIM).endswith((":", "\uff1a", "is"))
    return tags[-1][1].upper() if announced or len({t[1].upper() for t in tags}) == 1 else None


_SCORE = re.compile(
    r"\b(?:score|points?)\b[*_`\"']{0,4}[ \t]{0,4}(?::|=|\bis\b)[ \t*_`\"'<\[(]{0,8}([+-]?\d{1,6}(?:\.\d{1,6})?)",
    re.IGNORECASE,
)
_AFTER = re.compile(r"[ \t*_]{0,4}(?:(/|out of)[ \t]{0,4}(\d{1,6})|(?:-|–|—|\bto\b|\bor\b)[ \t]{0,4}\d)", re.IGNORECASE)  # noqa: RUF001


def score(reply: Reply, lowest: float = 0, highest: float = 5) -> float:
    """The number that follows the last ``Score:`` of a reply; ``4/5``, bold and decimals are fine."""
    text = answered(reply)
    matches = list(_SCORE.finditer(text))
    if not matches:
        raise absent(reply, "score")
    value, after = float(matches[-1][1]), _AFTER.match(text, matches[-1].end())
    if reply.finish == "length" and text[(after or matches[-1]).end() :].strip(_TRIM):
        raise Unreadable("truncated", "cut off after naming a score")
    if after and not after[1]:
        raise Unreadable("conflicting", "a range of scores")
    if (after and float(after[2]) != highest) or not lowest <= value <= highest:
        raise Unreadable("out_of_range", f"{matches[-1][0]!r} is not between {lowest:g} and {highest:g}")
    return value
