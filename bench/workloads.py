"""The two workloads, in words that every contender shares; nothing but the standard library, for peers import it too.

W1: each prompt, one generation. W2: each prompt, K responses, J judgments of each, and the pair of best and worst mean.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

K, J = 4, 3
"""Responses of a prompt, and judgments of a response."""
IN_FLIGHT = 256
SAMPLING: dict[str, Any] = {"temperature": 0.7, "max_tokens": 256}

TOPICS = (
    "a bicycle chain", "the tides", "compound interest", "a sorting algorithm", "sourdough bread", "photosynthesis",
    "a sonnet", "the metric system", "a garden in winter", "how vaccines work", "chess openings", "the water cycle",
)  # fmt: skip
WHO = ("a child of ten", "a new colleague", "somebody who has no time", "an expert of another field", "a sceptic")
WAYS = ("Name what is often got wrong.", "Give one example that can be checked.", "End with a question to think about.")

JUDGE = """Rate an answer that an AI assistant gave to a user. Start from 0; add a point for each of these that holds:

1. It has to do with the question and says something about it, even if parts are missing or beside the point.
2. It answers a good part of the question, though not all of it.
3. It answers the core of the question in a way that helps the user, whoever may have written it.
4. It is written as an assistant would: to the point, in good order, complete, with little left to improve.
5. It fits this user's question without a flaw, shows knowledge of the matter, and is pleasant to read.

User: {{ prompt }}

[Response]
{{ response }}
[End of Response]

Give your reasons in at most 100 words. Then end with the total on a line of its own:

Score: <total points>"""
"""What a judge is asked, in the form that template languages know; as long as prefgen's own."""
_POINTS = re.compile(r"Score: (\d)\s*$")


def prompts(many: int) -> list[str]:
    """So many prompts, each once."""
    return [
        f"{n}. Explain {TOPICS[n % 12]} to {WHO[n // 12 % 5]}, in about {100 + n % 7 * 20} words. {WAYS[n // 60 % 3]} "
        "Say first what the answer depends on, then answer, and leave out what is not needed for it."
        for n in range(many)
    ]


def write_prompts(path: Path, many: int) -> Path:
    """The same as a file of JSON lines."""
    write_rows(path, ({"prompt": one} for one in prompts(many)))
    return path


def read_prompts(path: str | Path) -> list[str]:
    """What ``write_prompts`` wrote."""
    return [json.loads(line)["prompt"] for line in Path(path).read_text(encoding="utf-8").splitlines()]


def write_rows(path: Path, rows: Iterable[Any]) -> None:
    """JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def judge_prompt(prompt: str, response: str) -> str:
    """What is asked about a response."""
    return JUDGE.replace("{{ prompt }}", prompt).replace("{{ response }}", response)


def points(judgment: str) -> int | None:
    """The score that a judgment ends in."""
    found = _POINTS.search(judgment)
    return int(found[1]) if found else None


def pair(prompt: str, responses: Sequence[str], scores: Sequence[Sequence[float | None]]) -> dict[str, Any] | None:
    """Best against worst by the mean of their scores, the first of several; None where the means are equal."""
    means = [fmean(read) if (read := [one for one in given if one is not None]) else None for given in scores]
    known = [mean for mean in means if mean is not None]
    if not known or max(known) == min(known):
        return None
    best, worst = means.index(max(known)), means.index(min(known))
    return {
        "chosen": _turns(prompt, responses[best]),
        "rejected": _turns(prompt, responses[worst]),
        "chosen_score": max(known),
        "rejected_score": min(known),
    }


def _turns(prompt: str, response: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]


def write_w1(out: Path, asked: Sequence[str], responses: Sequence[str | None]) -> None:
    """What W1 leaves: ``responses.jsonl``."""
    rows = zip(asked, responses, strict=True)
    write_rows(out / "responses.jsonl", ({"prompt": p, "response": r} for p, r in rows if r))


def write_w2(
    out: Path, asked: Sequence[str], responses: Sequence[Sequence[str]], judgments: Sequence[Sequence[Sequence[str]]]
) -> None:
    """What W2 leaves: ``responses.jsonl``, ``judgments.jsonl`` and ``pairs.jsonl``. ``judgments`` are of each response
    of each prompt.
    """
    scores = [[[points(one) for one in of] for of in own] for own in judgments]
    write_rows(
        out / "responses.jsonl",
        ({"prompt": p, "response": r} for p, own in zip(asked, responses, strict=True) for r in own),
    )
    write_rows(
        out / "judgments.jsonl",
        (
            {"prompt": p, "response": r, "judgment": j, "score": points(j)}
            for p, own, said in zip(asked, responses, judgments, strict=True)
            for r, of in zip(own, said, strict=True)
            for j in of
        ),
    )
    pairs = (pair(*one) for one in zip(asked, responses, scores, strict=True))
    write_rows(out / "pairs.jsonl", (one for one in pairs if one))
