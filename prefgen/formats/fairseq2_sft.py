"""fairseq2's instruction finetuning: a source and a target, as strings; of what a judge was asked and wrote."""

import polars as pl

from prefgen.formats._pieces import no_single_text, own_id, said
from prefgen.rows import drops

CONFIGS = ("judge_sft",)
FILE = "jsonl"


def _unfit() -> pl.Expr:
    return no_single_text(pl.col("prompt"))


@drops(_unfit)
def fairseq2_sft(rows: pl.DataFrame) -> pl.DataFrame:
    """``id``, ``src`` and ``tgt`` as strings. Holds prompts of one user message."""
    source, target = (said(pl.col(column).list.first()) for column in ("prompt", "completion"))
    return rows.select(own_id(rows), source.alias("src"), target.alias("tgt"))
