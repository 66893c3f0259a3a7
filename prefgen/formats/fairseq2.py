"""fairseq2's preference recipes, in which Self-Taught Evaluators was trained: a source and two targets, as strings.

fairseq2 puts no chat template around the source; one that your model needs has to stand in it.
"""

import polars as pl

from prefgen.formats._pieces import PAIRS, PROMPT, answer, one_user_message, own_id, said
from prefgen.rows import drops

CONFIGS = PAIRS
FILE = "jsonl"


@drops(one_user_message)
def fairseq2(rows: pl.DataFrame) -> pl.DataFrame:
    """``id``, ``src``, ``tgt_chosen`` and ``tgt_rejected`` as strings. Holds prompts of one user message."""
    targets = [said(answer(side)).alias(f"tgt_{side}") for side in ("chosen", "rejected")]
    return rows.select(own_id(rows), said(PROMPT.list.first()).alias("src"), *targets)
