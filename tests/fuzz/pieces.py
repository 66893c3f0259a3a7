"""Texts, bytes and JSON that nobody would write: mutated, put together of pieces, repeated, nested, cut."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from prefgen import texts

LONGEST = 100_000
"""Characters of one text, or nearly."""

WORDS = [
    "[[A]]", "[[B]]", "[[C]]", "[[D]]", "[[Y]]", "[[N]]", "[[A>B]]", "[[B>>A]]", "[[ b ]]", "[[Assistant A]]", "[RESULT]",
    "[SCORE]", "Winner:", "**Winner: A**", "Verdict:", "Final verdict:", "is better", "is not better", "than", "Assistant",
    "Response", "Judgement", "Output (a)", "Output (b) is better", "the", "A", "B", "C", "1", "2", "0", "5", "10", "11",
    "Score:", "score", "points", "Rating:", "Rating is", "8/10", "8 out of 10", "4.5", "-1", "+3", "1 + 1 = 2", "[[8]]",
    "[[8/10]]", "Text: 1", "Text 2", "Rating: 4", "N/A", "Rationale:", "Category: coding", "Complexity: 5",
    "Length: short", "1. Do", "2) Say", "Task 3:", "{", "}", "[", "]", "(", ")", '"winner":', '"score":', "'verdict':",
    '"A"', "'B'", "null", "true", "NaN", "1e999", "-Infinity", "0xff", '"', "'", "`", "```", "```json\n", "~~~", ">", "> ",
    "#", "# user", "# messages: prompt", "* ", "- ", "|", "---", "***", "<think>", "</think>", "<thinking>", "</THINK>",
    "\\boxed{A}", "\\boxed{", "<answer>A</answer>", "<answer>", "</answer>", "not", "if", "because", "either", "wait",
    "[User Question Modified]", "[The start of Assistant's answer to the modified instruction]",
    "[The end of Assistant's answer to the modified instruction]", "[Start of Evaluation Plan]", "[End of Evaluation Plan]",
    "<the plan>", "<the new question>", "{{ prompt }}", "{% for x in y %}", "{% endfor %}", "{% raw %}", "{#", "\n", "\n\n",
    "\r\n", " ", "\t", "    ", ". ", ", ", ": ", "!", "\uff1a", "\u7ed3\u8bba\uff1aA", "\u66f4\u597d\u7684\u56de\u7b54\u662fB", "Urteil: B",
]  # fmt: skip
ODD = [
    "\x00", "\x07", "\x0b", "\x0c", "\x1b[31m", "\x1c", "\x1f", "\x7f", "\x85", "\xa0", "\xad", "\u0130", "\u0131", "\u017f", "\u212a",
    "\u00df", "\u0301", "\u0661", "\u0967", "\u00b2", "\u2460", "\uff11", "\u200b", "\u200e", "\u2028", "\u2029", "\u202e", "\u2066",
    "\ufeff", "\ufffd", "\uffff", "\ud800", "\udfff", "\udc00\ud800", "\ud83d\ude00", "\U0001f600", "\U0001f468\u200d\U0001f469",
    "\U0001d7d8", "\U00010000", "\U000e0041", "\U0010ffff", "\u2019", "\u201c", "\u00ab", "\u3000", "\u180e",
]  # fmt: skip
NUMBERS = [
    "0", "-0", "007", "1e999", "-1e999", "1e-999", "9" * 25, "9" * 400, "9" * 5000, "0x" + "f" * 4000, "1_000", "0.1", ".5",
    "5.", "1e5", "NaN", "Infinity", "2147483648", "18446744073709551616", "170141183460469231731687303715884105728",
    "\u0663", "1:30:00", "0o17", "0b1", "+1", "--1", "1.0000000001",
]  # fmt: skip
OPEN_CLOSE = [("{", "}"), ("[", "]"), ("(", ")"), ('{"a":', "}"), ("[[", "]]"), ("<think>", "</think>"), ("```\n", "\n```"),
              ("{'a':", "}"), ("- ", ""), ("a: {", "}"), ("> ", ""), ("{% if a %}", "{% endif %}"), ("!", ""), ("\\", "")]  # fmt: skip


def some(chance: Random, words: Sequence[str], most: int = 30) -> str:
    """Words in any order, mostly with blanks between them."""
    chosen = chance.choices(words, k=chance.randint(0, most))
    return chance.choice(["", " ", " ", "\n"]).join(chosen)


def letters(chance: Random, most: int = 40) -> str:
    """Characters of every plane, halves of pairs among them."""
    tops = chance.choices([0x7F, 0xFF, 0x7FF, 0xFFFF, 0x10FFFF], k=chance.randint(0, most))
    return "".join(chr(chance.randint(0, top)) for top in tops)


def repeated(chance: Random, words: Sequence[str]) -> str:
    """One piece or two, again and again, with something else at the end."""
    once = "".join(chance.choices(words, k=chance.choice([1, 1, 2, 3]))) or "x"
    size = chance.choice([300, 3_000, 30_000, LONGEST])
    return chance.choice(words) + once * (size // len(once)) + chance.choice(words)


def nested(chance: Random) -> str:
    """Brackets within brackets, closed or not; around Python's own limit more often than not."""
    opening, closing = chance.choice(OPEN_CLOSE)
    depth = chance.choice([3, 60, 70, 150, 200, 300, 490, 900, 985, 995, 1_000, 2_000, LONGEST // len(opening)])
    depth += chance.randint(-9, 9) if depth > 20 else 0
    within = chance.choice(["", "1", '"a"', "A"])
    return opening * depth + within + closing * chance.choice([depth, depth, depth - 1, 0])


def cut(chance: Random, text: str) -> str:
    """A text without its end, or without its beginning."""
    at = chance.randint(0, len(text))
    return text[:at] if chance.random() < 0.7 else text[at:]


def _dropped(chance: Random, text: str, words: Sequence[str]) -> str:
    start = chance.randint(0, len(text))
    return text[:start] + text[start + chance.choice([1, 1, 2, 5, 20, 200]) :]


def _doubled(chance: Random, text: str, words: Sequence[str]) -> str:
    start = chance.randint(0, len(text))
    piece = text[start : start + chance.choice([1, 3, 20, 100])]
    return text[:start] + piece * chance.choice([2, 2, 3, 20]) + text[start + len(piece) :]


def _put(chance: Random, text: str, words: Sequence[str]) -> str:
    at = chance.choice([0, len(text), chance.randint(0, len(text))])
    return text[:at] + chance.choice([chance.choice(words), chance.choice(ODD), chance.choice(NUMBERS)]) + text[at:]


def _swapped(chance: Random, text: str, words: Sequence[str]) -> str:
    lines = text.split("\n")
    a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return "\n".join(lines)


def _renumbered(chance: Random, text: str, words: Sequence[str]) -> str:
    places = [i for i, c in enumerate(text) if c.isdigit()]
    if not places:
        return text + chance.choice(NUMBERS)
    at = chance.choice(places)
    return text[:at] + chance.choice([chance.choice(NUMBERS), str(chance.randint(0, 12))]) + text[at + 1 :]


def _wrapped(chance: Random, text: str, words: Sequence[str]) -> str:
    opening, closing = chance.choice([("<think>", "</think>"), ("```\n", "\n```"), ('"', '"'), ("(", ")"), ("**", "**"), ("> ", ""),
                                      ("'", "'"), ("<think>", ""), ("", "</think>"), ("[[", "]]"), ("\u201c", "\u201d")])  # fmt: skip
    start = chance.choice([0, chance.randint(0, len(text))])
    end = chance.choice([len(text), chance.randint(start, len(text))])
    return text[:start] + opening + text[start:end] + closing + text[end:]


def _replaced(chance: Random, text: str, words: Sequence[str]) -> str:
    at = chance.randint(0, len(text))
    return text[:at] + chance.choice([chr(chance.randint(0, 0x7F)), chance.choice(ODD)]) + text[at + 1 :]


def _cased(chance: Random, text: str, words: Sequence[str]) -> str:
    return chance.choice([text.upper, text.lower, text.swapcase])()


def _cut(chance: Random, text: str, words: Sequence[str]) -> str:
    return cut(chance, text)


_CHANGES: Sequence[Callable[[Random, str, Sequence[str]], str]] = (
    _dropped, _doubled, _put, _put, _swapped, _renumbered, _wrapped, _replaced, _replaced, _cased, _cut,
)  # fmt: skip


def mutated(chance: Random, text: str, words: Sequence[str] = WORDS) -> str:
    """A text with one change or a few."""
    for change in chance.choices(_CHANGES, k=chance.choice([1, 1, 2, 3, 6])):
        text = change(chance, text[: 2 * LONGEST], words)
    return text


def text(chance: Random, corpus: Sequence[str], words: Sequence[str] = WORDS) -> str:
    """A text of a corpus, changed; or one that is made up, long, deep or no text at all."""
    kind = chance.random()
    if kind < 0.55:
        return mutated(chance, chance.choice(corpus), words)
    if kind < 0.85:
        return some(chance, words)
    if kind < 0.90:
        return cut(chance, chance.choice(corpus)) + cut(chance, chance.choice(corpus))
    if kind < 0.96:
        return letters(chance) + some(chance, [*ODD, *words], 5)
    if kind < 0.975:
        return written(value(chance, 4))
    return nested(chance) if kind < 0.988 else repeated(chance, [*words, *ODD])


def sound(chance: Random, corpus: Sequence[str], words: Sequence[str] = WORDS) -> str:
    """The same without halves of pairs, as providers' replies reach their readers."""
    return texts.sound(text(chance, corpus, words))


# --- bytes ----------------------------------------------------------------------------------


def bent(chance: Random, data: bytes) -> bytes:
    """Bytes with some of them turned, lost, doubled or put in."""
    found = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5])):
        at, kind = chance.randint(0, max(len(found) - 1, 0)), chance.randrange(6)
        if kind == 0 and found:
            found[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and found:
            found[at] = chance.choice([0, 1, 0x22, 0x7F, 0x80, 0xC0, 0xFF])
        elif kind == 2:
            del found[at : at + chance.choice([1, 2, 8, 100])]
        elif kind == 3:
            found[at:at] = chance.choice(
                [b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\n", b'"', b"\x00" * 50]
            )
        elif kind == 4:
            found[at:at] = found[at : at + chance.choice([1, 8, 64])]
        else:
            del found[chance.choice([at, len(found) - chance.randint(0, 9)]) :]
    return bytes(found)


# --- JSON -----------------------------------------------------------------------------------

HOSTILE: Sequence[Any] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 2**130, 10**4000, 1e308, float("inf"), float("nan"), -0.0, 0.5, "", " ", "x",
    "A", "\ud800", "\x00", "1", "null", "-1e999", "x" * 5_000, [], {}, [[]], [None], ["a", 1], {"a": 1}, [{}], {"": ""},
    {"role": "user"}, [{"role": "user", "content": None}], {"type": "text", "text": 5}, [{"type": "text"}], "a/b", "../..", "~nobody/x",
)  # fmt: skip


def value(chance: Random, depth: int) -> Any:
    """Any JSON, some of it nobody's."""
    kind = chance.random()
    if depth == 0 or kind < 0.5:
        return chance.choice([chance.choice(HOSTILE), some(chance, WORDS, 4), chance.randint(-3, 12)])
    if kind < 0.75:
        return [value(chance, depth - 1) for _ in range(chance.choice([0, 1, 2, 5]))]
    keys = ["winner", "score", "verdict", "a", "", "role", "content", "prompt", "type", "text", "\ud800", "x" * 50]
    return {chance.choice(keys): value(chance, depth - 1) for _ in range(chance.choice([0, 1, 2, 5]))}


def deep(chance: Random) -> str:
    """A mark that ``written`` replaces by brackets within brackets, around Python's own limit more often than not."""
    return f"@{chance.choice('[{')}{chance.choice([2, 70, 100, 300, 900, 960, 980, 990, 1_000, 50_000]) + chance.randint(-9, 9)}@"


_MARK = re.compile(r'"@([\[{])(-?\d{1,5})@"')


def _brackets(mark: re.Match[str]) -> str:
    depth = int(mark[2])
    return "[" * depth + "1" + "]" * depth if mark[1] == "[" else '{"a":' * depth + "1" + "}" * depth


def changed(chance: Random, given: Any) -> Any:
    """JSON with a value somewhere in it replaced, taken out, doubled or renamed; the rest is shared, not copied."""
    if isinstance(given, dict) and given and chance.random() < 0.9:
        return _changed_dict(chance, given)
    if isinstance(given, list) and given and chance.random() < 0.85:
        return _changed_list(chance, given)
    if isinstance(given, str) and chance.random() < 0.4:
        return mutated(chance, given)
    return deep(chance) if chance.random() < 0.05 else value(chance, chance.choice([0, 0, 1, 2]))


def _changed_list(chance: Random, given: list[Any]) -> list[Any]:
    at, kind = chance.randrange(len(given)), chance.random()
    if kind < 0.15:
        return given[:at] + given[at + 1 :]
    if kind < 0.25:
        return given[:at] + [given[at]] * chance.choice([2, 3, 50]) + given[at:]
    return [*given[:at], changed(chance, given[at]), *given[at + 1 :]]


def _changed_dict(chance: Random, given: Mapping[str, Any]) -> dict[str, Any]:
    key, kind, found = chance.choice(list(given)), chance.random(), dict(given)
    if kind < 0.15:
        del found[key]
    elif kind < 0.2:
        found[chance.choice(["", "\ud800", "x" * 300, key + "s", key.upper()])] = found.pop(key)
    elif kind < 0.25:
        found[chance.choice(["extra", "error", "use", "n"])] = value(chance, 1)
    else:
        found[key] = changed(chance, found[key])
    return found


def many_changes(chance: Random, given: Any) -> Any:
    """One change or a few."""
    for _ in range(chance.choice([1, 1, 2, 4])):
        given = changed(chance, given)
    return given


def written(given: Any) -> str:
    """JSON as text, whatever is in it."""
    return _MARK.sub(_brackets, json.dumps(given, ensure_ascii=True))


def read(text: str) -> Any:
    """What JSON says, where Python can read it; else nothing."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
