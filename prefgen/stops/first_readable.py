"""Asking again ends at the first reply that can be read: for forms that a model does not always keep."""

from collections.abc import Sequence

from prefgen.asker import Row


def first_readable(drawn: Sequence[Sequence[Row]], n: int) -> int:
    """How many more draws: none once one gave a row or n are drawn, else one."""
    return 0 if any(drawn) or len(drawn) >= n else 1
