"""Prompts that nearly come again in their split, and held-out prompts that are nearly in training: by word 3-grams, as
``near_duplicates`` and the splits of a recipe have it.

So that memory is bounded, so many bytes of prompts are held against one another; of more, each is held against those
of its own window alone, and the audit says so.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from prefgen.audit.whole import FOUND
from prefgen.filters._bulk import suspects
from prefgen.filters._shingles import Near, band_keys, ngrams, words
from prefgen.filters.near_duplicates import near_duplicates
from prefgen.rows import DROPPED
from prefgen.splits import NGRAM, THRESHOLD

WINDOW = 400_000_000
"""Bytes of prompts that are held against one another."""


def windows(prompts: Iterator[pl.DataFrame], size: int = WINDOW) -> Iterator[pl.DataFrame]:
    """Prompts in frames of about so many bytes."""
    held, used = list[pl.DataFrame](), 0.0
    for rows in prompts:
        held.append(rows)
        used += rows.estimated_size()
        if used >= size:
            yield pl.concat(held)
            held, used = [], 0.0
    if held:
        yield pl.concat(held)


def repeated(prompts: pl.DataFrame) -> pl.DataFrame:
    """Which prompts of a window (``n``, ``row``, ``prompt``) are nearly an earlier one."""
    rows = prompts.select(pl.col("row").cast(pl.String).alias("id"), "n", "prompt")
    found = near_duplicates.marked(rows, threshold=THRESHOLD, ngram=NGRAM).filter(pl.col(DROPPED).is_not_null())
    return found.select("n", pl.format("nearly row {}", "detail").alias("detail")).cast(FOUND)  # type: ignore[arg-type]


def leaked(train: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Which held-out prompts (``n``, ``prompt``) are nearly one of training (``row``, ``split``, ``prompt``)."""
    texts = pl.concat([train["prompt"], held["prompt"]])
    places = suspects(texts, THRESHOLD, NGRAM)
    said = texts.gather(places).to_list()
    known = Near(THRESHOLD)
    found: list[tuple[int, str]] = []
    for place, text, keys in zip(places, said, band_keys(said, THRESHOLD, NGRAM).iter_rows(), strict=True):
        own = ngrams(words(text), NGRAM)
        if place < train.height:
            known.add(place, own, keys)
        elif near := known.nearest(own, keys):
            found.append((held["n"][place - train.height], _told(train, *near)))
    return pl.DataFrame(found, schema=FOUND, orient="row")


def _told(train: pl.DataFrame, place: int, alike: float) -> str:
    return f"alike by {alike:.2f} to row {train['row'][place]} of {train['split'][place]}"


HELD = ("test", "val", "dev", "eval", "held", "heldout", "validation", "valid")


def held_out(splits: Sequence[str]) -> list[str]:
    """The splits that are not to train on, by their names."""
    return [one for one in splits if one.lower().replace("-", "_").split("_")[0].split(".")[0] in HELD]
