"""A reject from the answer to a nearby prompt, as LLMBar's Neighbor set is made. arXiv:2310.07641. No model is asked.

LLMBar finds the neighbour by sentence embeddings, has a stronger model answer it, and sifts the pairs by hand; here
shared words decide, the answers are those at hand, and judging the pairs is a later step's work.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from prefgen.rows import because, drops, whole

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Near = tuple[int, float] | tuple[None, None]
"""The place of the neighbour among the prompts, and the cosine."""

WINDOW, BLOCK = 20_000, 256
"""Prompts that are compared with one another, for all with all takes the square of the time; and how many of these at
once, which is 40 MB.
"""
DIGITS = 6
"""Cosines are rounded, so that a tie is one on every machine."""
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""Words; where scripts put no spaces (Chinese, Japanese), single characters."""

TAKEN = {"prompt_id": "neighbor_prompt_id", "response": "rejected", "id": "neighbor_id"}
OPTIONAL = {"response_model": "rejected_model", "response_reply": "rejected_reply"}
CHOSEN = {"response": "chosen", "response_model": "chosen_model", "response_reply": "chosen_reply"}


def _unpaired(*, max_similarity: float = 0.9, min_similarity: float = 0.0) -> pl.Expr:
    if not 0 <= min_similarity <= max_similarity:
        raise ValueError(
            f"0 <= min_similarity <= max_similarity must hold; they are {min_similarity}, {max_similarity}"
        )
    return because(
        ("not the prompt's first response", ~pl.col("prompt_id").is_first_distinct()),
        ("no other prompt near enough", pl.col("neighbor_id").is_null()),
        ("no response", pl.col("response").is_null() | pl.col("rejected").is_null()),
        ("equal texts", pl.col("response").str.strip_chars() == pl.col("rejected").str.strip_chars()),
    )


def _with_neighbors(rows: pl.DataFrame, *, max_similarity: float = 0.9, min_similarity: float = 0.0) -> pl.DataFrame:
    """The rows, with the first response of the prompt that is nearest to theirs."""
    firsts = rows.filter(pl.col("prompt_id").is_first_distinct())
    near = nearest([_asked(prompt) for prompt in firsts["prompt"].to_list()], max_similarity, min_similarity)
    place = pl.Series([where for where, _ in near], dtype=pl.UInt32)
    names = TAKEN | {c: name for c, name in OPTIONAL.items() if c in rows.columns}
    found = firsts.select(pl.col(c).gather(place).alias(name) for c, name in names.items()).with_columns(
        firsts["prompt_id"], pl.Series("similarity", [cosine for _, cosine in near], pl.Float64)
    )
    return rows.join(found, on="prompt_id", how="left", maintain_order="left", nulls_equal=True)


@whole
@drops(_unpaired, prepared=_with_neighbors)
def neighbor(
    rows: pl.DataFrame,
    *,
    max_similarity: float = 0.9,  # noqa: ARG001 the neighbours are found before rows are dropped
    min_similarity: float = 0.0,  # noqa: ARG001
) -> pl.DataFrame:
    """One pair of each prompt: its first response against that of the most similar other prompt.

    ``similarity`` is the cosine of the two last user messages' words, weighted (1 + ln tf)(1 + ln (1 + N)/(1 + df)).
    Over ``max_similarity`` a prompt may well have the same answer, and the next one is taken; under
    ``min_similarity``, or without one word in common, none is. Of equally near ones the first is taken. Of more than
    20,000 prompts each is held against about so many that stand around it in the table.

    Takes one row for each response. A pair's id is that of its two responses: ``<chosen's>-<rejected's>``.
    """
    pairs = rows.rename({c: name for c, name in CHOSEN.items() if c in rows.columns})
    return pairs.with_columns(pl.concat_str("id", pl.lit("-"), "neighbor_id")).drop(
        "neighbor_id", "truncated", strict=False
    )


neighbor.looks_at = lambda settings: ("prompt", "response")  # noqa: ARG005


def _asked(prompt: Any) -> str:
    """The last user message of a conversation, or the text that a prompt is."""
    if isinstance(prompt, str):
        return prompt
    said = [turn["content"] or "" for turn in prompt or [] if turn["role"] == "user"]
    return said[-1] if said else ""


def nearest(texts: Sequence[str], highest: float, lowest: float) -> list[Near]:
    """For each text the most similar other one with a cosine of at most ``highest`` and at least ``lowest``."""
    if len(texts) < 2:
        return [(None, None)] * len(texts)
    weights, found = _weights(texts), list[Near]()
    windows = -(-len(texts) // WINDOW)
    ends = [len(texts) * place // windows for place in range(windows + 1)]
    for first, end in pairwise(ends):
        some = weights[first:end]
        across = some.T.tocsr()
        near = (one for at in range(0, end - first, BLOCK) for one in _block(some, across, at, highest, lowest))
        found += [one if one[0] is None else (first + one[0], one[1]) for one in near]
    return found


def _block(weights: "csr_array", across: "csr_array", start: int, highest: float, lowest: float) -> Iterator[Near]:
    import numpy as np

    cosines = (weights[start : start + BLOCK] @ across).toarray()
    for i, row in enumerate(cosines):
        row[start + i] = 0.0
        top = _rounded(row.max())
        if top > highest:
            row[row.round(DIGITS) > highest] = 0.0
            top = _rounded(row.max())
        near = np.flatnonzero(row >= top - 10.0**-DIGITS)  # rounding keeps the order: no lower one becomes as high
        best = int(near[row[near].round(DIGITS).argmax()])
        yield (best, top) if top > 0 and top >= lowest else (None, None)


def _rounded(cosine: float) -> float:
    """As numpy rounds arrays."""
    import numpy as np

    return float(np.round(cosine, DIGITS))


def _weights(texts: Sequence[str]) -> "csr_array":
    """One row of unit length for each text, one column for each word."""
    import numpy as np
    from scipy.sparse import csr_array

    words: dict[str, int] = {}
    rows, columns, values = [], [], []
    for i, text in enumerate(texts):
        for word, times in Counter(WORD.findall(text.lower())).items():
            rows.append(i)
            columns.append(words.setdefault(word, len(words)))
            values.append(1 + math.log(times))
    shown_in = np.bincount(np.array(columns, dtype=np.int64), minlength=len(words))
    weighted = np.array(values) * (1 + np.log((1 + len(texts)) / (1 + shown_in)))[columns]
    norms = np.sqrt(np.bincount(np.array(rows, dtype=np.int64), weights=weighted**2, minlength=len(texts)))
    return csr_array((weighted / norms[rows], (rows, columns)), shape=(len(texts), max(len(words), 1)))
