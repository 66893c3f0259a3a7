"""Prompts, or pairs, that are nearly the same as an earlier one. MinHash: Broder 1997; for training data,
arXiv:2107.06499.

Texts that can be near none are told in bulk; of the others datasketch finds the candidates and exact Jaccard decides,
so that nothing is dropped for an estimate. Of pairs exactly as alike as the threshold the index may miss one of a
thousand.
"""

from collections.abc import Sequence

import polars as pl

from prefgen.filters._bulk import suspects
from prefgen.filters._shingles import Near, band_keys, ngrams, texts_of, words
from prefgen.rows import because, drops, whole


def _near(*, of: str | Sequence[str] = "prompt", threshold: float = 0.8, ngram: int = 3) -> pl.Expr:  # noqa: ARG001
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1; it is {threshold:g}")
    if ngram < 1:
        raise ValueError(f"ngram must be 1 or more; it is {ngram}")
    return because(("nearly the same as an earlier one", pl.col("detail").is_not_null()))


def _compared(
    rows: pl.DataFrame, *, of: str | Sequence[str] = "prompt", threshold: float = 0.8, ngram: int = 3
) -> pl.DataFrame:
    """The rows with the id of the earlier one that each is nearly the same as."""
    texts = texts_of(rows, [of] if isinstance(of, str) else of)
    places = suspects(texts, threshold, ngram)
    said, ids = texts.gather(places).to_list(), rows["id"].gather(places).to_list()
    seen, whose = Near(threshold), list[str | None]()
    for place, keys in enumerate(band_keys(said, threshold, ngram).iter_rows()):
        own = ngrams(words(said[place]), ngram)
        near = seen.nearest(own, keys)
        whose.append(ids[near[0]] if near else None)
        if not near:
            seen.add(place, own, keys)
    found = pl.Series("detail", [None], pl.String).new_from_index(0, rows.height)
    return rows.with_columns(found.scatter(places, pl.Series(whose, dtype=pl.String)))


@whole
@drops(_near, prepared=_compared)
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
