"""The two responses of each pair as responses, so that a judge of single responses can score them."""

import polars as pl

SIDES = ("chosen", "rejected")
OF_A_PAIR = {f"{side}{end}" for side in SIDES for end in ("", "_model", "_reply", "_score")}


def unpair(rows: pl.DataFrame) -> pl.DataFrame:
    """Two rows of each pair: ``side`` is "chosen" or "rejected", ``response`` its text; ids end in ``.0`` and ``.1``.

    ``pair_id`` is the pair's id. ``response_model`` and ``response_reply`` are there where the pairs have them.
    """
    keep = pl.exclude([*OF_A_PAIR & set(rows.columns), "id", "pair_id"])
    sides = [_side(rows, side).select(keep, *ADDED) for side in SIDES]
    return pl.concat(sides).sort("_row", "side").drop("_row")


ADDED = ("id", "pair_id")


def _side(rows: pl.DataFrame, side: str) -> pl.DataFrame:
    taken = {f"{side}{end}": f"response{end}" for end in ("_model", "_reply") if f"{side}{end}" in rows.columns}
    return rows.with_row_index("_row").with_columns(
        pl.col("id").alias("pair_id"),
        pl.format("{}.{}", "id", pl.lit(SIDES.index(side))).alias("id"),
        pl.col(side).alias("response"),
        *(pl.col(c).alias(name) for c, name in taken.items()),
        side=pl.lit(side),
    )
