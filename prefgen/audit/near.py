"""Prompts that nearly come again in their split, and held-out prompts that are nearly in training: by word 3-grams, as
``near_duplicates`` and the splits of a recipe have it.

So that memory is bounded, so many bytes of prompts are held against one another; of more, each is held against those
of its own window alone, and the audit says so.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from prefgen.audit.whole import FOUND
from prefgen.filters._bulk import suspects
from prefgen.filters._shingles import TOGETHER, band_keys, ngrams, words
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


MOST = 200
"""Candidates that are looked at for one text."""


class Near:
    """Texts put in one by one, and one among them that another is near: MinHash bands find candidates, exact Jaccard
    decides. Of what thousands of texts have in common (a long template) each would be a candidate for all: no more than
    ``most`` are looked at, those first that share what few share, and ``cut`` counts the texts that had more.
    """

    def __init__(self, most: int) -> None:
        self.most, self.cut = most, 0
        self._sets: dict[int, frozenset[int]] = {}
        self._index: list[dict[int, list[int]]] = []

    def near(self, own: frozenset[int], keys: Sequence[int | None]) -> int | None:
        """The name of a text that is near enough."""
        bands = zip(self._index, keys, strict=False)
        met = sorted((band.get(key, ()) for band, key in bands if key is not None), key=len)
        seen = dict.fromkeys(name for names in met for name in names[: self.most])
        for looked, name in enumerate(seen):
            if looked == self.most:
                self.cut += 1
                return None
            other = self._sets[name]
            common = len(own & other)
            if common >= THRESHOLD * (len(own) + len(other) - common):
                return name
        return None

    def add(self, name: int, own: frozenset[int], keys: Sequence[int | None]) -> None:
        """Puts a text in, under a number of its own."""
        self._sets[name] = own
        self._index += [{} for _ in keys[len(self._index) :]]
        for band, key in zip(self._index, keys, strict=True):
            if key is not None:
                band.setdefault(key, []).append(name)


Text = tuple[int, frozenset[int], Sequence[int | None]]


def _suspected(texts: pl.Series) -> Iterator[Text]:
    """The places of texts that may be near another one, their 3-grams as numbers, and the numbers of those bands that
    they share with others: no others have to be held.
    """
    places = suspects(texts, THRESHOLD, NGRAM)
    said = texts.gather(places).to_list()
    keys = band_keys(said, THRESHOLD, NGRAM)
    shared = keys.select(pl.when(one.is_duplicated()).then(one).alias(one.name) for one in keys)
    met = shared.select(pl.any_horizontal(pl.all().is_not_null())).to_series().arg_true()
    for start in range(0, len(met), TOGETHER):
        some = met.slice(start, TOGETHER)
        for n, place, mine in zip(some, places.gather(some), shared[some].iter_rows(), strict=True):
            yield place, frozenset(map(hash, ngrams(words(said[n]), NGRAM))), mine


def repeated(prompts: pl.DataFrame, *, most: int = MOST) -> tuple[pl.DataFrame, int]:
    """Which prompts of a window (``n``, ``row``, ``prompt``) are nearly an earlier one that is none itself, as
    ``near_duplicates`` has it; and of how many not all candidates were looked at.
    """
    kept, found = Near(most), list[tuple[int, str]]()
    for place, own, keys in _suspected(prompts["prompt"]):
        near = kept.near(own, keys)
        if near is None:
            kept.add(place, own, keys)
        else:
            found.append((prompts["n"][place], f"nearly row {prompts['row'][near]}"))
    return pl.DataFrame(found, schema=FOUND, orient="row"), kept.cut


def leaked(train: pl.DataFrame, held: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Which held-out prompts (``n``, ``prompt``) are nearly one of training (``row``, ``split``, ``prompt``); and of
    how many not all candidates were looked at.
    """
    known, found = Near(MOST), list[tuple[int, str]]()
    for place, own, keys in _suspected(pl.concat([train["prompt"], held["prompt"]])):
        if place < train.height:
            known.add(place, own, keys)
        elif (near := known.near(own, keys)) is not None:
            told = f"nearly row {train['row'][near]} of {train['split'][near]}"
            found.append((held["n"][place - train.height], told))
    return pl.DataFrame(found, schema=FOUND, orient="row"), known.cut


HELD = ("test", "val", "dev", "eval", "held", "heldout", "validation", "valid")


def held_out(splits: Sequence[str]) -> list[str]:
    """The splits that are not to train on, by their names."""
    return [one for one in splits if one.lower().replace("-", "_").split("_")[0].split(".")[0] in HELD]
