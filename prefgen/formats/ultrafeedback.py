"""The columns of UltraFeedback binarized (HuggingFaceH4), for readers made for that set.

Today's TRL trainers refuse this layout, for its prompt is a string beside conversations: give them ``conversational``.
"""

import polars as pl

from prefgen.formats._pieces import PROMPT, one_user_message, said
from prefgen.rows import drops

CONFIGS = ("preferences",)
FILE = "parquet"


@drops(one_user_message)
def ultrafeedback(rows: pl.DataFrame) -> pl.DataFrame:
    """``prompt`` as a string, ``prompt_id``, ``chosen`` and ``rejected`` as whole conversations, ``messages`` (the
    chosen one), ``score_chosen`` and ``score_rejected`` (null where pairs were not made by scores). Holds prompts of
    one user message: readers that take the string would lose what stands before it.
    """
    scores = [pl.col(f"{side}_score").alias(f"score_{side}") for side in ("chosen", "rejected")]
    prompt, messages = said(PROMPT.list.first()).alias("prompt"), pl.col("chosen").alias("messages")
    return rows.select(prompt, "prompt_id", "chosen", "rejected", messages, *scores)
