"""The columns of a pair that a generator makes."""

import polars as pl

from prefgen.asker import Columns

PAIR: Columns = {
    "chosen": pl.String,
    "rejected": pl.String,
    "chosen_model": pl.String,
    "rejected_model": pl.String,
    "chosen_reply": pl.String,
    "rejected_reply": pl.String,
}
"""The two responses, who wrote them, and the keys of their replies in the journal."""
