"""Prompt, chosen and rejected, each a list of messages: what TRL recommends for DPO; OpenRLHF with a prompt key.

torchtune, NeMo-RL and open-instruct lose the prompt of this layout without a word; give them another.
"""

import polars as pl

from prefgen.formats._pieces import PAIRS, PROMPT, answer, anything, own_id
from prefgen.rows import drops

CONFIGS = PAIRS
FILE = "parquet"


@drops(anything)
def conversational_explicit(rows: pl.DataFrame) -> pl.DataFrame:
    """``prompt`` as a list of messages, ``chosen`` and ``rejected`` as lists of one, ``id``. Holds every row."""
    sides = {side: pl.concat_list(answer(side)) for side in ("chosen", "rejected")}
    return rows.select(PROMPT.alias("prompt"), own_id(rows), **sides).select("prompt", "chosen", "rejected", "id")
