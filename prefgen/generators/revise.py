"""A response rewritten after its critique: the second half of a constitutional revision (arXiv:2212.08073)."""

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from prefgen.asker import Asker, Reply, Row, answered
from prefgen.errors import Unreadable

STAY = ("draft", "draft_model", "draft_reply")


@dataclass(frozen=True, kw_only=True)
class revise(Asker):
    """responses with critiques → the revised responses. ``draft`` stays the first response through all rounds, with its
    model and reply; ``revisions`` gathers every revision in order, the last one included.
    """

    makes = {
        "response": pl.String,
        "response_model": pl.String,
        "response_reply": pl.String,
        "draft": pl.String,
        "draft_model": pl.String,
        "draft_reply": pl.String,
        "revisions": pl.List(pl.String),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"prompt", "response", "response_model", "response_reply"})
    replaces: ClassVar[frozenset[str]] = frozenset({
        "response", "response_model", "response_reply", "truncated", "revisions", *STAY,
    })  # fmt: skip

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The reply as it stands; one that was cut off, or says what was said before, is refused."""
        text = answered(reply)
        if reply.finish == "length":
            raise Unreadable("truncated")
        if text == row["response"].strip():
            raise Unreadable("unchanged", "the revision is what was to be revised")
        first = {name: row.get(name) or row[name.replace("draft", "response")] for name in STAY}
        now = {"response": text, "response_model": reply.model, "response_reply": reply.id}
        return [{**now, **first, "revisions": [*(row.get("revisions") or []), text]}]
