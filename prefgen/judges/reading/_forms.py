"""The forms in which judges give a verdict without double brackets, each anchored to where a line begins or ends."""

import re

from prefgen.judges.reading._lines import LABEL

WORDS = r"(?:final|overall|my|the|our|own|better|best|preferred|stronger|superior|winning|chosen)"
ANNOUNCER = (
    r"(?:verdict|winner|decision|choice|preference|judge?ment|conclusion|result|selection|urteil|entscheidung|gewinner"
    r"|veredicto|ganador|gagnant|d\u00e9cision|fazit|(?:better|best|preferred|stronger|superior|winning|final|chosen)"
    r"[ \t]+(?:response|answer|assistant|output|option|model|candidate|judge?ment|one|reply))"
)
TAIL = (
    r"(?:[ \t*_]*(?:[.!,;\u3002]*$|[,;.]?[ \t]*(?:because|since|as|for|due|weil|car|porque)\b.*$"
    r"|[ \t]*\([^()]*\)[.!]*$))"
)
SAID = re.compile(
    rf"(?:^|[.!?:;,\u3002][ \t*_]+"
    rf"|[ \t])(?:{WORDS}[ \t]+){{0,3}}{ANNOUNCER}[ \t*_`\"')\]]{{0,6}}(?:[:\uff1a=]|\bis\b|\bist\b|\bes\b|\best\b)"
    rf"[ \t*_`\"']{{0,6}}{LABEL}{TAIL}",
    re.IGNORECASE,
)
"""``Winner: A``, ``**Final verdict:** Assistant B``, ``The better answer is Response 2 because …``."""
CHINESE = re.compile(
    r"(?:\u7ed3\u8bba|\u5224\u65ad|\u88c1\u51b3|\u9009\u62e9|\u5224\u5b9a|\u6700\u7ec8\u7b54\u6848|\u80dc\u8005|\u66f4\u597d\u7684(?:\u56de\u7b54|\u52a9\u624b)?(?:\u662f)?)"
    rf"[ \t*_]{{0,4}}[:\uff1a\u662f]?[ \t*_]{{0,4}}{LABEL}[ \t*_\u3002.]*$"
)
RESULT = re.compile(rf"\[(?:RESULT|VERDICT|ANSWER|WINNER)\][ \t*_:]{{0,4}}{LABEL}[ \t*_.]*$", re.IGNORECASE)
BOXED = re.compile(rf"\\boxed\{{[ \t]*(?:\\text\{{)?{LABEL}\}}?[ \t$.*]*$", re.IGNORECASE)
MARKED = re.compile(
    rf"<(?P<mark>answer|verdict|winner|choice|decision|result|preference)>[ \t]*{LABEL}[ \t]*</(?P=mark)>[ \t.*]*$",
    re.IGNORECASE,
)
ADVERBS = (
    r"(?:the|a|clearly|slightly|much|overall|therefore|thus|marginally|significantly|still|hence|far|somewhat|ultimately"
    r"|simply)"
)
GOOD = r"(?:better|best|superior|stronger|preferred|preferable|winner|besser|meilleure?|mejor)"
_MORE = (
    r"more[ \t]+(?:helpful|accurate|correct|complete|detailed|thorough|useful|relevant|informative|appropriate"
    r"|convincing|precise|comprehensive|faithful|honest|reliable)"
)
"""What an answer is better by; it may be more verbose, too."""
BETTER = (
    rf"(?:is|was|ist|est|es)[ \t]*(?:{ADVERBS}[ \t]+){{0,3}}(?:{GOOD}|{_MORE})"
    r"(?:[ \t]+(?:one|response|answer|output|choice|option|overall|here|of the two))?"
)


def numbered(n: int) -> str:
    """A label whose groups have a number, so that several can stand in one form."""
    return re.sub(r"\(\?P<(\w+)>", rf"(?P<\g<1>{n}>", LABEL)


PROSE = re.compile(
    rf"^(?:(?:so|thus|therefore|overall|hence|in conclusion|in summary|to conclude|on balance|all in all|ultimately"
    rf"|in my opinion|in the end|insgesamt)[,:]?[ \t]+)*"
    rf"(?:i[ \t]+(?:(?:would|therefore|thus)[ \t]+)?(?:prefer|choose|pick|select|favou?r|go with|vote for)[ \t]+{LABEL}"
    rf"|{numbered(2)}[ \t]*"
    rf"(?:wins|{BETTER}))"
    rf"(?:[ \t]+(?:overall|here|than (?:the )?(?:{numbered(3)}|other(?: one)?)))?{TAIL}",
    re.IGNORECASE,
)
BARE = re.compile(rf"^{LABEL}[ \t*_.!]*$", re.IGNORECASE)
