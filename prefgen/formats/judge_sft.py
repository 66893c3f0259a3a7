"""What a judge was asked and what it wrote, as prompt and completion: TRL's SFT trainer, with the loss on the judgment
(arXiv:2408.02666).
"""

import polars as pl

from prefgen.formats._pieces import anything, own_id
from prefgen.rows import drops

CONFIGS = ("judge_sft",)
FILE = "parquet"


@drops(anything)
def judge_sft(rows: pl.DataFrame) -> pl.DataFrame:
    """``prompt`` and ``completion`` as lists of messages, ``id``. Holds every row."""
    return rows.select("prompt", "completion", own_id(rows))
