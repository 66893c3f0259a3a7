"""Prompts alone, each once: TRL's GRPO, RLOO and online DPO trainers, and whatever else answers them anew."""

import polars as pl

from prefgen.formats._pieces import PROMPTS, asked_before, prompt_of
from prefgen.rows import drops, whole

CONFIGS = PROMPTS
FILE = "parquet"


@whole
@drops(asked_before)
def prompt_only(rows: pl.DataFrame) -> pl.DataFrame:
    """``prompt`` as a list of messages, ``prompt_id``: the first row of each prompt."""
    return rows.select(prompt_of(rows).alias("prompt"), "prompt_id")
