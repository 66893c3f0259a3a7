"""Two whole conversations; the prompt is what they have in common: TRL, OpenRLHF, Axolotl, torchtune, open-instruct.

The layout that most trainers read, and that of Skywork-Reward and of the config ``preferences`` itself.
"""

import polars as pl

from prefgen.formats._pieces import PAIRS, anything, own_id
from prefgen.rows import drops

CONFIGS = PAIRS
FILE = "parquet"


@drops(anything)
def conversational(rows: pl.DataFrame) -> pl.DataFrame:
    """``chosen`` and ``rejected`` as lists of messages, ``id``. Holds every row."""
    return rows.select("chosen", "rejected", own_id(rows))
