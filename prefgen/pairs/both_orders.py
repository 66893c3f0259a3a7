"""Each pair in both orders, so that no verdict can come from a place. Self-Taught Evaluators, arXiv:2408.02666."""

import polars as pl


def both_orders(rows: pl.DataFrame) -> pl.DataFrame:
    """Two rows of each pair: ``.ab`` shows the chosen response first, ``.ba`` second.

    Adds response_a and response_b (as shown), gold ("A" or "B": where the chosen one stands) and pair_id.
    """
    shown = rows.with_columns(pl.concat_list(pl.lit("A"), pl.lit("B")).alias("gold")).explode("gold")
    chosen_first = pl.col("gold") == "A"
    return shown.with_columns(
        pl.col("id").alias("pair_id"),
        pl.concat_str("id", pl.when(chosen_first).then(pl.lit(".ab")).otherwise(pl.lit(".ba"))).alias("id"),
        pl.when(chosen_first).then("chosen").otherwise("rejected").alias("response_a"),
        pl.when(chosen_first).then("rejected").otherwise("chosen").alias("response_b"),
    )
