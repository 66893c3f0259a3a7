"""The columns that judges make: one layout for all who compare, one for all who score."""

import polars as pl

from prefgen.asker import MESSAGES, Columns

WORDS: Columns = {"asked": MESSAGES, "judgment": pl.String}
"""What a judge was asked, and what it wrote."""
JUDGE: Columns = {"judge_model": pl.String, "judgment_reply": pl.String}
"""Who judged, and the reply's key in the journal."""
LABELS = ("A", "B")
PAIR = ("response_a", "response_b")
"""Two responses, and the labels under which they are shown."""
COMPARED: Columns = {**WORDS, "verdict": pl.String, **JUDGE}
SCORED: Columns = {"response_id": pl.String, **WORDS, "score": pl.Float64, **JUDGE}
