"""Log-probabilities of a given text, from servers that only write: two ways to have them.

- ``grammar``: forced decoding, as llama.cpp's server allows it. A grammar with one sentence leaves the model no choice,
  and the log-probabilities that come back are those from before the grammar (after it, all would be 0).
  At temperature 0 each step takes the likeliest token that still spells the text.
- ``prompt_logprobs``: vLLM's. The text stands at the end of the prompt as an unfinished assistant turn, and each of the
  prompt's tokens comes with its log-probability.

Tokens count only where, put together, they spell the given text and nothing else.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from prefgen.errors import RowFailed

WAYS = ("grammar", "prompt_logprobs")
"""What a model's ``likelihood`` may say."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def sentence(text: str) -> str:
    """The GBNF grammar whose only sentence is ``text``."""
    return f'root ::= "{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    return _ESCAPES.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 32 else char)


def forced_body(text: str) -> dict[str, Any]:
    """What a request needs for forced decoding; a token is a byte at least, so the text always has room."""
    room = len(text.encode("utf-8", "replace")) + 8
    return {
        "grammar": sentence(text), "logprobs": True, "top_logprobs": 1, "temperature": 0, "max_tokens": room,
    }  # fmt: skip


def prompt_body() -> dict[str, Any]:
    """What a request needs for a prompt's log-probabilities; one token is written, since none cannot be asked."""
    return {
        "add_generation_prompt": False, "continue_final_message": True, "prompt_logprobs": 1, "max_tokens": 1,
    }  # fmt: skip


def of_forced(choice: Mapping[str, Any], text: str) -> tuple[float, ...]:
    """Natural log-probabilities, one per token of ``text``, from a reply to ``forced_body``. The end of turn after the
    text is left out. Raises RowFailed ("not_scored") where the tokens do not spell the text.
    """
    wanted, spelt, logprobs = text.encode("utf-8", "replace"), b"", []
    for token in _tokens(choice):
        if len(spelt) >= len(wanted):
            break
        spelt += _bytes(token)
        logprobs.append(token.get("logprob"))
    return _checked(logprobs, spelt == wanted, text)


def _tokens(choice: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = choice.get("logprobs")
    content = found.get("content") if isinstance(found, dict) else None
    return [token if isinstance(token, dict) else {} for token in content] if isinstance(content, list) else []


def _bytes(token: Mapping[str, Any]) -> bytes:
    """What a token spells; a byte that no text has, where it does not say."""
    found = token.get("bytes")
    if isinstance(found, list) and all(type(one) is int and 0 <= one < 256 for one in found):
        return bytes(found)
    text = token.get("token") if found is None else None
    return text.encode("utf-8", "replace") if isinstance(text, str) else b"\xff"


def tail(prompt_logprobs: object, text: str) -> list[Any]:
    """The last positions of a prompt, as many as it takes to spell ``text``; all that need be kept of them."""
    positions = prompt_logprobs if isinstance(prompt_logprobs, list) else []
    left, start = len(text), len(positions)
    while left > 0 and start > 0:
        start -= 1
        left -= len(_decoded(_own(positions[start])))
    return positions[start:]


def of_prompt(positions: Sequence[Any], text: str) -> tuple[float, ...]:
    """Natural log-probabilities, one per token of ``text``, from the ``tail`` of a prompt. Raises RowFailed
    ("not_scored") where the tokens do not spell the text: a template that trims it, a token that begins before it.
    """
    tokens = [_own(position) for position in positions]
    spelt = "".join(map(_decoded, tokens))
    return _checked([token.get("logprob") for token in tokens], spelt == text, text)


def _own(position: object) -> Mapping[str, Any]:
    """The prompt's own token at a position: vLLM puts it first, before likelier ones."""
    first = next(iter(position.values()), None) if isinstance(position, dict) else None
    return first if isinstance(first, dict) else {}


def _decoded(token: Mapping[str, Any]) -> str:
    text = token.get("decoded_token")
    return text if isinstance(text, str) else ""


def _checked(logprobs: Sequence[object], spelt: bool, text: str) -> tuple[float, ...]:  # noqa: FBT001
    values = tuple(value for value in map(_finite, logprobs) if value is not None)
    if not spelt or not values or len(values) != len(logprobs):
        raise RowFailed(
            "not_scored", f"no log-probabilities that spell the given text came back ({len(text)} characters)"
        )
    return values


def _finite(value: object) -> float | None:
    """A number as servers have them; an integer beyond every float is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
