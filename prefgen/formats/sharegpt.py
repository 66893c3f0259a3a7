"""Conversations beside one chosen and one rejected message, as ShareGPT's heirs have them: Axolotl.

Roles are ``role``, ``content``, ``user``, ``assistant``; LLaMA-Factory wants the tags that ``llama-factory`` writes.
"""

import polars as pl

from prefgen.formats._pieces import PAIRS, PROMPT, answer, anything, own_id
from prefgen.rows import drops

CONFIGS = PAIRS
FILE = "jsonl"


@drops(anything)
def sharegpt(rows: pl.DataFrame) -> pl.DataFrame:
    """``conversations`` as the prompt's messages, ``chosen`` and ``rejected`` as one message each, ``id``. Holds every
    row.
    """
    sides = [answer(side).alias(side) for side in ("chosen", "rejected")]
    return rows.select(PROMPT.alias("conversations"), *sides, own_id(rows))
