"""NeMo-RL's own layout, a context and ranked completions: its PreferenceDataset, for DPO and reward models."""

import polars as pl

from prefgen.conversations import twos
from prefgen.formats._pieces import PAIRS, PROMPT, answer, anything, own_id
from prefgen.rows import drops

CONFIGS = PAIRS
FILE = "jsonl"


@drops(anything)
def nemo_rl(rows: pl.DataFrame) -> pl.DataFrame:
    """``context`` as the prompt's messages, ``completions`` as two of ``rank`` (0: chosen, 1: rejected) and
    ``completion`` (one message), ``id``. Holds every row.
    """
    ranked = rows.select(_ranked(0, "chosen").alias("chosen"), _ranked(1, "rejected").alias("rejected"))
    return rows.select(PROMPT.alias("context"), twos(*ranked).alias("completions"), own_id(rows))


def _ranked(rank: int, side: str) -> pl.Expr:
    return pl.struct(pl.lit(rank, pl.Int64).alias("rank"), pl.concat_list(answer(side)).alias("completion"))
