"""The verdict of a judge in whatever words it gives it: anchored, by linear scans, and never by a default.

A line decides where it says nothing else: ``[[A]]``, ``Winner: A``, ``[RESULT] B``, ``Response 2 is better``. The last
line counts; where it decides nothing, all lines that do must agree. What is quoted, shown in a code block, supposed,
turned down or taken back decides nothing, and two labels that could both be meant are none.
"""

import re
from collections.abc import Callable, Sequence

from prefgen.asker import Reply, absent, answered
from prefgen.errors import Unreadable
from prefgen.judges.reading._against import (
    ENDLESS,
    LONGEST,
    NEAR,
    denied,
    fits,
    lead,
    objects,
    sentence_of,
    taken_back,
)
from prefgen.judges.reading._forms import BARE, BOXED, CHINESE, MARKED, PROSE, RESULT, SAID
from prefgen.judges.reading._lines import ANNOUNCED, TAG, TRIM, label_of, lines_of, quoted
from prefgen.judges.reading._words import SUPPOSED, TURNED
from prefgen.judges.reading.structured import object_at_end, said_in

_DECORATION = re.compile(r"(?<![^\w\s\])}>.\"'!*])[^\w\s\])}>.?\"'!*]+[ \t]*$|^[\u2192\u27a1\u2705\ufe0f>\- \t]+")
_ASIDE = re.compile(r"[ \t*_.,]{0,4}\([^()\n]{0,80}\)[ \t*_.!]{0,4}")
"""What may follow a verdict: ``(high confidence)``."""
SHORTEST, SHORTEST_CHINESE = 7, 3
"""Characters of ``Fazit:A`` and of \u9009\u62e9A: a shorter line decides nothing, and a text may have very many."""
MANY = 20
"""Labels in one line beyond which none is told apart from the others: no judge writes so many."""
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
    last = _in_brackets(lines[-1], offered, last=True) if lines else None
    if last is None:
        last = _agreed(lines, offered, lambda line: _in_brackets(line, offered), weak=False), True
    return _on_offer(last[0], offered)


def _in_brackets(line: str, offered: Sequence[str], *, last: bool = False) -> Found | None:
    """What one line decides in double brackets."""
    trimmed = line.strip().rstrip(TRIM)
    tags = _tags_in(trimmed)
    return _tagged(trimmed, tags, offered, last=last) if tags else None


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
    label = labels.pop()
    if taken_back(lines[said[-1][0] + 1 :], label, offered):
        raise Unreadable("conflicting", "a verdict that is taken back")
    return label


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
        return _tagged(trimmed, tags, offered, last=last)
    plain = _plain(line)
    for form in (RESULT, MARKED, BOXED, SAID, CHINESE) if len(plain) >= SHORTEST else (CHINESE,):
        if (found := form.search(plain)) and not _doubted(plain, found.start(), words=form in (SAID, CHINESE)):
            return _stands(plain, found, _named(found, offered), offered)
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
    if found := BARE.match(plain):
        if not alone and not found["name"]:
            return None
        lone = found["letter"] and not found["name"] and found["letter"].islower() and "(" not in plain
        return None if lone else _named(found, offered)
    found = PROSE.match(plain)
    if not found or _DENIED.search(plain[: found.end()].split(" because")[0]):
        return None
    said = _named(found, offered) if found["letter"] or found["digit"] else _preferred(found, offered)
    return _stands(plain, found, said, offered)


_DENIED = re.compile(r"\b(?:not|neither|both|equally)\b|n['\u2019]t\b", re.IGNORECASE)


def _stands(line: str, found: re.Match[str], said: Found | None, offered: Sequence[str]) -> Found | None:
    """What a form says, where the rest of its line does not speak against it."""
    group = next(name for name in ("letter", "digit", "letter2", "digit2") if found.groupdict().get(name))
    return None if said and objects(line[found.end(group) :], said[0], offered) else said


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


def _tagged(line: str, tags: Sequence[re.Match[str]], offered: Sequence[str], *, last: bool) -> Found | None:
    """The label in double brackets with which a line ends, or begins, where no word of it speaks against that label."""
    label, rest = tags[-1][1].upper(), line[tags[-1].end() :].rstrip(TRIM)
    others = [tag for tag in tags if tag[1].upper() != label]
    if not others and objects(rest, label, offered):
        raise Unreadable("conflicting", "a line that speaks against the label that it names")
    if not rest or _ASIDE.fullmatch(rest):
        return _at_the_end(line, tags, others, offered, last=last)
    return None if others else _before_more(line, tags[-1], offered, last=last)


def _at_the_end(
    line: str, tags: Sequence[re.Match[str]], others: Sequence[re.Match[str]], offered: Sequence[str], *, last: bool
) -> Found | None:
    """The label with which a line ends."""
    start, label = tags[-1].start(), tags[-1][1].upper()
    how = lead(line, start, label, offered)
    if others and _INSTEAD.search(line[:start]):
        return label, True
    apart = how in {"told", "announced"} and _apart(line, tags, others)
    if how == "against" or (others and not apart):
        raise Unreadable("conflicting", "a line names a label without deciding for it")
    if how == "supposed" and last:
        raise Unreadable("conflicting", "the last line names a label without deciding for it")
    return None if how == "supposed" else (label, True)


def _before_more(line: str, tag: re.Match[str], offered: Sequence[str], *, last: bool) -> Found | None:
    """The label with which a line, or its last sentence, begins, where what follows lets it stand for itself."""
    how = lead(line, tag.start(), tag[1].upper(), offered)
    if how != "told" and (how == "against" or re.search(r"\w", sentence_of(line[: tag.start()]))):
        return None
    if fits(line[tag.end() :].rstrip(TRIM)):
        return tag[1].upper(), True
    if last:
        raise Unreadable("conflicting", "the last line begins with a label, and does not decide for it")
    return None


_INSTEAD = re.compile(
    rf"(?:^|[.!?:;,][ \t]+)\W{{0,4}}not[ \t*_]{{1,4}}{TAG.pattern}[ \t*_]{{0,4}},?[ \t]{{0,4}}but"
    r"(?:[ \t]+rather)?[ \t*_:]{0,4}$",
    re.IGNORECASE,
)
"""``Not [[A]] but``."""


def _apart(line: str, tags: Sequence[re.Match[str]], others: Sequence[re.Match[str]]) -> bool:
    """Whether the other labels of a line are told apart from the one that it ends with: few, and none announced."""
    return len(tags) <= MANY and not any(_announced(line[: tag.start()].rstrip(TRIM)) for tag in others)


def _announced(before: str) -> bool:
    """Whether what stands before a label announces it; no more of it is looked at than that takes."""
    return bool(ANNOUNCED.search(before[-NEAR:]))


def _doubted(line: str, start: int, *, words: bool) -> bool:
    """Whether what is said before a form makes it somebody else's, or no verdict; ``words`` for forms of words."""
    sentence = sentence_of(line[:start])
    before = line[max(0, start - NEAR) : start]
    supposed = len(sentence) > ENDLESS or bool(SUPPOSED.search(sentence))
    return supposed or bool(TURNED.search(before)) or quoted(line, start) or (words and denied(line, start))


def _on_offer(label: str, offered: Sequence[str]) -> str:
    if label not in offered:
        raise Unreadable("out_of_range", f"{label} was not on offer")
    return label
