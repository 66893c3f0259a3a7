"""Rejection sampling ends at the first judgment that agrees. Self-Taught Evaluators, arXiv:2408.02666.

Draws are read in order, so the first right one of n has the distribution of one picked at random among the right ones
of n: nothing changes but the bill.
"""

from collections.abc import Sequence

from prefgen.asker import Row


def first_agreeing(drawn: Sequence[Sequence[Row]], n: int) -> int:
    """How many more draws: none once a row's verdict equals its gold or n are drawn, else one.

    ``drawn`` holds the rows that each draw so far was read as; an unreadable draw holds none, and counts as drawn.
    """
    agrees = any(row["verdict"] == row["gold"] for draw in drawn for row in draw)
    return 0 if agrees or len(drawn) >= n else 1
