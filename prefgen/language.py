"""The small language of prompt files: what of Jinja a recipe's text may say, checked when a file is read.

A prompt file may be a stranger's. Filling one is bounded by fuel, but some expressions grow or crash before the fuel is
gone, and none of them is of use in a prompt. So this much is taken, and all else is refused with its line:

    {{ column }}  {{ turn.content }}  {{ texts[0] }}  {{ names | join(", ") }}  {{ "x" if a == b else "y" }}
    {% for text in texts %} … {{ loop.index }} … {% endfor %}
    {% if reference and not short %} … {% elif length > 3 %} … {% else %} … {% endif %}
    {# a comment #}      {% raw %} text with {{ braces }} {% endraw %}
"""

import re
from collections.abc import Iterator, Sequence

from prefgen.errors import PrefgenError, nearest

FILTERS = frozenset({
    "abs", "capitalize", "count", "d", "default", "first", "float", "int", "items", "join", "last", "length", "list",
    "lower", "max", "min", "reverse", "round", "sort", "string", "sum", "title", "tojson", "trim", "unique", "upper",
})  # fmt: skip
"""Filters that give no more than they get; ``join`` gives a literal for each item."""
TESTS = frozenset({
    "boolean", "defined", "divisibleby", "endingwith", "even", "false", "float", "integer", "iterable", "mapping",
    "none", "number", "odd", "sequence", "startingwith", "string", "true", "undefined",
})  # fmt: skip
STATEMENTS = frozenset({"for", "endfor", "if", "elif", "else", "endif"})
MOST_TOKENS, MOST_TAGS, DEEPEST = 200, 2_000, 16
"""Words and signs in one tag, tags in one section, and blocks (an elif counts as one) or brackets in one another: a
reader of more would give up, and the engine's stack overflows at some hundreds.
"""

_TAG = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}|\{#.*?#\}|\{(?P<kind>[{%#])", re.DOTALL)
_BODY = {"{": re.compile(r"[-+]?([^{}]*?)[-+]?\}\}"), "%": re.compile(r"[-+]?([^{}]*?)[-+]?%\}")}
_TOKEN = re.compile(
    r"""[ \t\r\n]+|(?P<text>"[^"\\\n]*"|'[^'\\\n]*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[^\W\d]\w*)"""
    r"""|(?P<sign>==|!=|<=|>=|[<>.,()\[\]|:=])"""
)
_OPERATORS = frozenset({"and", "or", "not", "in", "is", "if", "else"})


class PromptFileError(PrefgenError):
    """A prompt file that cannot be read or filled."""


class Refused(PrefgenError):
    """What of a text is not of the language: its place in the text, and why."""

    def __init__(self, at: int, what: str, cure: str) -> None:
        self.at, self.what, self.cure = at, what, cure
        super().__init__(what)


def check(text: str) -> None:
    """Raises Refused for the first thing in a section that is not of the language."""
    blocks: list[str] = []
    for number, (at, kind, body) in enumerate(_tags(text)):
        if number == MOST_TAGS:
            raise Refused(at, f"more than {MOST_TAGS:,} tags", "a prompt is a page")
        tokens = _tokens(body, at)
        if kind == "%":
            _statement(tokens, blocks, at)
        _expression(tokens, at)
    if blocks:
        raise Refused(len(text), f"a {{% {blocks[0]} %}} that does not end", "end each {% for %} and {% if %}")


def _tags(text: str) -> Iterator[tuple[int, str, str]]:
    """The tags of a text, with their places; comments and raw text say nothing."""
    start = 0
    while found := _TAG.search(text, start):
        start, kind = found.end(), found["kind"]
        if not kind:
            continue
        body = _BODY[kind].match(text, start) if kind in _BODY else None
        if body is None:
            cure = "close it; braces that are text stand between {% raw %} and {% endraw %}"
            raise Refused(found.start(), f"a {found[0]} that does not end, or has braces in it", cure)
        yield found.start(), kind, body[1]
        start = body.end()


Token = tuple[str, str]
"""What kind a word or sign is of, and its text."""


def _tokens(body: str, at: int) -> list[Token]:
    tokens, start = list[Token](), 0
    while start < len(body):
        found = _TOKEN.match(body, start)
        if found is None:
            raise Refused(at, f"{body[start]!r} in a tag", "write columns, comparisons, and, or, not, and filters")
        start = found.end()
        if found[0].startswith("-") and tokens and _is_value(tokens[-1]):
            raise Refused(at, "'-' in a tag", "prompt files do not reckon")
        tokens += [(found.lastgroup, found[0])] if found.lastgroup else []
        if len(tokens) > MOST_TOKENS:
            raise Refused(at, f"a tag of more than {MOST_TOKENS} words", "say it in several")
    return tokens


def _statement(tokens: list[Token], blocks: list[str], at: int) -> None:
    """Checks a statement's first word, and takes from it what is no expression; follows which blocks are open."""
    word = tokens[0][1] if tokens else ""
    if word not in STATEMENTS:
        raise Refused(at, f"the statement {word!r:.30}", "prompt files have for and if, and no others")
    while word == "endif" and blocks[-1:] == ["elif"]:
        blocks.pop()
    if word.startswith("end") and (not blocks or blocks.pop() != word[3:]):
        raise Refused(at, f"{{% {word} %}} with no block to end", "end each {% for %} and {% if %}")
    if word in {"for", "if", "elif"}:
        blocks.append(word)
        if len(blocks) > DEEPEST:
            raise Refused(at, f"more than {DEEPEST} blocks in one another", "a prompt is a page")
    del tokens[0]
    if ("word", "recursive") in tokens:
        raise Refused(at, "a loop that calls itself", "prompt files have plain loops")


def _expression(tokens: Sequence[Token], at: int) -> None:
    """Checks filters, tests and calls, and how deep brackets stand in one another."""
    opened: list[bool] = []
    for place, (kind, said) in enumerate(tokens):
        before = [word for _, word in tokens[max(0, place - 2) : place]]
        if before[-1:] == ["|"]:
            _known(said, FILTERS, "filter", at)
        elif before[-1:] == ["is"] or before == ["is", "not"]:
            _known(said, TESTS | {"not"}, "test", at)
        elif said in {"(", "["}:
            opened.append(said == "(" and _takes_literals(tokens[:place], at))
            if len(opened) > DEEPEST:
                raise Refused(at, f"more than {DEEPEST} brackets in one another", "say it in several")
        elif said in {")", "]"} and opened:
            opened.pop()
        elif said == "=" or (any(opened) and kind == "word") or (any(opened) and said in {"|", "."}):
            raise Refused(at, f"{said!r:.30} in the brackets of a filter", "filters take texts and numbers")


def _takes_literals(before: Sequence[Token], at: int) -> bool:
    """Whether an opening bracket is a filter's or a test's; raises Refused where it is a call."""
    if not before or not _is_value(before[-1]):
        return False
    kind, said = before[-1]
    earlier = [word for _, word in before[-3:-1]]
    if kind == "word" and (earlier[-1:] in (["|"], ["is"]) or earlier == ["is", "not"]):
        return True
    raise Refused(at, f"{said!r:.30} is called", "prompt files call nothing; filters are written column | filter")


def _is_value(token: Token) -> bool:
    """Whether a value ends with this word or sign, so that brackets after it are a call."""
    kind, said = token
    return kind in {"text", "number"} or said in {")", "]"} or (kind == "word" and said not in _OPERATORS)


def _known(name: str, known: frozenset[str], what: str, at: int) -> None:
    if name not in known:
        raise Refused(at, f"no {what} {name!r:.30}", nearest(name, known))
