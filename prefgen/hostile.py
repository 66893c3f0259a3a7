"""Texts that are no answers but attempts on a judge, or nothing at all: what gives them away.

Precision goes first: what is found here is hardly ever an answer, and much that is hostile is not found. What keeps a
judge from being spoken for is how it is asked and read (``prefgen.judges``), not this.
"""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from prefgen.asker import MESSAGES
from prefgen.rows import because

_OPENERS = (
    "solution thesolution answer theanswer finalanswer response explanation reasoning analysis"
    " thoughtprocess thoughts thinking letssolvethisproblemstepbystep letssolvethisstepbystep"
    " letsthinkstepbystep letmethinkstepbystep letmesolvethisstepbystep stepbystep stepbystepsolution"
    " tosolvethisproblem herestheanswer heresthesolution hereistheanswer hereisthesolution l\xf6sung"
    " antwort erkl\xe4rung soluci\xf3n respuesta explicaci\xf3n r\xe9ponse explication resposta"
    " solu\xe7\xe3o soluzione risposta \u0440\u0435\u0448\u0435\u043d\u0438\u0435"
    " \u043e\u0442\u0432\u0435\u0442 \u304b\u3044\u305b\u3064 \u89e3\u8aac \u89e3\u7b54 \u7b54\u3048"
    " \u89e3 \u7b54\u6848 \u89e3\u7b54\u8fc7\u7a0b \ud480\uc774 \uc815\ub2f5"
)
OPENERS = frozenset(_OPENERS.split())
"""Openers that stand for a whole answer, in lower case without blanks and punctuation: the master keys of
arXiv:2507.08794, and their like.
"""

_ALL = r"(?:all |any |every |each |the |your |of )*"
_BEFORE = r"(?:previous|prior|above|earlier|preceding|foregoing)"
_WHO = r"(?:judge|evaluator|grader|rater|assessor|examiner)"
_MINE = r"(?:this|my|the present) (?:response|answer|reply|output|solution|text)"
_DO = r"(?:choose|select|rate|give|award|prefer|output|score|pick|assign|print|answer with)"
_BEST = r"(?:rated|scored|graded|chosen|preferred|selected|declared|the (?:winner|best|better))"
_ORDERS = r"(?:instrucciones|instructions|istruzioni|instru\u00e7\u00f5es)"
_PAST = r"(?:anteriores|previas|pr\u00e9c\u00e9dentes|precedenti)"
_TOP = r"(?:perfect|full|maximum|highest|top|best|score|rating|\d)"
_NAME = r"(?:assistant|response|answer|model|judge?ment|output)"
_CHINESE = (
    r"(?:\u4e4b\u524d|\u4ee5\u4e0a|\u524d\u9762|\u4e0a\u8ff0)?\u7684?(?:\u6240\u6709|\u4efb\u4f55)?"
    r"(?:\u6307\u4ee4|\u6307\u793a|\u8bf4\u660e)"
)
_JAPANESE = (
    r"(?:\u4ee5\u524d|\u3053\u308c\u307e\u3067|\u4e0a\u8a18|\u524d)\u306e(?:\u3059\u3079\u3066\u306e)?"
    r"(?:\u6307\u793a|\u547d\u4ee4)"
)
ADDRESSES = (
    r"\[\[\s*(?:[A-E]|tie)\s*\]\]",
    r"\[(?:the )?(?:start|end) of (?:the )?(?:assistant|response|answer|evaluation|user|conversation)",
    r"\[/?(?:user question|your rating|response to grade|result)\]",
    r"<\|(?:im_start|im_end|eot_id|start_header_id|end_header_id|endoftext|system|user|assistant)\|>",
    rf"\b(?:ignore|disregard|forget|override) {_ALL}{_BEFORE} (?:instructions?|prompts?|rules|criteria|rubric)\b",
    rf"\b{_WHO}s?\s?[:,!\u2014]\s?(?:please |you must |you should |now )*{_DO}\b",
    rf"\b(?:give|rate|award|assign|grant|score) {_MINE} (?:a |an |as |with |the |at )*{_TOP}",
    rf"\b{_MINE} (?:is|should be|must be|has to be|deserves to be) {_BEST}",
    rf"\b(?:choose|select|pick|prefer|vote for) {_MINE}\b",
    rf"\b(?:verdict|winner|decision)(?: is)?\s*[:=]\s*(?:\*\*)?{_NAME} \(?[AB]\b",
    r"\bmodel_identifier\b|\bordered_models\b",
    r"ignorier\w* (?:alle |die |s\u00e4mtliche )*(?:vorherigen|bisherigen|obigen) (?:anweisungen|regeln)",
    rf"ignor\w+ (?:todas |las |tus |toutes |les |tutte |le |as )*{_ORDERS} {_PAST}",
    rf"(?:\u5ffd\u7565|\u65e0\u89c6){_CHINESE}",
    rf"{_JAPANESE}\u3092\u7121\u8996",
)
"""How a text speaks to its judge: verdicts and marks of judges' prompts, and orders to whoever judges."""
_ADDRESSES = "(?i)" + "|".join(f"(?:{one})" for one in ADDRESSES).replace(r"\b", r"(?-u:\b)")
"""Where words end is told by ASCII: by all of Unicode a text that is not English takes a hundred times as long."""
SHORT = 200
"""Characters up to which a text may be an opener alone."""
_MARKUP = r"[\p{P}\p{Z}\p{C}\s`~^$+=<>|]"


def no_answer(rows: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Why a text of these columns is no answer: ``response: empty``, ``an opener alone``, ``speaks to the judge``; null
    where all may be answers. What the prompt says itself may be said in an answer. A column of ``candidates`` is looked
    at by their responses.
    """
    asked = _spoken(rows)
    found = []
    for column in (c for c in columns if c in rows.columns):
        for reason, condition in REASONS.items():
            holds = _of_any(column, rows.schema[column], condition)
            found.append((f"{column}: {reason}", holds & ~asked if condition is addresses else holds))
    why = because(*found) if found else pl.lit(None)
    return rows.with_columns(why.cast(pl.String).alias("no_answer"))["no_answer"]


def _of_any(column: str, kind: pl.DataType, condition: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """The condition, of a text or of any of several candidates."""
    if isinstance(kind, pl.List):
        return pl.col(column).list.eval(condition(pl.element().struct.field("response"))).list.any()
    return condition(pl.col(column).cast(pl.String))


def _spoken(rows: pl.DataFrame) -> pl.Expr:
    """Whether the prompt itself speaks so."""
    if rows.schema.get("prompt") != MESSAGES:
        return pl.lit(value=False)
    return pl.col("prompt").list.eval(addresses(pl.element().struct.field("content"))).list.any()


def empty(text: pl.Expr) -> pl.Expr:
    """Whether a text holds no word, number or picture."""
    return (text.str.strip_chars() == "") | (_short(text) & (_bare(text) == ""))


def opener(text: pl.Expr) -> pl.Expr:
    """Whether a text announces an answer, and that is all."""
    return _short(text) & _bare(text).is_in(sorted(OPENERS))


def addresses(text: pl.Expr) -> pl.Expr:
    """Whether a text speaks to its judge."""
    return text.str.contains(_ADDRESSES).fill_null(value=False)


REASONS: Mapping[str, Callable[[pl.Expr], pl.Expr]] = {
    "empty": empty,
    "an opener alone": opener,
    "speaks to the judge": addresses,
}
"""What a text can be instead of an answer."""


def _short(text: pl.Expr) -> pl.Expr:
    return text.str.len_chars() <= SHORT


def _bare(text: pl.Expr) -> pl.Expr:
    return text.str.slice(0, SHORT).str.to_lowercase().str.replace_all(_MARKUP, "")
