"""What is said around a label: words that turn it down, make it somebody else's, or take it back."""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from prefgen.judges.reading._forms import ADVERBS, ANNOUNCER, GOOD, PROSE, WORDS
from prefgen.judges.reading._lines import ANNOUNCED, LABEL, label_of, quoted

SUPPOSED = re.compile(
    r"\b(?:if|would|were|could|might|may|unless|tempted|initially|at first|says?|said|asks?|asked|tells?|told"
    r"|instructs?"
    r"|instructed|claims?|claimed|demands?|insists?|orders?|output|print|ignore|injected|inject|injection|instruction"
    r"|quote[sd]?|contains?|includes?|ends? with|begins? with|example|format|either|must|should|whether|someone)\b",
    re.IGNORECASE,
)
"""Words of somebody else's verdict, or of one that was not given."""
RETRACTED = re.compile(
    r"\b(?:wait|actually|however|correction|second thought|scratch|reconsider|change my|changed my"
    r"|on reflection|mistaken|tak(?:e|ing) (?:it|that|this) back|oops|strike that"
    r"|misread|instead|tie|tied|draw|neither|equally|undecided|disregard|revis\w+|typo|meant)\b"
    r"|^[^\w\n]*(?:no|nope|sorry)\b[ \t]*(?:[,.:;!\u2013\u2014-]|$)",
    re.IGNORECASE,
)
"""Words that take a verdict, or a score, back."""
_BACK = re.compile(
    r"\b(?:wait|correction|second thought|scratch|reconsider|changed? my|mistaken|tak(?:e|ing) (?:it|that|this) back"
    r"|disregard|typo)\b",
    re.IGNORECASE,
)
"""Of these, the ones that a reason for a verdict does not have."""
TOLD = re.compile(
    r"\b(?:(?:told|tells?|asked|asks?|orders?|ordered|commands?|commanded|instructs?|instructed|wants?) (?:me|to|us"
    r"|the judge)|to (?:say|write|print|output|choose)|inject\w*|says? so)\b",
    re.IGNORECASE,
)
"""Words of a verdict that was written because somebody asked for it."""
TURNED = re.compile(
    r"\b(?:not|than|over|against|loser|worse|worst|weaker|neither|nor|inferior|cannot|\w{1,10}n['\u2019]t|refus\w+"
    r"|reject\w*|declin\w+|except|(?:superior|prefer\w*|inferior|next|compared|second|los\w+) to)"
    r"(?:[ \t]+(?:is|was|one|answer|response|assistant)){0,3}[ \t*_`\"':\u2013\u2014-]{0,6}$",
    re.IGNORECASE,
)
"""Words right before a label that was not chosen."""
AGAINST = re.compile(
    r"\b(?:not(?! only\b| by much\b)|never|no(?! doubt\b| question\b)|none|neither|nor|cannot|can not"
    r"|\w{1,10}n['\u2019]t"
    r"|dont|cant|wont|isnt|refus\w+|reject\w*|declin\w+|den(?:y|ied|ies)|dismiss\w*|exclud\w+|eliminat\w+|discard\w*"
    r"|disqualif\w+|avoid\w*|oppos\w+|(?<!no )doubt\w*|hesitat\w+|lose[sr]?|losers|losing|lost|beat(?:s|en)?|defeat\w*"
    r"|worse|worst|weak\w*|inferior|poor\w*|lesser|least|less|wrong\w*|incorrect|mistake\w*|errors?|flaw\w*|bad|fail\w*"
    r"|false|anything but|anyone but|all but|except|other than|rather than|runner-up|second|third|ruled? out|unlike"
    r"|hardly|far from|hard to|unable|worthless|useless|unfit|rule out|drop\w*|out of place)\b",
    re.IGNORECASE,
)
"""Words that make a label in their sentence one that was not chosen, or leave it open."""
_DOUBTS = re.compile(
    r"(?:\b(?:not|never|cannot|hardly)|n['\u2019]t)[ \t]+(?:\w+[ \t]+){0,2}(?:think|believe|say|agree|accept|conclude"
    r"|claim|find|call|feel|mean)\b|\b(?:I|to)[ \t]+(?:\w+[ \t]+)?(?:doubt|deny|disagree|dispute)\b",
    re.IGNORECASE,
)
"""What makes all that follows in its sentence untrue."""
NOT_CHOSEN = re.compile(
    r"(?:\b(?:not|never|cannot|refuse|decline|hesitate|unable)|n['\u2019]t)[ \t]+(?:to[ \t]+)?(?:\w+[ \t]+)?"
    r"(?:choose|pick|select|write|answer|give|say|be|put|assign|deserve|award|merit|get|earn)\b"
    r"|\b(?:reject\w*|refuse|anything but)\b",
    re.IGNORECASE,
)
"""Words by which a label, or a score, is not given."""
_LOSES = (
    rf"(?:loses|lost|(?:is|was)[ \t]+(?:{ADVERBS}[ \t]+){{0,3}}(?:worse|worst|inferior|weaker|weakest|loser|wrong"
    r"|incorrect|rejected|out|second|not[ \t]+(?:{ADVERBS}[ \t]+){0,3}{GOOD})|(?:is|was)n['\u2019]t"
    r"|(?:comes?|came|ranks|finishes)[ \t]+(?:second|last)|fails)\b"
).replace("{ADVERBS}", ADVERBS).replace("{GOOD}", GOOD)  # fmt: skip
_LOSER = re.compile(
    rf"^(?:(?:so|thus|therefore|hence|overall)[,:]?[ \t]+)*{LABEL}[ \t]+{_LOSES}"
    rf"|^i[ \t]+(?:reject|refuse|decline|do(?:n['\u2019]t| not) (?:choose|pick|prefer|select))[ \t]+"
    rf"{LABEL.replace('P<', 'P<not_')}",
    re.IGNORECASE,
)
_IT_LOSES = re.compile(
    rf"(?:(?:it|this|that)(?:[ \t]+(?:one|answer|response|assistant))?[ \t]+)?{_LOSES}", re.IGNORECASE
)
_LOST = re.compile(
    r"^[ \t]*(?:no|not|none|never|nope|or|and|vs)\b"
    r"|\b(?:worse|worst|weaker|weakest|inferior|los(?:es?|er|ing|t)|reject\w*|refus\w+|declin\w+|runner-up"
    r"|second (?:best|place)|not (?:the |my |quite |really )*(?:better|best|winner|good|right|chosen|sure|convinced"
    r"|really|quite))\b",
    re.IGNORECASE,
)
"""Words after a label that turn it down, where they are not of another one."""
_PLACED = re.compile(
    rf"\b(?P<which>other|first|second|former|latter)(?:[ \t]+(?:one|two|answer|response|assistant|output|reply))?"
    rf"[ \t]+(?:wins|(?:is|was)[ \t]+(?:{ADVERBS}[ \t]+){{0,3}}{GOOD})\b"
    r"|\b(?:prefer|choose|pick|select|go with)[ \t]+the[ \t]+(?P<taken>other|first|second|former|latter)\b",
    re.IGNORECASE,
)
"""``The other one is better``."""
_PREFERS = re.compile(
    r"\b(?:wins|better|best|winner|superior|preferred|preferable|stronger|prefer|choose|pick|select|favou?r|go with|vote)\b",
    re.IGNORECASE,
)
_SAYS_MORE = re.compile(
    f"{_PREFERS.pattern}|{_LOSES}|n['\u2019]t |reject|refuse|decline|not |besser|meilleur|mejor", re.IGNORECASE
)
"""A word without which a line need not be looked at."""
_OTHERS = re.compile(r"\b(?:other|first|second|former|latter|both|while|whereas|than)\b", re.IGNORECASE)
REASON = (
    r"(?:because|since|as|due|given|weil|denn|car|porque"
    r"|for(?=[ \t]+(?:these|the following|this|its|being|having|giving|several|two|three|the reasons?)\b))\b"
)
_FITS = re.compile(
    rf"[ \t*_]{{0,8}}(?:[,;.:\u2013\u2014-]{{0,4}}[ \t*_]{{0,8}}{REASON}"
    rf"|(?:wins|(?:is|was|remains)[ \t]+(?:(?:{ADVERBS}|my|more|indeed|final)[ \t]+){{0,4}}(?:{GOOD}|choice|verdict"
    r"|pick|decision|favou?rite|answer|selection|accurate|helpful|complete|correct|useful))"
    r"(?:[ \t]+(?:one|response|answer|output|choice|option|assistant|overall|here|of the two|by far|for me"
    r"|in my (?:view|opinion)|in every (?:way|respect)|than (?:the )?\w+(?: one)?)){0,3}"
    rf"(?=[ \t*_]{{0,8}}(?:[.!,;:()\u2013\u2014-]|$|(?:and|{REASON})\b))"
    r"|(?:[.:;,!)\u3002\u2013\u2014-]{1,4}[ \t*_]{1,8}|[ \t]{0,8}\(|[ \t*_]{1,8}(?=[A-Z\u00c0-\uffff]))"
    r"(?!(?:if|unless|only|except)\b)(?=[^\W\d]))",
)
"""What may follow a label in brackets on its line: a reason, ``is better``, or a new sentence."""

SENTENCE = re.compile(r"(?<!vs)[.!?;\u3002\uff01\uff1f][ \t*_)\"'\u201d\]]{0,6}(?:[ \t]|$)")
CLAUSE = re.compile(
    r"[.!?;:,()\u2013\u2014\u3002\uff0c]+|[ \t]-[ \t]|\b(?:and|but|so|yet|though|although|while|whereas)\b"
)
_ONWARD = r"(?:so|thus|therefore|hence|consequently|then|overall|ultimately|in conclusion|all in all|on balance)"
_TOLD = re.compile(
    rf"(?:^|[,:\u2013\u2014-][ \t*_]+|\b(?:and|but|yet)[ \t]+|\b(?={_ONWARD}\b))[ \t*_\"'`#>(]*(?P<at>)"
    rf"(?:{_ONWARD},?[ \t]+){{0,3}}"
    rf"(?:(?:{WORDS}[ \t]+){{0,4}}(?:{ANNOUNCER}|answer|vote|pick)[ \t*_`\"')]{{0,6}}"
    r"(?:[:\uff1a=]|\b(?:is|was|goes to|ist|es|est)\b)?"
    r"|I(?:['\u2019](?:d|ll))?[ \t]+(?:(?:would|will|therefore|thus|hence|must)[ \t]+){0,2}"
    r"(?:choose|pick|select|prefer|favou?r|go with|go for|vote for|opt for|decide for|settle on))[ \t*_:`\"'(]{0,6}$",
    re.IGNORECASE,
)
"""``…, so my final verdict is``: what announces a label, whatever its sentence says before."""
_ONSET = re.compile(rf"(?:,[ \t]+|[ \t][\u2013\u2014-][ \t]+|\band[ \t]+)(?:and[ \t]+)?{_ONWARD}\b", re.IGNORECASE)
_LEADING = re.compile(r"(?:since|because|as|given|while|although|though)\b.*,[ \t*_]*$", re.IGNORECASE)
_LINKS = re.compile(rf"(?:[:\uff1a,=>\u2013\u2014\u2192-]|\b{_ONWARD})[ \t*_`\"'(]*$", re.IGNORECASE)
_APPROVES = re.compile(
    r"\b(?:better|best|prefer\w*|superior|strong\w*|winner|wins?|winning|choose|choice|chosen|pick|select\w*|verdict"
    r"|decision|decide\w*|judge?ment|conclu\w+|go(?:es)?|vote\w*|favou?r\w*|opt|answer|result|say|it is|it['\u2019]s"
    r"|definitely|clearly|final\w*|give|lean\w*|rate|this|w\u00e4hle|bevorzuge|besser\w*|choisis|pr\u00e9f\u00e8re|meilleure?|elijo"
    r"|prefiero|mejor|gan\w+|gagne|gewinnt|urteil|entscheidung)\b|[^\x00-\u024f]",
    re.IGNORECASE,
)
ENDLESS = 10_000
"""Characters of a sentence beyond which it is not looked at."""
NEAR = 120
"""Characters before a label in which it may be announced, or turned down."""
LONGEST = 500
"""Characters of a line that are looked at for a verdict without brackets."""

Lead = Literal["told", "announced", "clean", "supposed", "against"]


def sentence_of(before: str) -> str:
    """What a line says, before a place, since its last sentence ended."""
    return SENTENCE.split(before)[-1]


def says_no(label: str, offered: Sequence[str]) -> bool:
    """Whether a label is the no of yes and no: words against an answer are for it."""
    return label == "N" and "Y" in offered


def lead(line: str, end: int, *, no: bool = False) -> Lead:
    """What is said before a label on its line: ``told`` and ``announced`` where it is announced, ``supposed`` where it
    is somebody else's, ``against`` where it was turned down. ``no`` as of ``says_no``.
    """
    sentence = sentence_of(line[:end])
    if len(sentence) > ENDLESS:
        return "supposed"
    found = _TOLD.search(sentence, max(0, len(sentence) - NEAR))
    if _DOUBTS.search(sentence) or TURNED.search(sentence[-NEAR:]):
        return "against"
    if found and not quoted(line, end - len(sentence) + found.start("at")):
        return "told"
    if NOT_CHOSEN.search(sentence) if no else _opposed(sentence):
        return "against"
    if SUPPOSED.search(sentence) or quoted(line, end):
        return "supposed"
    return "announced" if ANNOUNCED.search(sentence.rstrip(" \t*_`\"'")) else "clean"


def _opposed(sentence: str) -> bool:
    """Whether the words before a label, from where they last begin anew, turn it down; so does a sentence that ends in
    the label and has no word that is for it.
    """
    if _LEADING.match(sentence.strip()):
        return False
    last = _ONSET.split(sentence)[-1]
    if AGAINST.search(last):
        return True
    return bool(re.search(r"\w", last)) and not (_LINKS.search(sentence) or _APPROVES.search(last))


def denied(line: str, start: int) -> bool:
    """Whether the words right before a form make it no verdict: ``I doubt that the winner is``, ``The rejected``."""
    sentence = sentence_of(line[:start])
    return bool(_DOUBTS.search(sentence) or AGAINST.search(CLAUSE.split(sentence)[-1]))


def fits(rest: str) -> bool:
    """Whether what stands behind a label in brackets lets it stand for itself."""
    return not rest.strip(" \t*_`\"'.!|~#>") or bool(_FITS.match(rest))


def objects(rest: str, label: str, offered: Sequence[str]) -> bool:
    """Whether what stands behind a label on its line speaks against it."""
    rest = rest[:LONGEST].lstrip(" \t*_`\"'])}>-")
    reason = re.match(rf"[ \t,;.:\u2013\u2014-]*{REASON}", rest)
    first, *more = SENTENCE.split(rest)
    if TOLD.search(rest) or (_BACK if reason else RETRACTED).search(first) or any(map(RETRACTED.search, more)):
        return True
    others = named(rest, offered) - {label}
    if re.match(r"\W*for\b", rest) and (others or _OTHERS.search(rest)):
        return True
    if not says_no(label, offered) and any(
        _IT_LOSES.match(clause.strip(" \t*_`\"'-")) for clause in CLAUSE.split(first)
    ):
        return True
    return any(_speaks_against(clause, label, offered) for clause in CLAUSE.split(rest))


def _speaks_against(clause: str, label: str, offered: Sequence[str]) -> bool:
    clause = clause.strip(" \t*_`\"'")
    if contrary(clause, label, offered) or says_no(label, offered):
        return contrary(clause, label, offered)
    others = _OTHERS.search(clause) or named(clause, offered) - {label}
    return bool(_LOST.search(clause)) and not others


def contrary(line: str, label: str, offered: Sequence[str]) -> bool:
    """Whether a line says in plain words that another label is better, or that this one is not."""
    if not _SAYS_MORE.search(line[:LONGEST]):
        return False
    for sentence in SENTENCE.split(line[:LONGEST]):
        said = sentence.strip(" \t*_`\"'#>")
        if _prefers(said, offered) - {label} or _loser(said, label, offered):
            return True
    return False


def _prefers(said: str, offered: Sequence[str]) -> set[str]:
    """The labels that a sentence prefers; ``other`` for the other one."""
    found, placed = PROSE.match(said), _PLACED.search(said)
    labels = set()
    if found and _PREFERS.search(found[0]):
        letter, digit = found["letter"] or found["letter2"], found["digit"] or found["digit2"]
        labels.add(letter.upper() if letter else _place(int(digit) - 1, offered))
    if placed:
        which = (placed["which"] or placed["taken"]).lower()
        labels.add("other" if which == "other" else _place(which in {"second", "latter"}, offered))
    return labels


def _place(place: int, offered: Sequence[str]) -> str:
    return offered[place] if 0 <= place < len(offered) else "other"


def _loser(said: str, label: str, offered: Sequence[str]) -> bool:
    found = _LOSER.match(said)
    if not found:
        return False
    letter, digit = found["letter"] or found["not_letter"], found["digit"] or found["not_digit"]
    return (letter.upper() if letter else _place(int(digit) - 1, offered)) == label


_NAMES = re.compile(LABEL, re.IGNORECASE)


def named(text: str, offered: Sequence[str]) -> set[str]:
    """The labels that a text names, by a name (``assistant B``) or by a capital letter that is no word."""
    return {label_of(one, offered) for one in _NAMES.finditer(text)
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
