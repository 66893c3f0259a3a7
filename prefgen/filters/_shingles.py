"""Texts as sets of word n-grams, and which of many are near one another."""

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from prefgen.conversations import as_texts

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
"""Words; where scripts put no spaces (Chinese, Japanese), single characters."""
PERMUTATIONS = 128
"""Hashes of one signature."""
MISSED = 0.001
"""The share of sets exactly as alike as the threshold that the index may miss; of more alike ones it misses fewer."""


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return WORD.findall(text.lower())


def ngrams(tokens: Sequence[str], n: int) -> set[str]:
    """All runs of n words; of a shorter text the whole."""
    if len(tokens) <= n:
        return {" ".join(tokens)} if tokens else set()
    return {" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}


def texts_of(rows: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """The text of each row: of conversations their turns, of several columns one after the other."""
    found = [as_texts(rows[column]).fill_null("").alias(f"{place}") for place, column in enumerate(columns)]
    return pl.select(pl.concat_str(found, separator="\n")).to_series() if len(found) > 1 else found[0]


def jaccard(a: set[str], b: set[str]) -> float:
    """How much of two sets is common to them."""
    return len(a & b) / len(a | b) if a or b else 0.0


def bands(threshold: float) -> tuple[int, int]:
    """Bands, and rows in each: two sets with likeness s share one with probability 1 - (1 - s^rows)^bands. The longest
    rows that miss no more than MISSED, so that few others have to be looked at.
    """
    shapes = [(PERMUTATIONS // rows, rows) for rows in range(1, PERMUTATIONS // 2)]
    good = [(b, r) for b, r in shapes if (1 - threshold**r) ** b <= MISSED]
    return max(good, key=lambda shape: shape[1]) if good else shapes[0]


class Near:
    """Sets put in one by one, and those among them that are near another one: their bands find candidates (MinHash with
    locality-sensitive hashing), exact Jaccard decides.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold, self._sets = threshold, dict[int, set[str]]()
        self._index: dict[tuple[int, int], list[int]] = {}

    def nearest(self, own: set[str], keys: Sequence[int | None]) -> tuple[int, float] | None:
        """The name of the nearest set that is near enough, the first of equal ones."""
        met = {name for key in enumerate(keys) for name in self._index.get(key, ())}  # type: ignore[arg-type]
        near = [(name, alike) for name in met if (alike := jaccard(own, self._sets[name])) >= self.threshold]
        return min(near, key=lambda one: (-one[1], one[0])) if near else None

    def add(self, name: int, own: set[str], keys: Sequence[int | None]) -> None:
        """Puts a set in, under a number of its own; ``keys`` are its row of ``band_keys``."""
        self._sets[name] = own
        for band, key in enumerate(keys):
            if key is not None:
                self._index.setdefault((band, key), []).append(name)


def signatures(sets: Sequence[set[str]]) -> list[Any]:
    """The MinHash of each set."""
    from datasketch import MinHash

    encoded = [[gram.encode("utf-8", "surrogatepass") for gram in one] for one in sets]
    return list(MinHash.bulk(encoded, num_perm=PERMUTATIONS, seed=1))


TOGETHER = 1000
"""Texts whose signatures are made at once: what bounds memory."""
ODD = 0x9E3779B97F4A7C15
"""By which the hashes of a band are folded into one number; where two meet by chance, one comparison more is made."""


def band_keys(texts: Sequence[str], threshold: float, n: int) -> pl.DataFrame:
    """A row for each text, a column for each band of the index: a number that two texts have in common where they share
    that band, as near ones do in some; null for a text without words.
    """
    schema = {f"{band}": pl.UInt64 for band in range(bands(threshold)[0])}
    parts = [pl.DataFrame(schema=schema)]
    for start in range(0, len(texts), TOGETHER):
        sets = [ngrams(words(text), n) for text in texts[start : start + TOGETHER]]
        wordless = pl.Series([not one for one in sets])
        keys = pl.DataFrame(_folded(sets, *bands(threshold)), schema=schema, orient="row")
        parts.append(keys.select(pl.when(~wordless).then(pl.all())))
    return pl.concat(parts)


def _folded(sets: Sequence[set[str]], number: int, width: int) -> Any:
    """The signatures' bands, each as one number: an array of texts by bands."""
    import numpy as np

    hashes = np.stack([one.hashvalues[: number * width] for one in signatures(sets)]).astype(np.uint64)
    keys = np.zeros((len(sets), number), np.uint64)
    for value in np.moveaxis(hashes.reshape(len(sets), number, width), 2, 0):
        keys = keys * np.uint64(ODD) + value  # modulo 2**64
    return keys
