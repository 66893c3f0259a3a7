"""Single responses, wanted or not: TRL's KTO and BCO trainers (unpaired preference, arXiv:2402.01306)."""

import polars as pl

from prefgen.conversations import twos
from prefgen.formats._pieces import PAIRS, PROMPT, answer, anything, own_id
from prefgen.rows import drops

CONFIGS = PAIRS
FILE = "parquet"


@drops(anything)
def kto(rows: pl.DataFrame) -> pl.DataFrame:
    """``prompt`` and ``completion`` as lists of messages, ``label``, ``id`` (the pair's): two rows of each pair, the
    wanted one first. A response that stands in several pairs comes as often. Holds every row.
    """
    sides = _labelled("chosen", label=True).alias("chosen"), _labelled("rejected", label=False).alias("rejected")
    both = twos(*rows.select(*sides)).alias("both")
    apart = rows.select(PROMPT.alias("prompt"), both, own_id(rows)).explode("both").unnest("both")
    return apart.select("prompt", "completion", "label", "id")


def _labelled(side: str, *, label: bool) -> pl.Expr:
    return pl.struct(pl.concat_list(answer(side)).alias("completion"), pl.lit(label).alias("label"))
