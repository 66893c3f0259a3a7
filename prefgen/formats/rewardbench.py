"""The columns of RewardBench (arXiv:2403.13787): what its own test sets hold, and `load_pairs` reads.

``rewardbench --dataset``, on data of yours, wants conversations: give it ``conversational``.
"""

import polars as pl

from prefgen.formats._pieces import PROMPT, answer, one_user_message, own_id, said
from prefgen.rows import drops

CONFIGS = ("preferences",)
FILE = "parquet"


@drops(one_user_message)
def rewardbench(rows: pl.DataFrame) -> pl.DataFrame:
    """``prompt``, ``chosen``, ``chosen_model``, ``rejected``, ``rejected_model``, ``subset`` ("prefgen") and
    ``id``, all strings. Holds prompts of one user message.
    """
    sides = [column for side in ("chosen", "rejected") for column in (said(answer(side)).alias(side), f"{side}_model")]
    prompt, subset = said(PROMPT.list.first()).alias("prompt"), pl.lit("prefgen").alias("subset")
    return rows.select(prompt, *sides, subset, own_id(rows))
