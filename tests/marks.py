"""Fakes that know no marks: a judge's prompt in its plain form for them, and their reply with the marks again."""

import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

from prefgen.llm.request import Completion, Request

CODE = r"[B-DF-HJ-NP-TV-XZ][2-9][B-DF-HJ-NP-TV-XZ][2-9]"
FENCE = r" #[0-9a-f]{6}\b"
LABELS = {"if the answer is correct": "YN"}
"""Labels of prompts that do not offer A, B, C …"""

Writes = TypeVar("Writes", bound=Callable[[Request, int], Any])


def unmarked(writes: Writes) -> Writes:
    """The same fake, for prompts with marks."""

    def marked(request: Request, seed: int) -> Any:
        text = "\n".join(turn["content"] for turn in request.messages)
        codes, marks = codes_of(text), set(re.findall(rf"(?:Score|Rating|Text|\[RESULT\]) ({CODE})", text))
        turns = [{**turn, "content": plain(turn["content"], codes)} for turn in request.messages]
        said = writes(request._replace(messages=turns), seed)
        return said if isinstance(said, Completion) or not (codes or marks) else again(said, codes, marks)

    return cast("Writes", marked)


def codes_of(text: str) -> dict[str, str]:
    """The codes of the labels in a prompt, in the order in which they are offered."""
    codes = list(dict.fromkeys(re.findall(rf"\[\[({CODE})\]\]", text)))
    labels = next((labels for words, labels in LABELS.items() if words in text), "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return dict(zip(codes, labels, strict=False))


def plain(text: str, codes: dict[str, str]) -> str:
    """A prompt as it would be without marks."""
    for code, label in codes.items():
        text = text.replace(f"Winner: [[{code}]]", f"Winner: Judgement {label}").replace(f"[[{code}]]", f"[[{label}]]")
    text = text.replace("\n\nRating ", "\n\n[Your Rating]\n\nRating ")
    return re.sub(rf"(Score|Rating|Text|\[RESULT\]) {CODE}", r"\1", re.sub(FENCE, "", text))


def again(said: str, codes: dict[str, str], marks: set[str]) -> str:
    """A reply with the marks that its prompt gave."""
    for code, label in codes.items():
        said = re.sub(
            rf"\[\[{label}\]\]|(?<=Winner: )Judgement {label}\b|(?<=\[RESULT\] ){label}\b", f"[[{code}]]", said
        )
    for mark in marks:
        said = re.sub(r"(Score|Rating|Text|\[RESULT\])(?=[: ])", rf"\1 {mark}", said)
        said = re.sub(r"^\d+$", rf"Rating {mark}: \g<0>", said, flags=re.MULTILINE)
    return said
