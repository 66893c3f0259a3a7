"""Prompts, or pairs, that are nearly the same as an earlier one. MinHash: Broder 1997; for training data,
arXiv:2107.06499.

Texts that can be near none are told in bulk; of the others datasketch finds the candidates and exact Jaccard decides,
so that nothing is dropped for an estimate. Of pairs exactly as alike as the threshold the index may miss one of a
thousand.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from prefgen.filters._bulk import edges
from prefgen.filters._shingles import TOGETHER, Near, band_keys, ngrams, texts_of, words
from prefgen.order import BUCKET, ordered
from prefgen.rows import because, drops, whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 20_000
"""Rows whose texts are read at once."""


def _near(*, of: str | Sequence[str] = "prompt", threshold: float = 0.8, ngram: int = 3) -> pl.Expr:  # noqa: ARG001
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1; it is {threshold:g}")
    if ngram < 1:
        raise ValueError(f"ngram must be 1 or more; it is {ngram}")
    return because(("nearly the same as an earlier one", pl.col("detail").is_not_null()))


def _compared(
    rows: pl.LazyFrame, *, of: str | Sequence[str] = "prompt", threshold: float = 0.8, ngram: int = 3
) -> pl.LazyFrame:
    """The rows with the id of the earlier one that each is nearly the same as."""
    of = [of] if isinstance(of, str) else of
    places, groups = related(edges(lambda: _texts(rows, of), threshold, ngram))
    found = [repeats(lot, threshold, ngram) for lot in lots(rows, of, places, groups)]
    told = pl.concat([pl.DataFrame(schema={"place": pl.UInt32, "detail": pl.String}), *found])
    height = rows.select(pl.len()).collect(engine="streaming").item()
    detail = pl.Series("detail", [None], pl.String).new_from_index(0, height).scatter(told["place"], told["detail"])
    names = dict.fromkeys([*rows.collect_schema(), "detail"])
    beside = pl.concat([rows.drop("detail", strict=False), detail.to_frame().lazy()], how="horizontal")
    return beside.select(*names)


@whole
@drops(_near, prepared=_compared, lazily=True, row_by_row=True)
def near_duplicates(
    rows: pl.DataFrame,
    *,
    of: str | Sequence[str] = "prompt",  # noqa: ARG001  the settings decide which rows are dropped
    threshold: float = 0.8,  # noqa: ARG001
    ngram: int = 3,  # noqa: ARG001
) -> pl.DataFrame:
    """Keeps the first of all rows whose texts are ``threshold`` alike: Jaccard of their sets of ``ngram`` words, 0.8 of
    3 by default (our choice; 0.8 is common). ``of`` is the column that is compared, or several at once: [chosen,
    rejected] for pairs. A row is held against the kept ones before it; of a dropped one, ``detail`` is the id of the
    row that it repeats. Raises ValueError for a threshold outside (0, 1].
    """
    return rows.drop("detail")


def _texts(rows: pl.LazyFrame, of: Sequence[str]) -> Iterator[pl.Series]:
    """The texts of all rows, some at a time."""
    return (texts_of(some, of) for some in rows.select(*of).collect_batches(chunk_size=BATCH))


def related(ends: "NDArray[np.uint32]") -> tuple[pl.Series, pl.Series]:
    """The places of texts that may be near another one, and the first place of those with which each hangs together."""
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    places, at = np.unique(ends, return_inverse=True)
    one, other = at.reshape(ends.shape)
    met = csr_array((np.ones(len(one), np.bool_), (one, other)), shape=(len(places), len(places)))
    _, part = connected_components(met, directed=False)
    first = np.full(len(places), len(places), np.int64)
    np.minimum.at(first, part, np.arange(len(places)))
    return pl.Series(places, dtype=pl.UInt32), pl.Series(places[first[part]], dtype=pl.UInt32)


def lots(
    rows: pl.LazyFrame, of: Sequence[str], places: pl.Series, groups: pl.Series, most: int = BUCKET
) -> Iterator[pl.DataFrame]:
    """These rows' ``place``, ``id`` and ``text``; where there are more than ``most``, in lots, those that hang together
    in one.
    """
    if len(places) <= most:
        yield from [pl.concat(found)] if (found := list(_at(rows, of, places))) else []
        return
    order = groups.to_frame("group").with_columns(rank=pl.col("group").rank("ordinal") - 1)
    first = order.select(pl.col("rank").min().over("group"))["rank"]
    yield from ordered(_at(rows, of, places), order["rank"], first)


def _at(rows: pl.LazyFrame, of: Sequence[str], places: pl.Series) -> Iterator[pl.DataFrame]:
    """The rows at these places, in order."""
    start = 0
    for some in rows.select("id", *of).collect_batches(chunk_size=BATCH):
        first, end = (int(places.search_sorted(place)) for place in (start, start + some.height))
        own = some[places[first:end] - start]
        yield own.select(places[first:end].alias("place"), "id", texts_of(own, of).alias("text"))
        start += some.height


def repeats(lot: pl.DataFrame, threshold: float, ngram: int) -> pl.DataFrame:
    """The place and the ``detail`` of each row that is near an earlier one."""
    seen, found, ids = Near(threshold), list[tuple[int, str]](), dict[int, str]()
    lot = lot.sort("place")
    for some in lot.iter_slices(TOGETHER):
        keys = band_keys(some["text"].to_list(), threshold, ngram)
        for (place, name, text), mine in zip(some.iter_rows(), keys.iter_rows(), strict=True):
            own = ngrams(words(text), ngram)
            if near := seen.nearest(own, mine):
                found.append((place, ids[near[0]]))
            else:
                seen.add(place, own, mine)
                ids[place] = name
    return pl.DataFrame(found, schema={"place": pl.UInt32, "detail": pl.String}, orient="row")
