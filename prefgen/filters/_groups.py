"""Texts in groups: two that are near one another are in one, so that they are compared lot by lot."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from prefgen.filters._shingles import texts_of
from prefgen.order import BUCKET, ordered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 20_000
"""Rows whose texts are read at once."""


def texts(rows: pl.LazyFrame, of: Sequence[str]) -> Iterator[pl.Series]:
    """The texts of all rows, some at a time."""
    return (texts_of(some, of) for some in rows.select(*of).collect_batches(chunk_size=BATCH))


def lots(
    rows: pl.LazyFrame, of: Sequence[str], ends: "NDArray[np.uint32]", most: int = BUCKET
) -> Iterator[pl.DataFrame]:
    """The ``place``, ``id`` and ``text`` of rows that edges join, in order of their places; of more than ``most`` rows
    in several lots, those that hang together in one.
    """
    import numpy as np

    places = pl.Series(np.unique(ends), dtype=pl.UInt32)
    if len(places) <= most:
        yield from [pl.concat(found)] if (found := list(_at(rows, of, places))) else []
        return
    order = related(ends).to_frame("group").with_columns(rank=pl.col("group").rank("ordinal") - 1)
    first = order.select(pl.col("rank").min().over("group"))["rank"]
    for lot in ordered(_at(rows, of, places), order["rank"], first):
        yield lot.sort("place")


def related(ends: "NDArray[np.uint32]") -> pl.Series:
    """Of each row that edges join, in order, the first one with which it hangs together."""
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    places, at = np.unique(ends, return_inverse=True)
    one, other = at.reshape(ends.shape)
    met = csr_array((np.ones(len(one), np.bool_), (one, other)), shape=(len(places), len(places)))
    _, part = connected_components(met, directed=False)
    first = np.full(len(places), len(places), np.int64)
    np.minimum.at(first, part, np.arange(len(places)))
    return pl.Series(places[first[part]], dtype=pl.UInt32)


def _at(rows: pl.LazyFrame, of: Sequence[str], places: pl.Series) -> Iterator[pl.DataFrame]:
    """The rows at these places, in order."""
    start = 0
    for some in rows.select("id", *of).collect_batches(chunk_size=BATCH):
        first, end = (int(places.search_sorted(place)) for place in (start, start + some.height))
        own = some[places[first:end] - start]
        yield own.select(places[first:end].alias("place"), "id", texts_of(own, of).alias("text"))
        start += some.height
