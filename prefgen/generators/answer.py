"""Responses to prompts: n samples of one model, or of a pool in each prompt's own shuffled order."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from prefgen.asker import Asker, Reply, Row, answered
from prefgen.errors import Unreadable


@dataclass(frozen=True, kw_only=True)
class answer(Asker):
    """prompts → responses.

    ``truncated`` says what becomes of a response cut off at ``max_tokens``: to train on one teaches a model
    to stop in mid-sentence, so it is dropped and counted unless the recipe keeps it.
    """

    truncated: Literal["drop", "keep"] = "drop"

    makes = {
        "response": pl.String,
        "response_model": pl.String,
        "truncated": pl.Boolean,
        "response_reply": pl.String,
    }
    needs: ClassVar[frozenset[str]] = frozenset({"prompt"})

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The reply as it stands, without thinking and outer white space."""
        text, cut = answered(reply), reply.finish == "length"
        if cut and self.truncated == "drop":
            raise Unreadable("truncated")
        return [{"response": text, "response_model": reply.model, "truncated": cut, "response_reply": reply.id}]
