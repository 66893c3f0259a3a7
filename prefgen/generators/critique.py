"""What is wrong with a response, by a principle: the first half of a constitutional revision (arXiv:2212.08073)."""

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from prefgen.asker import Asker, Reply, Row, answered
from prefgen.errors import Unreadable


@dataclass(frozen=True, kw_only=True)
class critique(Asker):
    """responses → the same responses, each with a ``critique``. ``critique_request`` says what to look at; ``draw``
    gives each row one of a list. The paper shows few examples before; here the model is one that follows
    instructions.
    """

    makes = {"critique": pl.String, "critique_reply": pl.String}
    needs: ClassVar[frozenset[str]] = frozenset({"prompt", "response"})
    replaces: ClassVar[frozenset[str]] = frozenset({"critique", "critique_reply"})

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The reply as it stands; one that was cut off is refused."""
        text = answered(reply)
        if reply.finish == "length":
            raise Unreadable("truncated")
        return [{"critique": text, "critique_reply": reply.id}]
