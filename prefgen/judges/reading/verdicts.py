"""The verdict of a judge in whatever words it gives it: anchored, by linear scans, and never by a default.

A line decides where it says nothing else: ``[[A]]``, ``Winner: A``, ``[RESULT] B``, ``Response 2 is better``. The last
line counts; where it decides nothing, all lines that do must agree. What is quoted, shown in a code block, supposed,
turned down or taken back decides nothing, and two labels that could both be meant are none.
"""

import re
from collections.abc import Callable, Sequence

from prefgen.asker import Reply, absent, answered
from prefgen.errors import Unreadable
from prefgen.judges.reading._lines import ANNOUNCED, LABEL, TAG, TRIM, label_of, lines_of, quoted
from prefgen.judges.reading.structured import object_at_end, said_in

_TURNED = re.compile(
    r"\b(?:not|than|over|against|loser|worse|worst|weaker|neither|nor|inferior)(?:[ \t]+(?:is|was|one|answer"
    r"|response|assistant)){0,3}"
    r"\b[ \t*_`\"':]{0,4}$",
    re.IGNORECASE,
)
"""Words after which a label is the one that was not chosen."""
_SUPPOSED = re.compile(
    r"\b(?:if|would|were|could|might|may|unless|tempted|initially|at first|says?|said|asks?|asked|tells?|told"
    r"|instructs?"
    r"|instructed|claims?|claimed|demands?|insists?|orders?|output|print|ignore|injected|inject|injection|instruction"
    r"|quote[sd]?|contains?|includes?|ends? with|begins? with|example|format|either|must|should|whether|someone)\b",
    re.IGNORECASE,
)
"""Words of somebody else's verdict, or of one that was not given."""
_RETRACTED = re.compile(
    r"\b(?:wait|actually|however|correction|second thought|scratch|reconsider|change my|changed my"
    r"|on reflection|mistaken"
    r"|misread|instead|tie|tied|draw|neither|equally|undecided|disregard|revis\w+|typo|meant)\b",
    re.IGNORECASE,
)
"""Words that take a verdict back."""

_WORDS = r"(?:final|overall|my|the|our|own|better|best|preferred|stronger|superior|winning|chosen)"
_ANNOUNCER = (
    r"(?:verdict|winner|decision|choice|preference|judge?ment|conclusion|result|selection|urteil|entscheidung|gewinner"
    r"|veredicto|ganador|gagnant|d\u00e9cision|fazit|(?:better|best|preferred|stronger|superior|winning|final|chosen)"
    r"[ \t]+(?:response|answer|assistant|output|option|model|candidate|judge?ment|one|reply))"
)
_TAIL = (
    r"(?:[ \t*_]*(?:[.!,;\u3002]*$|[,;.]?[ \t]*(?:because|since|as|for|due|weil|car|porque)\b.*$"
    r"|[ \t]*\([^()]*\)[.!]*$))"
)
_SAID = re.compile(
    rf"(?:^|[.!?:;,\u3002][ \t*_]+"
    rf"|[ \t])(?:{_WORDS}[ \t]+){{0,3}}{_ANNOUNCER}[ \t*_`\"')\]]{{0,6}}(?:[:\uff1a=]|\bis\b|\bist\b|\bes\b|\best\b)"
    rf"[ \t*_`\"']{{0,6}}{LABEL}{_TAIL}",
    re.IGNORECASE,
)
"""``Winner: A``, ``**Final verdict:** Assistant B``, ``The better answer is Response 2 because …``."""
_CHINESE = re.compile(
    r"(?:\u7ed3\u8bba|\u5224\u65ad|\u88c1\u51b3|\u9009\u62e9|\u5224\u5b9a|\u6700\u7ec8\u7b54\u6848|\u80dc\u8005|\u66f4\u597d\u7684(?:\u56de\u7b54|\u52a9\u624b)?(?:\u662f)?)"
    rf"[ \t*_]{{0,4}}[:\uff1a\u662f]?[ \t*_]{{0,4}}{LABEL}[ \t*_\u3002.]*$"
)
_RESULT = re.compile(rf"\[(?:RESULT|VERDICT|ANSWER|WINNER)\][ \t*_:]{{0,4}}{LABEL}[ \t*_.]*$", re.IGNORECASE)
_BOXED = re.compile(rf"\\boxed\{{[ \t]*(?:\\text\{{)?{LABEL}\}}?[ \t$.*]*$", re.IGNORECASE)
_MARKED = re.compile(
    rf"<(?P<mark>answer|verdict|winner|choice|decision|result|preference)>[ \t]*{LABEL}[ \t]*</(?P=mark)>[ \t.*]*$",
    re.IGNORECASE,
)
_BETTER = (
    r"(?:is|was|wins|ist|est|es)[ \t]*(?:(?:the|a|clearly|slightly|much|overall|therefore|thus|marginally|significantly"
    r"|still|hence|far|somewhat|ultimately|simply)[ \t]+){0,3}(?:better|best|superior|stronger|preferred"
    r"|preferable|winner"
    r"|besser|meilleure?|mejor|more[ \t]+\w+)?(?:[ \t]+(?:one|response|answer|output|choice|option|overall"
    r"|here|of the two))?"
)


def _numbered(n: int) -> str:
    """A label whose groups have a number, so that several can stand in one form."""
    return re.sub(r"\(\?P<(\w+)>", rf"(?P<\g<1>{n}>", LABEL)


_PROSE = re.compile(
    rf"^(?:(?:so|thus|therefore|overall|hence|in conclusion|in summary|to conclude|on balance|all in all|ultimately"
    rf"|in my opinion|in the end|insgesamt)[,:]?[ \t]+)*"
    rf"(?:i[ \t]+(?:(?:would|therefore|thus)[ \t]+)?(?:prefer|choose|pick|select|favou?r|go with|vote for)[ \t]+{LABEL}"
    rf"|{_numbered(2)}[ \t]*"
    rf"(?:wins|{_BETTER}))"
    rf"(?:[ \t]+(?:overall|here|than (?:the )?(?:{_numbered(3)}|other(?: one)?)))?{_TAIL}",
    re.IGNORECASE,
)
_BARE = re.compile(rf"^{LABEL}[ \t*_.!]*$", re.IGNORECASE)

_DECORATION = re.compile(r"(?<![^\w\s\])}>.\"'!*])[^\w\s\])}>.\"'!*]+[ \t]*$|^[\u2192\u27a1\u2705\ufe0f>\- \t]+")
_SENTENCE = re.compile(r"[.!?;][ \t]+")
_ASIDE = re.compile(r"(?<=\]\])[ \t*_.,]{0,4}\([^()\n]{0,80}\)[ \t*_.!]{0,4}$")
"""What may follow a verdict: ``(high confidence)``."""
SHORTEST, SHORTEST_CHINESE = 7, 3
"""Characters of ``Fazit:A`` and of \u9009\u62e9A: a shorter line decides nothing, and a text may have very many."""
LONGEST = 500
"""Characters of a line that are looked at for verdicts without brackets."""
MANY = 20
"""Labels in one line beyond which none is told apart from the others: no judge writes so many."""
ENDLESS = 10_000
"""Characters of a sentence beyond which it is not looked at."""
NEAR = 100
"""Characters before a label in which it may be announced, or turned down."""
Found = tuple[str, bool]
"""A label, and whether it is a tag (``[[A]]``), which no other form overrules."""


def verdict(reply: Reply, offered: Sequence[str] = ("A", "B")) -> str:
    """The label that a reply decides for, in any of the forms that judges use.

    The last line decides where it decides anything; otherwise all lines that do must agree. Statuses: ``conflicting``
    where two labels could be meant, ``out_of_range`` for a label that was not on offer, such as a tie, ``truncated``
    for a reply that was cut off, whose last line is not known to be its last.
    """
    text = answered(reply)
    if reply.finish == "length":
        named = bool(TAG.search(text))
        raise Unreadable("truncated", "cut off after naming a verdict") if named else absent(reply, "verdict")
    found = object_at_end(text)
    if found is not None and (said := said_in(found, offered)) is not None:
        return _on_offer(_alone(said, _tags(lines_of(text))), offered)
    lines = lines_of(text)
    last = _decided(lines[-1], offered, last=True) if lines else None
    if last is not None:
        return _on_offer(last[0] if last[1] else _alone(last[0], _tags(lines[:-1])), offered)
    return _on_offer(_agreed(lines, offered, lambda line: _decided(line, offered)), offered)


def tagged(reply: Reply, offered: Sequence[str] = ("A", "B")) -> str:
    """The label in double brackets that a reply decides for; no other form counts. Statuses as of ``verdict``."""
    text = answered(reply)
    if reply.finish == "length":
        raise Unreadable("truncated", "cut off")
    lines = lines_of(text)
    last = _in_brackets(lines[-1], last=True) if lines else None
    return _on_offer(last[0] if last else _agreed(lines, offered, _in_brackets, weak=False), offered)


def _in_brackets(line: str, *, last: bool = False) -> Found | None:
    """What one line decides in double brackets."""
    trimmed = line.strip().rstrip(TRIM)
    tags = _tags_in(trimmed)
    return _tagged(trimmed, tags, last=last) if tags else None


def _alone(label: str, tags: set[str]) -> str:
    """The label, unless a line of its own said another one in brackets."""
    if tags - {label}:
        raise Unreadable("conflicting", "a verdict in brackets, and another one in the last line")
    return label


def _tags(lines: Sequence[str]) -> set[str]:
    """The labels that stand alone in a line, in double brackets."""
    alone = [TAG.fullmatch(line.strip(TRIM)) for line in lines]
    return {found[1].upper() for found in alone if found}


def _agreed(
    lines: Sequence[str], offered: Sequence[str], decides: Callable[[str], Found | None], *, weak: bool = True
) -> str:
    """What all lines that decide agree on. Nothing after them may take it back."""
    decided = {line: decides(line) for line in dict.fromkeys(lines) if len(line) >= SHORTEST_CHINESE}
    said = [(i, found) for i, line in enumerate(lines) if (found := decided.get(line))]
    if weak and lines and not said and (found := _weak(lines[0], offered, alone=False)):
        said = [(0, found)]
    labels = {label for _, (label, _) in said} | {tag[1].upper() for line in decided for tag in _unquoted(line)}
    if not labels:
        raise Unreadable("missing", " or ".join(f"[[{label}]]" for label in offered))
    if len(labels) > 1 or not said:
        raise Unreadable("conflicting", "several verdicts, or none that stands for itself")
    if any(_RETRACTED.search(line) for line in lines[said[-1][0] + 1 :]):
        raise Unreadable("conflicting", "a verdict that is taken back")
    return labels.pop()


def _tags_in(line: str) -> list[re.Match[str]]:
    """The labels in double brackets; most lines have none, and are not searched for them."""
    return list(TAG.finditer(line)) if "[[" in line else []


def _unquoted(line: str) -> list[re.Match[str]]:
    tags = _tags_in(line)
    return tags if len(tags) > MANY else [tag for tag in tags if not quoted(line, tag.start())]


def _decided(line: str, offered: Sequence[str], *, last: bool = False) -> Found | None:
    """What one line decides, if it decides anything; weak forms count in the last line alone. Raises Unreadable for a
    last line that names labels in brackets without deciding for one.
    """
    trimmed = line.strip().rstrip(TRIM)
    if tags := _tags_in(trimmed):
        return _tagged(trimmed, tags, last=last)
    plain = _plain(line)
    for form in (_RESULT, _MARKED, _BOXED, _SAID, _CHINESE) if len(plain) >= SHORTEST else (_CHINESE,):
        if (found := form.search(plain)) and not _doubted(plain, found.start()):
            return _named(found, offered)
    return _weak(plain, offered) if last else None


def _plain(line: str) -> str:
    """A line without bold, headings and what decorates its end; of a long one the end, where verdicts stand."""
    end = line.strip()[-LONGEST:]
    return _DECORATION.sub("", end.strip("*_# \t").replace("**", "").replace("__", ""))


def _weak(line: str, offered: Sequence[str], *, alone: bool = True) -> Found | None:
    """A line that is but a label (not even a letter by itself, where it is not ``alone``), or a sentence that prefers
    one.
    """
    plain = _plain(line)
    if len(line) > LONGEST:
        return None
    if found := _BARE.match(plain):
        if not alone and not found["name"]:
            return None
        lone = found["letter"] and not found["name"] and found["letter"].islower() and "(" not in plain
        return None if lone else _named(found, offered)
    found = _PROSE.match(plain)
    if not found or _DENIED.search(plain[: found.end()].split(" because")[0]):
        return None
    return _named(found, offered) if found["letter"] or found["digit"] else _preferred(found, offered)


_DENIED = re.compile(r"\b(?:not|neither|both|equally|n't)\b", re.IGNORECASE)


def _preferred(found: re.Match[str], offered: Sequence[str]) -> Found | None:
    """The label that a sentence begins with and prefers: ``B is better than A``."""
    letter, digit, other = found["letter2"], found["digit2"], found["letter3"]
    if not found["name2"] and (digit or letter.islower()):
        return None
    label = letter.upper() if letter else offered[int(digit) - 1] if int(digit) <= len(offered) else digit
    return None if other and other.upper() == label else (label, False)


def _named(found: re.Match[str], offered: Sequence[str]) -> Found | None:
    """The label of a match; a bare number is none, for it may be anything."""
    if found["digit"] and not found["name"]:
        return None
    if found["letter"] and found["letter"].upper() not in {*offered, "C", "T"} and not found["name"]:
        return None
    return label_of(found, offered), False


def _tagged(line: str, tags: Sequence[re.Match[str]], *, last: bool) -> Found | None:
    """The label in double brackets with which a line ends, or begins, where it says nothing else."""
    line = (_ASIDE.sub("", line) if "(" in line else line).rstrip(TRIM)
    label, before = tags[-1][1].upper(), line[: tags[-1].start()].rstrip(TRIM)
    others = [tag for tag in tags if tag[1].upper() != label]
    if tags[-1].end() != len(line):
        begins = tags[0].start() == len(line) - len(line.lstrip(TRIM + "-("))
        return (label, True) if begins and not others else None
    told = _announced(before)
    if _TURNED.search(before[-NEAR:]) or (others and not (told and _apart(line, tags, others))):
        raise Unreadable("conflicting", "a line names a label without deciding for it")
    if not told and (_supposed(before) or quoted(line, tags[-1].start())):
        if last:
            raise Unreadable("conflicting", "the last line names a label without deciding for it")
        return None
    return label, True


def _apart(line: str, tags: Sequence[re.Match[str]], others: Sequence[re.Match[str]]) -> bool:
    """Whether the other labels of a line are told apart from the one that it ends with: few, and none announced."""
    return len(tags) <= MANY and not any(_announced(line[: tag.start()].rstrip(TRIM)) for tag in others)


def _announced(before: str) -> bool:
    """Whether what stands before a label announces it; no more of it is looked at than that takes."""
    return bool(ANNOUNCED.search(before[-NEAR:]))


def _doubted(line: str, start: int) -> bool:
    """Whether what is said before a label makes it somebody else's, or none."""
    return _supposed(line[:start]) or bool(_TURNED.search(line[:start])) or quoted(line, start)


def _supposed(before: str) -> bool:
    """Whether the last sentence before a label makes it somebody else's; so does one that has no end."""
    sentence = _SENTENCE.split(before)[-1]
    return len(sentence) > ENDLESS or bool(_SUPPOSED.search(sentence))


def _on_offer(label: str, offered: Sequence[str]) -> str:
    if label not in offered:
        raise Unreadable("out_of_range", f"{label} was not on offer")
    return label
