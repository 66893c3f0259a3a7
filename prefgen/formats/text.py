"""Prompt, chosen and rejected as strings: NeMo-RL, torchtune's paired loader, TRL and verl (without a chat template).

A trainer that finds strings puts no chat template around them, unless its own loader makes messages of them.
"""

import polars as pl

from prefgen.formats._pieces import PAIRS, PROMPT, answer, one_user_message, own_id, said
from prefgen.rows import drops

CONFIGS = PAIRS
FILE = "parquet"


@drops(one_user_message)
def text(rows: pl.DataFrame) -> pl.DataFrame:
    """``prompt``, ``chosen`` and ``rejected`` as strings, ``id``. Holds prompts of one user message."""
    prompt = said(PROMPT.list.first()).alias("prompt")
    return rows.select(prompt, *(said(answer(side)).alias(side) for side in ("chosen", "rejected")), own_id(rows))
