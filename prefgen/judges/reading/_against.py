"""What is said around a label, or of it in other lines: whether it is a verdict, or turned down, or taken back."""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from prefgen.judges.reading._forms import GOOD, PROSE
from prefgen.judges.reading._lines import ANNOUNCED, label_of, quoted
from prefgen.judges.reading._words import (
    AGAINST,
    ANNOUNCES,
    APPROVES,
    BACK,
    CLAUSE,
    DOUBTS,
    FITS,
    HARMLESS,
    IT_LOSES,
    LEADING,
    LINKS,
    LOSER,
    LOST,
    NAMES,
    NOT_CHOSEN,
    ONSET,
    OTHERS,
    OWNED,
    PLACED,
    PREFERS,
    REASON,
    RETRACTED,
    SAYS_MORE,
    SENTENCE,
    SUPPOSED,
    TOLD,
    TURNED,
)

ENDLESS = 10_000
"""Characters of a sentence beyond which it is not looked at."""
NEAR = 120
"""Characters before a label in which it may be announced, or turned down."""
HEADING = 5
"""Words of a heading, at most."""
LONGEST = 500
"""Characters of a line that are looked at for a verdict without brackets."""

Lead = Literal["told", "announced", "clean", "supposed", "against"]


def sentence_of(before: str) -> str:
    """What a line says, before a place, since its last sentence ended."""
    return SENTENCE.split(before)[-1]


def says_no(label: str, offered: Sequence[str]) -> bool:
    """Whether a label is the no of yes and no: words against an answer are for it."""
    return label == "N" and "Y" in offered


def lead(line: str, end: int, label: str, offered: Sequence[str]) -> Lead:
    """What is said before a label on its line: ``told`` and ``announced`` where it is announced, ``supposed`` where it
    is somebody else's, ``against`` where it was turned down.
    """
    sentence = sentence_of(line[:end])
    if len(sentence) > ENDLESS:
        return "supposed"
    found = ANNOUNCES.search(sentence, max(0, len(sentence) - NEAR))
    if DOUBTS.search(sentence) or TURNED.search(sentence[-NEAR:]):
        return "against"
    if found and not quoted(line, end - len(sentence) + found.start("at")):
        return "told"
    if _opposed(sentence, label, offered):
        return "against"
    if SUPPOSED.search(sentence) or quoted(line, end):
        return "supposed"
    return "announced" if ANNOUNCED.search(sentence.rstrip(" \t*_`\"'")) else "clean"


def _opposed(sentence: str, label: str, offered: Sequence[str]) -> bool:
    """Whether the words before a label, from where they last begin anew, turn it down; so does a sentence that ends in
    the label and has no word that is for it.
    """
    if says_no(label, offered):
        return bool(NOT_CHOSEN.search(sentence))
    if contrary(sentence.rstrip(" \t*_:,>\u2013\u2014\u2192-"), label, offered):
        return True
    if LEADING.match(sentence.strip()) or _favours(sentence, label):
        return False
    last = HARMLESS.sub("", ONSET.split(sentence)[-1])
    if AGAINST.search(last):
        return True
    return _foreign(last, len(re.findall(r"\w+", last)), links=bool(LINKS.search(sentence))) and "Y" not in offered


def _foreign(words: str, many: int, *, links: bool) -> bool:
    """Whether words before a label have nothing to do with a verdict, in a sentence that ends so or a heading."""
    return many > 0 and not ((links and many > HEADING) or APPROVES.search(words))


def _favours(sentence: str, label: str) -> bool:
    """Whether the last clause says that the label is better: ``…, which makes assistant A's answer better``."""
    clause = OWNED.sub("", HARMLESS.sub("", sentence.rstrip(" \t*_:,")).rpartition(",")[2])
    good = rf"\b{label}[ \t]+(?:\w+[ \t]+){{0,3}}(?:{GOOD}|wins)\b"
    return bool(re.search(good, clause)) and not (AGAINST.search(clause) or OTHERS.search(clause))


def denied(line: str, start: int) -> bool:
    """Whether the words right before a form make it no verdict: ``I doubt that the winner is``, ``The rejected``."""
    sentence = sentence_of(line[:start])
    return bool(DOUBTS.search(sentence) or AGAINST.search(HARMLESS.sub("", CLAUSE.split(sentence)[-1])))


def fits(rest: str) -> bool:
    """Whether what stands behind a label in brackets lets it stand for itself."""
    return not rest.strip(" \t*_`\"'.!|~#>") or bool(FITS.match(rest))


def objects(rest: str, label: str, offered: Sequence[str]) -> bool:
    """Whether what stands behind a label on its line speaks against it."""
    rest = rest[:LONGEST].lstrip(" \t*_`\"'])}>-")
    reason = re.match(rf"[ \t,;.:\u2013\u2014-]*{REASON}", rest)
    first, *more = SENTENCE.split(rest)
    if TOLD.search(rest) or (BACK if reason else RETRACTED).search(first) or any(map(RETRACTED.search, more)):
        return True
    others = named(rest, offered) - {label}
    if re.match(r"\W*for\b", rest) and (others or OTHERS.search(rest)):
        return True
    if not says_no(label, offered) and any(
        IT_LOSES.match(clause.strip(" \t*_`\"'-")) for clause in CLAUSE.split(first)
    ):
        return True
    return any(_speaks_against(clause, label, offered) for clause in CLAUSE.split(rest))


def _speaks_against(clause: str, label: str, offered: Sequence[str]) -> bool:
    clause = clause.strip(" \t*_`\"'")
    if contrary(clause, label, offered) or says_no(label, offered):
        return contrary(clause, label, offered)
    others = OTHERS.search(clause) or named(clause, offered) - {label}
    return bool(LOST.search(clause)) and not others


def contrary(line: str, label: str, offered: Sequence[str]) -> bool:
    """Whether a line says in plain words that another label is better, or that this one is not."""
    if not SAYS_MORE.search(line[:LONGEST]):
        return False
    for sentence in SENTENCE.split(line[:LONGEST]):
        said = OWNED.sub("", sentence).strip(" \t*_`\"'#>")
        if _prefers(said, offered) - {label} or _loser(said, label, offered):
            return True
    return False


def _prefers(said: str, offered: Sequence[str]) -> set[str]:
    """The labels that a sentence prefers; ``other`` for the other one."""
    found, placed = PROSE.match(said), PLACED.search(said)
    labels = set()
    if found and PREFERS.search(found[0]):
        letter, digit = found["letter"] or found["letter2"], found["digit"] or found["digit2"]
        labels.add(letter.upper() if letter else _place(int(digit) - 1, offered))
    if placed:
        which = (placed["which"] or placed["taken"]).lower()
        labels.add("other" if which == "other" else _place(which in {"second", "latter"}, offered))
    return labels


def _place(place: int, offered: Sequence[str]) -> str:
    return offered[place] if 0 <= place < len(offered) else "other"


def _loser(said: str, label: str, offered: Sequence[str]) -> bool:
    found = LOSER.match(said)
    if not found:
        return False
    letter, digit = found["letter"] or found["not_letter"], found["digit"] or found["not_digit"]
    return (letter.upper() if letter else _place(int(digit) - 1, offered)) == label


def named(text: str, offered: Sequence[str]) -> set[str]:
    """The labels that a text names, by a name (``assistant B``) or by a capital letter that is no word."""
    return {label_of(one, offered) for one in NAMES.finditer(text)
            if one["name"] or (one["letter"] and one["letter"] in set(offered) - {"A", "I"})}  # fmt: skip


def introduces(line: str) -> bool:
    """Whether a line says that what follows is somebody else's."""
    return line.rstrip(" \t*_").endswith(":") and bool(SUPPOSED.search(line))


def taken_back(lines: Iterable[str], label: str, offered: Sequence[str]) -> bool:
    """Whether lines below a verdict take it back, or say another one before they quote somebody."""
    lines = list(dict.fromkeys(lines))
    if any(map(RETRACTED.search, lines)):
        return True
    for line in lines:
        if introduces(line):
            return False
        if contrary(line, label, offered):
            return True
    return False
