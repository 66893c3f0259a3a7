"""Readers of one form each, as papers and benchmarks publish them: for those who must compare numbers with theirs."""

import re
from collections.abc import Sequence

from prefgen.asker import Reply, absent, answered
from prefgen.errors import Unreadable
from prefgen.judges.reading._lines import TAG, TRIM

Labels = Sequence[str]


def bracket_strict(reply: Reply, offered: Labels = ("A", "B")) -> str:
    """The one label in double brackets in the whole text; two are ``conflicting``. Self-Taught Evaluators' release."""
    found = {tag[1].upper() for tag in TAG.finditer(_uncut(reply))}
    if not found:
        raise absent(reply, "label in double brackets")
    if len(found) > 1:
        raise Unreadable("conflicting", "several labels in double brackets")
    return _on_offer(found.pop(), offered)


def bracket_first(reply: Reply, offered: Labels = ("A", "B")) -> str:
    """RewardBench's own: the first label on offer, in the order of the offer, whose brackets stand anywhere in the
    text. One that holds both is A: a bias, kept for comparability, as is that a reply may be cut off.
    """
    text = answered(reply)
    for label in offered:
        if f"[[{label}]]" in text:
            return label
    raise absent(reply, "label in double brackets")


def bracket_last(reply: Reply, offered: Labels = ("A", "B")) -> str:
    """The last label in double brackets."""
    found = list(TAG.finditer(_uncut(reply)))
    if not found:
        raise absent(reply, "label in double brackets")
    return _on_offer(found[-1][1].upper(), offered)


_RELATIVE = re.compile(r"\[RESULT\][\s:*_]{0,8}(?:response[ \t]+)?([A-Z])[\s.*_]{0,8}$", re.IGNORECASE)


def prometheus_rel(reply: Reply, offered: Labels = ("A", "B")) -> str:
    """The letter after ``[RESULT]``, at the very end. Prometheus 2, arXiv:2405.01535."""
    found = _RELATIVE.search(_uncut(reply)[-200:])
    if not found:
        raise absent(reply, "[RESULT] at the end")
    return _on_offer(found[1].upper(), offered)


_WINNER = re.compile(
    r"\bwinner\b[ \t*_`]{0,6}[:\uff1a][ \t*_`\[(\"']{0,8}(?:(?:judge?ment|assistant|response|answer|output"
    r"|model)[ \t*_]{1,4})?"
    r"[\[(*_\"']{0,4}([A-Z])\b(?P<rest>[^\n]*)",
    re.IGNORECASE,
)
_OTHER = re.compile(r"\b(?:or|and)\b|/|&|\b[A-Z]\b", re.IGNORECASE)


def winner_line(reply: Reply, offered: Labels = ("A", "B")) -> str:
    """The last ``Winner: Judgement A``, in bold or brackets, spelt either way. Meta-Rewarding, arXiv:2407.19594.
    A line that names both is ``conflicting``.
    """
    found = list(_WINNER.finditer(_uncut(reply)))
    if not found:
        raise absent(reply, "Winner:")
    rest = found[-1]["rest"].partition("because")[0].strip(TRIM + "])(")
    if _OTHER.search(rest):
        raise Unreadable("conflicting", "a line that names more than a winner")
    return _on_offer(found[-1][1].upper(), offered)


_OUTPUT = re.compile(r"\boutput[ \t*_]{1,4}\(?([a-z])\)?(?![\w'])", re.IGNORECASE)


def output_ab(reply: Reply, offered: Labels = ("A", "B")) -> str:
    """``Output (a)`` or ``Output (b)`` as LLMBar and OffsetBias have it: the last line names one, and no other."""
    lines = [line for line in _uncut(reply).splitlines() if line.strip(TRIM)]
    last = lines[-1] if lines else ""
    named = {found[1].upper() for found in _OUTPUT.finditer(last.partition(" than ")[0].partition(" because ")[0])}
    if not named:
        raise absent(reply, "Output (a) or Output (b) in the last line")
    if len(named) > 1 or re.search(r"\b(?:not|worse|neither|both|if|would)\b|n['\u2019]t\b", last, re.IGNORECASE):
        raise Unreadable("conflicting", "a last line that does not decide for one output")
    return _on_offer(named.pop(), offered)


_FIVE = re.compile(r"\[\[[ \t]*([AB])[ \t]*(>>|>|=|<|<<)[ \t]*([AB])[ \t]*\]\]", re.IGNORECASE)
FIVE = ("A>>B", "A>B", "A=B", "B>A", "B>>A")


def arena5(reply: Reply, offered: Labels = FIVE) -> str:
    """One of Arena-Hard's five verdicts, ``[[A>>B]]`` to ``[[B>>A]]``; all in the text must be the same one."""
    found = {_five(one) for one in _FIVE.finditer(_uncut(reply))}
    if not found:
        raise absent(reply, "[[A>B]]")
    if len(found) > 1:
        raise Unreadable("conflicting", "several verdicts")
    return _on_offer(found.pop(), offered)


def _five(found: re.Match[str]) -> str:
    left, sign, right = found[1].upper(), found[2], found[3].upper()
    if sign.startswith("<"):
        left, sign, right = right, sign.replace("<", ">"), left
    return "A=B" if sign == "=" and left != right else f"{left}{sign}{right}"


def _uncut(reply: Reply) -> str:
    """The text of a whole reply; one that was cut off has no last line."""
    text = answered(reply)
    if reply.finish == "length":
        raise Unreadable("truncated", "cut off")
    return text


def _on_offer(label: str, offered: Labels) -> str:
    if label not in offered:
        raise Unreadable("out_of_range", f"{label} was not on offer")
    return label
