"""New texts that are not near any other: Self-Instruct's ROUGE-L rule (arXiv:2212.10560).

ROUGE-L F of two texts of m and n words with a longest common subsequence of l is 2l / (m + n), which is one minus the
normalised indel distance of their words: rapidfuzz computes it. Words are lower case letters and digits, as Google's
rouge_score has them; letters of other scripts count as well, which there are blanks.
"""

import re

import polars as pl

from prefgen.asker import MESSAGES, as_text
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
    shown = rows.select("id", of, "prompt").rows()
    kept = {id_: words(str(as_text(prompt))) for id_, text, prompt in shown if text is None and prompt}
    found = [_nearest(id_, words(text), kept, at_most) if text else (None, None) for id_, text, _ in shown]
    return rows.with_columns(
        pl.Series("rouge_l", [near for near, _ in found], pl.Float64),
        pl.Series("detail", [whose for _, whose in found], pl.String),
    )


def _nearest(id_: str, own: list[str], kept: dict[str, list[str]], at_most: float) -> tuple[float, str | None]:
    """The highest ROUGE-L to a kept text, and its id where that is too near; a text that is not is kept as well."""
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import extractOne

    best = extractOne(own, kept, scorer=Indel.normalized_similarity, processor=None)
    score = float(best[1]) if best else 0.0
    if best and score > at_most:
        return score, str(best[2])
    kept[id_] = own
    return score, None


@whole
@drops(_near, prepared=_compared)
def novel(rows: pl.DataFrame, *, of: str = "instruction", at_most: float = 0.7) -> pl.DataFrame:  # noqa: ARG001
    """Keeps the texts whose ROUGE-L F to every prompt that was there before, and to every text kept before them, is
    ``at_most`` 0.7.

    What was there before are the rows that have a ``prompt`` and no text in ``of``: seeds, and prompts of earlier
    rounds, put into one table with the new ones by ``concat``. They are compared with, and not given back.
    ``rouge_l`` is the highest found; of a dropped row, ``detail`` is the id of the row that it is near to. Raises
    ValueError for ``at_most`` outside [0, 1].
    """
    return rows.drop("detail", "prompt", "part", strict=False)
