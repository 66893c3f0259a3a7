"""Each pair in one order that the seed decides: half the judgments of both. RewardBench, arXiv:2403.13787.

RewardBench draws the order from a generator without a seed, and its scores move by points from run to run
(allenai/reward-bench, issue 272): here the seed and the pair's id decide it, and nothing else.
"""

import polars as pl

from prefgen.rows import shuffled


def one_order(rows: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """One row of each pair: ``.ab`` where the chosen response is shown first, ``.ba`` where it is second.

    Adds what ``both_orders`` adds: response_a and response_b (as shown), gold ("A" or "B": where the chosen one
    stands) and pair_id. The row is one of the two that ``both_orders`` makes, so its judgment is one of theirs.
    """
    chosen_first = shuffled(seed, "one_order") % 2 == 0
    return rows.with_columns(
        pl.when(chosen_first).then(pl.lit("A")).otherwise(pl.lit("B")).alias("gold"),
        pl.col("id").alias("pair_id"),
        pl.concat_str("id", pl.when(chosen_first).then(pl.lit(".ab")).otherwise(pl.lit(".ba"))).alias("id"),
        pl.when(chosen_first).then("chosen").otherwise("rejected").alias("response_a"),
        pl.when(chosen_first).then("rejected").otherwise("chosen").alias("response_b"),
    )
