"""The rows with certain values in a column, or those without them: one subset of a benchmark, say."""

from collections.abc import Sequence

import polars as pl

from prefgen.rows import because, filters


@filters
def among(*, column: str, values: Sequence[str | int], out: bool = False) -> pl.Expr:
    """Keeps the rows whose ``column`` holds one of ``values``; with ``out``, those whose column holds none of them.

    A null is none of them. Raises ValueError where there are no ``values``.
    """
    if not values:
        raise ValueError("values must name one value at least; they are none")
    held = pl.col(column).is_in(list(values)).fill_null(value=False)
    names = ", ".join(map(str, values))
    return because((f"{column} is {names}", held)) if out else because((f"{column} is not {names}", ~held))
