"""Replies that are data: a JSON object, or a Python literal, alone, in a code block, or at the end of the text."""

import ast
import json
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from prefgen.asker import Reply, absent, answered
from prefgen.errors import Unreadable

LONGEST = 20_000
"""Characters of an object at most: a verdict with its reasons; more is not parsed."""
_FENCED = re.compile(r"```[ \t]*(?:json|python|py)?[ \t]*\n?(.*?)```", re.DOTALL | re.IGNORECASE)
_VERDICT_KEYS = frozenset(
    [
        "verdict",
        "winner",
        "preference",
        "preferred",
        "choice",
        "decision",
        "better",
        "better_response",
        "better_answer",
        "preferred_response",
        "final_verdict",
        "final_decision",
        "result",
        "judgment",
        "judgement",
        "selection",
        "chosen",
        "best",
        "best_response",
        "label",
        "final_answer",
        "answer",
    ]
)
_SCORE_KEYS = frozenset(
    ["score", "rating", "points", "total", "total_score", "final_score", "overall", "overall_score", "grade"]
)
_NAMED = re.compile(
    r"(?:the[ _])?(?:(?:ai[ _])?(?:assistant|response|answer|output|option|model|candidate|completion"
    r"|judge?ment|solution)[ _]?)?"
    r"[\[(]{0,2}(?:([A-Za-z])|([1-9]))[\])]{0,2}(?:[ _](?:is|wins)(?: better)?)?\.?",
    re.IGNORECASE,
)


def object_at_end(text: str) -> Mapping[str, Any] | None:
    """The object with which a text ends, if it does: alone, or in a code block."""
    stripped = text.strip()
    if stripped.endswith("```"):
        blocks = _FENCED.findall(stripped[-LONGEST - 20 :])
        return _object(blocks[-1].strip()) if blocks else None
    if not stripped.endswith("}"):
        return None
    return _object(stripped) if stripped.startswith("{") else _object(_last_braces(stripped))


def _last_braces(text: str) -> str:
    """The last balanced braces of a text, by one scan from its end."""
    depth = 0
    for i in range(len(text) - 1, max(-1, len(text) - LONGEST), -1):
        depth += (text[i] == "}") - (text[i] == "{")
        if depth == 0:
            return text[i:]
    return ""


def _object(text: str) -> Mapping[str, Any] | None:
    """JSON, or else a Python literal; None for anything else."""
    if not text.startswith("{") or len(text) > LONGEST:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            with warnings.catch_warnings(action="ignore"):  # they would show a piece of the text as it is
                found = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None
    return found if isinstance(found, dict) else None


def _values(found: Mapping[str, Any], keys: frozenset[str]) -> list[Any]:
    texts = {key: value for key, value in found.items() if isinstance(key, str)}
    named = {key.strip().lower().replace(" ", "_").replace("-", "_"): value for key, value in texts.items()}
    return [value for key, value in named.items() if key in keys]


def _shown(value: Any) -> str:
    """A value in an error's words; Python does not write out integers beyond some thousand digits."""
    try:
        return f"{value!r:.40}"
    except ValueError:
        return "a number without end"


def said_in(found: Mapping[str, Any], offered: Sequence[str]) -> str | None:
    """The label that an object names under a key for verdicts; None where it has no such key.
    Raises Unreadable where two keys disagree, or what they name is no label.
    """
    labels = {_label(value, offered) for value in _values(found, _VERDICT_KEYS)}
    if len(labels) > 1:
        raise Unreadable("conflicting", "an object with two verdicts")
    return labels.pop() if labels else None


def _label(value: Any, offered: Sequence[str]) -> str:
    """A label as an object holds it: "A", "Response 2", "model_a", 1. A tie is out of range."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= len(offered):
        return offered[value - 1]
    found = _NAMED.fullmatch(value.strip()) if isinstance(value, str) else None
    if found and found[1]:
        return found[1].upper()
    if found and int(found[2]) <= len(offered):
        return offered[int(found[2]) - 1]
    raise Unreadable("out_of_range", f"{_shown(value)} names no label")


def structured(reply: Reply, offered: Sequence[str] = ("A", "B")) -> str:
    """The label in a reply's JSON or Python object: ``{"winner": "A"}``, ``{'preference': 2}``."""
    said = said_in(_given(reply), offered)
    if said is None:
        raise Unreadable("missing", "an object without a verdict")
    if said not in offered:
        raise Unreadable("out_of_range", f"{said} was not on offer")
    return said


def structured_score(reply: Reply, lowest: float = 1, highest: float = 10) -> float:
    """The number in a reply's JSON or Python object: ``{"score": 4}``."""
    values = _values(_given(reply), _SCORE_KEYS)
    if not values:
        raise Unreadable("missing", "an object without a score")
    numbers = {_number(value) for value in values}
    if len(numbers) > 1:
        raise Unreadable("conflicting", "an object with two scores")
    value = numbers.pop()
    if value is None or not lowest <= value <= highest:
        raise Unreadable("out_of_range", f"{_shown(values[0])} is not between {lowest:g} and {highest:g}")
    return value


def _given(reply: Reply) -> Mapping[str, Any]:
    text = answered(reply)
    found = None if reply.finish == "length" else object_at_end(text)
    if found is None:
        raise absent(reply, "object at the end")
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,6}(?:\.\d{1,6})?\s*", value):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9:
        return float(value)
    return None
