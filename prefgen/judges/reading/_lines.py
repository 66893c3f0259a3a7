"""A judge's words as the lines that it speaks itself, and what a label looks like in one."""

import re
from collections.abc import Sequence

TRIM = " \t\r*_`#>\"'.!|~"
"""What may stand around a verdict and means nothing."""
QUOTES = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb\u201e"

TAG = re.compile(r"\[\[[ \t*_]*(?:(?:assistant|response|answer|model|output)[ \t]+)?([A-Z])[ \t*_]*\]\]", re.IGNORECASE)
"""``[[A]]``."""

_NAME = (
    r"(?:ai[ \t]+)?(?:assistant|response|answer|output|option|model|candidate|completion|judge?ment|solution"
    r"|reply|essay"
    r"|antwort|r\u00e9ponse|respuesta|\u52a9\u624b|\u56de\u7b54|\u6a21\u578b|\u56de\u7b54\u8005)"
)
_PLACE = r"(?P<letter>[A-Z])|(?P<digit>[1-9])"
LABEL = (
    rf"(?:the[ \t]+)?(?:(?P<name>{_NAME})[ \t]*[#'\"]?)?[\[({{<*_`\"' ]{{0,6}}"
    rf"(?:{_PLACE})(?![A-Za-z0-9])(?!['\u2019][a-z])[\])}}>*_`\"']{{0,6}}"
)
"""A label as judges write it: ``A``, ``**B**``, ``Assistant A``, ``Response 2``, ``(a)``, ``Output (b)``."""

ANNOUNCED = re.compile(
    r"\b(?:verdict|decision|choice|answer|winner|conclusion|judge?ment|preference|urteil|entscheidung|gewinner|veredicto"
    r"|ganador|gagnant|d\u00e9cision)\b[ \t*_`\"']{0,4}(?:[:\uff1a]|\bis[ \t]{0,4}:?)$"
    r"|(?:\u7ed3\u8bba|\u5224\u65ad|\u88c1\u51b3|\u9009\u62e9|\u5224\u5b9a|\u7d50\u8ad6)[ \t*_]{0,4}[:\uff1a]$",
    re.IGNORECASE,
)
"""What announces a verdict, when it stands right before it."""

_FENCE = re.compile(r"^[ \t]{0,3}(?:```|~~~)")
_NOTHING = TRIM + "-\u2014="
"""A line of these says nothing."""


def lines_of(text: str) -> list[str]:
    """The lines in which a judge speaks: not those of code blocks, which show something, nor empty ones, nor lines
    that quote (``>``) unless all of them do. A text that is one code block speaks in it.
    """
    spoken, inside, fenced = [], False, "```" in text or "~~~" in text
    for line in text.splitlines():
        if fenced and _FENCE.match(line):
            inside = not inside
        elif not inside and line.strip(_NOTHING):
            spoken.append(line)
    own = [line for line in spoken if not line.lstrip().startswith(">")] if ">" in text else spoken
    return own or spoken


_CLOSES = {'"': '"', "`": "`", "\u201c": "\u201d", "\u00ab": "\u00bb", "\u201e": "\u201c"}
_OPENS = re.compile("[\"`'\u2018\u201c\u00ab\u201e]")


def quoted(line: str, start: int) -> bool:
    """Whether the place lies inside quotation marks that open after other words."""
    before = line[:start]
    if not _OPENS.search(before):
        return False
    for mark, close in _CLOSES.items():
        opened = before.count(mark) % 2 if close == mark else before.count(mark) > before.count(close)
        if opened and before[: before.rfind(mark)].strip(TRIM):
            return True
    return bool(re.search(r"[^\s*_]\s*['\u2018][^'\u2019]{0,200}$", before)) and not re.search(
        r"\w['\u2019]\w[^'\u2018\u2019]*$", before
    )


def label_of(found: re.Match[str], offered: Sequence[str]) -> str:
    """The label that a match of LABEL names; a number counts the labels on offer."""
    if found["letter"]:
        return found["letter"].upper()
    place = int(found["digit"])
    return offered[place - 1] if place <= len(offered) else found["digit"]
