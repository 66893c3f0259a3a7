"""Prompts, or pairs, that are nearly the same as an earlier one. MinHash: Broder 1997; for training data,
arXiv:2107.06499.

Texts that can be near none are told in bulk; of the others datasketch finds the candidates and exact Jaccard decides,
so that nothing is dropped for an estimate. Of pairs exactly as alike as the threshold the index may miss one of a
thousand.
"""

from collections.abc import Sequence

import polars as pl

from prefgen.filters._bulk import edges
from prefgen.filters._groups import lots, texts
from prefgen.filters._shingles import TOGETHER, Near, band_keys, ngrams, words
from prefgen.rows import because, drops, whole


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
    ends = edges(lambda: texts(rows, of), threshold, ngram)
    found = [repeats(lot, threshold, ngram) for lot in lots(rows, of, ends)]
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


def repeats(lot: pl.DataFrame, threshold: float, ngram: int) -> pl.DataFrame:
    """The place and the ``detail`` of each row that is near an earlier one."""
    seen, found, ids = Near(threshold), list[tuple[int, str]](), dict[int, str]()
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
