"""Axolotl's Bradley-Terry reward models: an input and two answers as strings, with a system message or none.

Axolotl 0.19 puts an empty system message before an input that has none; ``drop_system_message: true`` takes all away.
"""

import polars as pl

from prefgen.formats._pieces import PAIRS, PROMPT, answer, one_exchange, own_id, said, system_text
from prefgen.rows import drops

CONFIGS = PAIRS
FILE = "jsonl"


@drops(one_exchange)
def axolotl_reward(rows: pl.DataFrame) -> pl.DataFrame:
    """``system`` ("" where there is none), ``input``, ``chosen`` and ``rejected`` as strings, ``id``. Holds prompts of
    one user message, after a system message or none.
    """
    sides = [said(answer(side)).alias(side) for side in ("chosen", "rejected")]
    return rows.select(system_text().alias("system"), said(PROMPT.list.last()).alias("input"), *sides, own_id(rows))
