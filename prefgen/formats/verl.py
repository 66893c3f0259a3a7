"""Prompts for verl's PPO and GRPO, each once; a reward model scores, for no ground truth is known.

verl's RMDataset reads ``text``, and puts no chat template around it.
"""

import polars as pl

from prefgen.formats._pieces import PROMPTS, asked_before, prompt_of
from prefgen.rows import drops, whole

CONFIGS = PROMPTS
FILE = "parquet"


@whole
@drops(asked_before)
def verl(rows: pl.DataFrame) -> pl.DataFrame:
    """``data_source``, ``prompt`` as a list of messages, ``ability``, ``reward_model`` (``style`` "model", an empty
    ``ground_truth``) and ``extra_info`` (``index``, ``prompt_id``): the first row of each prompt.
    """
    reward = pl.struct(pl.lit("model").alias("style"), pl.lit("").alias("ground_truth"))
    extra = pl.struct(pl.int_range(pl.len(), dtype=pl.Int64).alias("index"), "prompt_id")
    told = {"data_source": pl.lit("prefgen"), "prompt": prompt_of(rows), "ability": pl.lit("chat")}
    return rows.select(**told, reward_model=reward, extra_info=extra)
