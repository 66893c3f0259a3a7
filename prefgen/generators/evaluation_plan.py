"""A plan for judging, from the instruction alone: the first half of EvalPlanner's chain (arXiv:2501.18099)."""

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from prefgen.asker import Asker, Reply, Row, absent, answered
from prefgen.errors import Unreadable

START, END = "[Start of Evaluation Plan]", "[End of Evaluation Plan]"


@dataclass(frozen=True, kw_only=True)
class evaluation_plan(Asker):
    """pairs → the same pairs, each with a ``plan``. Before ``both_orders``, so that a pair and a plan, in one order,
    are one question. The responses are not shown: plans of one instruction are asked for once, whatever its pairs
    are.
    """

    makes = {"plan": pl.String, "plan_model": pl.String, "plan_reply": pl.String}
    needs: ClassVar[frozenset[str]] = frozenset({"prompt"})

    def read(self, row: Row, reply: Reply) -> list[Row]:
        """The text between the two markers; several that differ are refused."""
        text = answered(reply)
        found = {part.partition(END)[0].strip() for part in text.split(START)[1:] if END in part}
        if not found:
            raise absent(reply, "whole plan")
        if len(found) > 1:
            raise Unreadable("conflicting", f"{len(found)} plans that differ")
        plan = found.pop()
        if not plan or plan.strip("<> ").lower() == "the plan":
            raise Unreadable("empty" if not plan else "missing", "a plan without text")
        return [{"plan": plan, "plan_model": reply.model, "plan_reply": reply.id}]
