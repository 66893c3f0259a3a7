"""New texts that are not near any other: Self-Instruct's ROUGE-L rule (arXiv:2212.10560).

ROUGE-L F of two texts of m and n words with a longest common subsequence of l is 2l / (m + n), which is one minus the
normalised indel distance of their words: rapidfuzz computes it. Words are lower case letters and digits, as Google's
rouge_score has them; letters of other scripts count as well, which there are blanks.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from prefgen.asker import MESSAGES
from prefgen.conversations import as_texts
from prefgen.rows import because, drops, whole

WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The words by which two texts are compared."""
    return WORD.findall(text.lower())


def _near(*, of: str = "instruction", at_most: float = 0.7) -> pl.Expr:
    if not 0 <= at_most <= 1:
        raise ValueError(f"at_most must be from 0 to 1; it is {at_most:g}")
    return because(
        ("was there before", pl.col(of).is_null() & pl.col("prompt").is_not_null()),
        ("no text", pl.col(of).is_null()),
        (f"ROUGE-L over {at_most:g} to another", pl.col("rouge_l") > at_most),
    )


def _compared(rows: pl.DataFrame, *, of: str = "instruction", at_most: float = 0.7) -> pl.DataFrame:
    """The rows with the highest ROUGE-L to what was there, or to a text kept before them, and whose that is."""
    rows = rows if "prompt" in rows.columns else rows.with_columns(pl.lit(None, MESSAGES).alias("prompt"))
    texts, ids = rows[of].to_list(), rows["id"].to_list()
    before = rows.select(pl.when(_spoken(rows.schema["prompt"])).then("prompt"))["prompt"]
    talks = as_texts(before).to_list()
    said = _lettered([words(own if own is not None else talk or "") for own, talk in zip(texts, talks, strict=True)])
    kept = [
        place for place, (own, talk) in enumerate(zip(texts, talks, strict=True)) if own is None and talk is not None
    ]
    new = [place for place, own in enumerate(texts) if own]
    score: list[float | None] = [None] * len(texts)
    detail: list[str | None] = [None] * len(texts)
    for place, near, whose in _nearest(said, kept, new, at_most):
        score[place], detail[place] = near, None if whose is None else ids[whose]
    return rows.with_columns(pl.Series("rouge_l", score, pl.Float64), pl.Series("detail", detail, pl.String))


def _spoken(kind: pl.DataType) -> pl.Expr:
    """Whether a prompt says anything."""
    prompt = pl.col("prompt")
    return prompt.list.len() > 0 if isinstance(kind, pl.List) else prompt != ""


BLOCK, CELLS = 256, 2_000_000
"""Texts that are compared with all before them at once, and pairs of texts: what bounds memory."""
LETTERS = [*range(1, 0xD800), *range(0xE000, 0x110000)]
"""All characters but halves of one."""


def _lettered(texts: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """The texts with each word as one letter, which rapidfuzz compares ten times as fast as words; with the words
    where there are more of them than letters.
    """
    different = dict.fromkeys(word for text in texts for word in text)
    if len(different) > len(LETTERS):
        return texts
    letters = dict(zip(different, map(chr, LETTERS), strict=False))
    return ["".join([letters[word] for word in text]) for text in texts]


def _nearest(
    said: Sequence[Sequence[str]], kept: list[int], new: Sequence[int], at_most: float
) -> Iterator[tuple[int, float, int | None]]:
    """For each new place the highest ROUGE-L to a kept one, and which that is where it is too near; where it is not,
    it is kept as well. Some at a time are held against all before them, by all cores.
    """
    start = 0
    while start < len(new):
        some = new[start : start + max(1, min(BLOCK, CELLS // (len(kept) + 1)))]
        start += len(some)
        earlier, among = _likeness(said, some, kept), _likeness(said, some, some)
        fresh = list[int]()
        for i, place in enumerate(some):
            best, whose = _first_best(earlier[i], kept)
            other, which = _first_best(among[i, fresh], fresh)
            if other > best or whose is None:
                best, whose = other, None if which is None else some[which]
            yield place, best, whose if best > at_most else None
            if best <= at_most or whose is None:
                fresh.append(i)
        kept += [some[i] for i in fresh]


def _first_best(likeness: Any, names: Sequence[int]) -> tuple[float, int | None]:
    place = int(likeness.argmax()) if len(names) else None
    return (0.0, None) if place is None else (float(likeness[place]), names[place])


def _likeness(said: Sequence[Sequence[str]], some: Sequence[int], others: Sequence[int]) -> Any:
    import numpy as np
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cdist

    if not others:
        return np.zeros((len(some), 0))
    two = ([said[place] for place in of] for of in (some, others))
    return cdist(*two, scorer=Indel.normalized_similarity, processor=None, dtype=np.float64, workers=-1)


@whole
@drops(_near, prepared=_compared, row_by_row=True)
def novel(rows: pl.DataFrame, *, of: str = "instruction", at_most: float = 0.7) -> pl.DataFrame:  # noqa: ARG001
    """Keeps the texts whose ROUGE-L F to every prompt that was there before, and to every text kept before them, is
    ``at_most`` 0.7.

    What was there before are the rows that have a ``prompt`` and no text in ``of``: seeds, and prompts of earlier
    rounds, put into one table with the new ones by ``concat``. They are compared with, and not given back.
    ``rouge_l`` is the highest found; of a dropped row, ``detail`` is the id of the row that it is near to. Raises
    ValueError for ``at_most`` outside [0, 1].
    """
    return rows.drop("detail", "prompt", "part", strict=False)


novel.looks_at = lambda settings: (settings.get("of", "instruction"), "prompt", "part")
