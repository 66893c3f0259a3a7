"""A model that is a function: it answers each kind of prompt in the form that the prompt asks for."""

import re
from collections.abc import Callable

from prefgen.llm.request import Completion, Request
from tests.marks import unmarked

BLOCK = """[User Question Modified]
what of {seed}?
[The start of Assistant's answer to the modified instruction]
that is another matter, number {seed}
[The end of Assistant's answer to the modified instruction]"""

SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va")


def words(seed: int, n: int) -> str:
    """n words that another seed does not give."""
    digits = f"{seed % 16**8:08x}{seed * 2654435761 % 16**8:08x}" * (n // 8 + 1)
    syllables = [SYLLABLES[int(digit, 16)] for digit in digits]
    return " ".join("".join(syllables[2 * i : 2 * i + 2]) + str(i) for i in range(n))


def _new_prompts(asked: str, seed: int) -> str:
    first = int(re.findall(r"at number (\d+)", asked)[-1])
    return "\n".join(f"{first + i}. Say {words(seed + i, 7)}." for i in range(8))


def _aspects(asked: str, seed: int) -> str:
    texts = len(re.findall(r"^\[Text \d+\]$", asked, re.MULTILINE))
    ratings = [f"Text: {n}\nRating: {1 + (seed >> n) % 5}\nRationale: so." for n in range(1, texts + 1)]
    return "\n\n".join(ratings)


def _best_of(asked: str, seed: int) -> str:
    labels = re.findall(r"\[The Start of Assistant ([A-Z])'s Answer\]", asked)
    return f"All are fine.\n\n[[{labels[seed % len(labels)]}]]"


Writes = Callable[[str, int], str]

FORMS: tuple[tuple[str, Writes], ...] = (
    ("[User Question Modified]", lambda _, seed: BLOCK.format(seed=seed)),
    ("Complexity: <number>", lambda _, seed: f"Category: coding\nComplexity: {5 + seed % 6}\nLength: short"),
    ("Go on with the list", _new_prompts),
    ("Do not write a new answer", lambda _, seed: f"It could be kinder, by {seed}."),
    ("Write the whole answer anew", lambda _, seed: f"A kinder answer, number {seed}."),
    ("<the plan>", lambda _, seed: f"[Start of Evaluation Plan]\nLook at {seed}.\n[End of Evaluation Plan]"),
    ("Text: <the text's number>", _aspects),
    ("[RESULT] <number>", lambda _, seed: f"It will do. [RESULT] {1 + seed % 5}"),
    ("[RESULT] <[[A]] for", lambda _, seed: f"They differ. [RESULT] {'AB'[seed % 2]}"),
    ("Winner: Judgement A", lambda _, seed: f"Both are fair.\n\nWinner: Judgement {'AB'[seed % 2]}"),
    ("[Your Rating]", lambda _, seed: str(1 + seed % 10)),
    ("if the answer is correct", lambda _, seed: f"It may be. [[{'YN'[seed % 2]}]]"),
    ("'s Answer]\n", _best_of),
    ("Score: <total points>", lambda _, seed: f"It will do, by {seed % 997}.\n\nScore: {seed % 6}"),
)
"""What a prompt asks for, told by a piece of it, and a reply in that form."""


@unmarked
def writes(request: Request, seed: int) -> str | Completion:
    """Answers, perturbs, plans, criticises, compares (by the seed), scores, and gives log-probabilities by length."""
    asked = "\n".join(turn["content"] for turn in request.messages)
    if request.given is not None:
        last = request.messages[-1]["content"]
        return Completion(request.given, logprobs=(-(sum(map(ord, request.given + last)) % 97) / 10 - 0.1, -0.5))
    found = next((write for form, write in FORMS if form in asked), None)
    return found(asked, seed) if found else f"An answer, number {seed}."
