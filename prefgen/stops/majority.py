"""A majority vote ends as soon as the draws to come cannot change it: exact, and no more draws than that takes."""

from collections import Counter
from collections.abc import Sequence

from prefgen.asker import Row


def majority(drawn: Sequence[Sequence[Row]], n: int) -> int:
    """How many more draws before the vote over ``n`` draws can be decided; 0 once it is.

    The verdict in front stays there when its lead is more than the draws to come. An unreadable draw holds no vote
    and counts as drawn. All n are drawn where the vote stays open, as in a tie.
    """
    votes = Counter(row["verdict"] for draw in drawn for row in draw if row["verdict"] is not None)
    (_, first), (_, second) = [*votes.most_common(2), ("", 0), ("", 0)][:2]
    left, lead = n - len(drawn), first - second
    return 0 if lead > left else min(left, (left - lead) // 2 + 1)
