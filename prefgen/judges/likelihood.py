"""Which of two responses does the model find likelier? A judge that reads probabilities and writes nothing.

For prompt x and response y, each per token of the text that is scored:

    mean        log p(y | x) / |y|                     average log-likelihood
    difference  (log p(y | x) - log p(y)) / |y|        pointwise mutual information (arXiv:2104.08315)
    channel     log p(x | y) / |x|                     the reverse, or noisy, channel (arXiv:2108.04106)

A response's score is the sum of the terms named in ``by``. The order in which two responses are shown cannot
matter, since each is scored alone. It measures fluency and relevance, not truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from prefgen.asker import Ask, Asker, Message, Reply, Row, as_text, fill
from prefgen.errors import Unreadable

Term = Literal["mean", "difference", "channel"]


@dataclass(frozen=True, kw_only=True)
class likelihood(Asker):
    """orders → judgments: ``score_a`` and ``score_b`` in nats per token, and the verdict for the higher one.

    ``first_words`` scores only that many words of each response: cheaper, and blind to length.
    """

    by: list[Term]
    first_words: int | None = None

    makes = {
        "score_a": pl.Float64,
        "score_b": pl.Float64,
        "verdict": pl.String,
        "judge_model": pl.String,
        "judgment_replies": pl.List(pl.String),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"prompt", "response_a", "response_b"})

    def __post_init__(self) -> None:
        if not self.by or self.n != 1:
            raise ValueError(
                "likelihood needs at least one term in `by`, and n: 1; a probability does not vary by draw"
            )
        if self.first_words is not None and self.first_words < 1:
            raise ValueError(f"first_words must be 1 or more; it is {self.first_words}")

    def wants(self) -> frozenset[str]:
        """The log-probabilities of a given text."""
        return frozenset({"given"})

    def needed(self) -> frozenset[str]:
        """What is scored, and what the channel's prompt names beyond the response."""
        return self.needs

    def asks(self, row: Row) -> list[Ask]:
        """For each response the texts whose probabilities its terms need, response a first."""
        shown = [self._cut(row[column]) for column in ("response_a", "response_b")]
        return [ask for response in shown for term in self.by for ask in self._term(term, row["prompt"], response)]

    def read_all(self, row: Row, replies: Sequence[Reply]) -> list[Row]:
        """The two scores and the verdict; equal scores are none."""
        half = len(replies) // 2
        score_a, score_b = self._score(replies[:half]), self._score(replies[half:])
        if score_a == score_b:
            raise Unreadable("conflicting", "both responses are as likely as each other")
        used = {"judge_model": replies[0].model, "judgment_replies": [reply.id for reply in replies]}
        return [{"score_a": score_a, "score_b": score_b, "verdict": "A" if score_a > score_b else "B", **used}]

    def _term(self, term: Term, prompt: list[Message], response: str) -> list[Ask]:
        if term == "channel":
            return [Ask(fill(self.prompt_file(), {"response": response}), given=str(as_text(prompt)))]
        conditioned = Ask(prompt, given=response)
        return (
            [conditioned] if term == "mean" else [conditioned, Ask([{"role": "user", "content": ""}], given=response)]
        )

    def _score(self, replies: Sequence[Reply]) -> float:
        left, score = list(replies), 0.0
        for term in self.by:
            score += _mean(left.pop(0))
            if term == "difference":
                score -= _mean(left.pop(0))
        return score

    def _cut(self, text: str) -> str:
        """The first words of a text, with the white space between them as it is."""
        if self.first_words is None:
            return text
        words, end = text.split(maxsplit=self.first_words), len(text)
        return text[: end - len(words[-1])].rstrip() if len(words) > self.first_words else text


def _mean(reply: Reply) -> float:
    if not reply.logprobs:
        raise Unreadable("empty", "no log-probabilities")
    return sum(reply.logprobs) / len(reply.logprobs)
