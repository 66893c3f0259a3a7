"""What may stand around a score, and what makes it none."""

import re
from itertools import takewhile

from prefgen.judges.reading._against import ENDLESS, introduces, sentence_of
from prefgen.judges.reading._words import AGAINST, CLAUSE, NOT_CHOSEN, REASON, SENTENCE, SUPPOSED, TOLD

OF = re.compile(
    r"[ \t*_`\"'>\])]{0,6}(?:points?[ \t]{0,2})?\(?(?:/|out of|of)[ \t]{0,4}(\d{1,6})(?!\d|\.\d)", re.IGNORECASE
)
"""The top of a scale: ``/5``, ``out of 5``, ``(out of 5)``."""
_AROUND = " \t*_`\"'>\\])|\u2600-\u27bf\u2b50\ufe0f\U0001f300-\U0001faff"
_CLOSES = rf"[ \t]{{0,2}}(?:(?:points?|stars?|pts|punkte?)\b)?[{_AROUND}]{{0,20}}(?:</\w{{1,20}}>)?"
_ALONE = re.compile(rf"{_CLOSES}[{_AROUND}.!\u3002]{{0,20}}", re.IGNORECASE)
"""What may follow a number that is alone on its line."""
_ON = re.compile(
    rf"{_CLOSES}(?:(?P<anew>[.;!\u3002]{{1,4}}[ \t*_)\"']{{1,20}})"
    rf"|(?P<on>[,;.]?[ \t*_]{{0,8}}{REASON}|[(\uff08]|-{{1,2}}[ \t]|[\u2013\u2014]))",
    re.IGNORECASE,
)
"""How a line may go on behind its score: with a new sentence, a reason, a parenthesis, a dash."""
_BACK = re.compile(
    r"\b(?:wait|correction|second thought|scratch|reconsider|chang(?:e|ed|ing) my|mistaken"
    r"|tak(?:e|ing) (?:it|that|this) back"
    r"|disregard (?:that|this|my|the) (?:score|rating|number)|typo|actually|on reflection|oops"
    r"|strike that|misread|revis\w+|meant|my mistake"
    r"|(?:make|call) (?:it|that)|(?:rather|more like)(?= (?:an? )?\d)|that (?:is|was) wrong)\b"
    r"|(?:^|[.!?;][ \t]+|[(\u2013\u2014-][ \t]*)(?:no|nope|not|sorry)\b[ \t]*(?:[,.:;!)\u2013\u2014-]|\d|$)",
    re.IGNORECASE | re.MULTILINE,
)
"""Words that take a score back."""
_WORD = re.compile(
    r"\b(?:zero|two|three|four|five|six|seven|eight|nine|ten)\b[ \t*_]{0,8}(?:[.,;!)]|points?\b|$)", re.IGNORECASE
)
"""A number in letters that could be the score."""
_LONE = re.compile(
    r"(?:^|[.!?;\u2013\u2014-][ \t]{1,8})[^\w.!?;\n]{0,12}\d{1,6}(?:\.\d{1,6})?(?:/\d{1,6})?[^\w\n]{0,12}"
    r"(?:$|(?<=[.!?;])[ \t])"
)
"""A sentence that is a number."""
_TOTAL = re.compile(
    r"^[ \t*_]*(?:[+=][ \t]*(?P<plus>\d)|total\b[^\d]{0,20}[:=][ \t*_]{0,4}"
    r"(?P<total>\d{1,6}(?:\.\d{1,6})?))",
    re.IGNORECASE,
)
_MINE = re.compile(r"\b(?:I|we)(?:['\u2019]d|[ \t]+(?:would|should|must))(?=[ \t])", re.IGNORECASE)
"""``I would give it``, which gives it; not so ``I wouldn't``."""


def alone(tail: str) -> bool:
    """Whether the rest of a score's line says nothing."""
    return bool(_ALONE.fullmatch(tail))


def stands(tail: str) -> bool:
    """Whether the rest of a score's line lets it stand: it ends there, or goes on with a reason, a dash, a parenthesis
    or another sentence, in which nothing takes it back and no number could be the score as well.
    """
    if alone(tail):
        return True
    found = _ON.match(tail)
    if not found or len(tail) > ENDLESS:
        return False
    rest = tail[max(found.start("anew"), found.start("on")) :]
    several = found["on"] and any(c.isnumeric() and c < "\u3000" for c in SENTENCE.split(rest)[0])
    return not (several or any(form.search(rest) for form in (_BACK, _WORD, _LONE, TOLD)))


def taken_back(below: str, value: float) -> bool:
    """Whether the lines below a score take it back, or add to it before they quote somebody."""
    if not below:  # as mostly: a score ends its reply
        return False
    lines = [line for line in below.splitlines() if not line.lstrip().startswith(">")]
    own = list(takewhile(lambda line: not introduces(line), lines))
    totals = [found for line in own if (found := _TOTAL.match(line))]
    adds = any(found["plus"] or float(found["total"]) != value for found in totals)
    return adds or any(map(_BACK.search, lines))


def denied(before: str, *, named: bool) -> bool:
    """Whether the words right before a score make it none; ``named`` for one whose label is a word in a sentence
    (``a score of 5``), of which more can be said.
    """
    if not before:
        return False
    clause = _MINE.sub("", CLAUSE.split(sentence_of(before))[-1])
    against = AGAINST.search(clause) or SUPPOSED.search(clause) if named else None
    return bool(against or NOT_CHOSEN.search(clause))
