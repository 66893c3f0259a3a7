"""Each row with entries of a list that the seed draws: a principle to answer by, a request to criticise by."""

from pathlib import Path

import polars as pl

from prefgen import bounds
from prefgen.rows import shuffled

TOP = 2.0**64
AT_ONCE = 500_000
"""Rows times entries that are looked at at once: what bounds memory."""


def draw(rows: pl.DataFrame, *, among: Path, n: int = 1, seed: int = 0) -> pl.DataFrame:
    """Every row ``n`` times, each with the columns of another entry of a JSONL file, drawn without replacement.

    Entries with a column ``weight`` are drawn in proportion to it (by exponential keys: Efraimidis and Spirakis 2006),
    the others evenly; ``entry`` is the place in the file. Of n above 1 the ids get the draw's number, and ``turn``
    holds it: with a pool of models (``use: [a, b]``) the rows of a prompt then take them by turns. A column that is
    there already is drawn anew. Files that come with prefgen: ultrafeedback_principles.jsonl, constitution.jsonl,
    contrast_affixes.jsonl. Raises ValueError where the file cannot be read or has fewer than ``n`` entries.
    """
    among = Path(among)  # which may be text where it is called by hand
    entries = _entries(among)
    if not 1 <= n <= entries.height:
        raise ValueError(f"n must be from 1 to {entries.height}, the entries of {among.name}; it is {n}")
    rows = rows.drop(set(entries.columns) | {"turn"}, strict=False)
    some = max(1, AT_ONCE // entries.height)  # rows: which entries each has is settled by itself
    drawn = pl.concat(
        [_drawn(part["id"], entries, n, seed) for part in rows.iter_slices(some)]
        or [_drawn(rows["id"], entries, n, seed)]
    )
    made = rows.select(pl.all().repeat_by(n).explode()) if n > 1 else rows
    made = made.with_columns(drawn).join(entries.drop("weight"), on="entry", how="left", maintain_order="left")
    return made.drop("turn") if n == 1 else made.with_columns(pl.format("{}.{}", "id", "turn").alias("id"))


def _drawn(ids: pl.Series, entries: pl.DataFrame, n: int, seed: int) -> pl.DataFrame:
    """For each row, one after the other, ``n`` times: ``entry``, and ``turn``, which is the place of the draw."""
    both = ids.to_frame("id").with_row_index("_row").join(entries.select("entry", "weight"), how="cross")
    both = both.with_columns(pl.format("{}/{}", "id", "entry").alias("_of"))
    share = (shuffled(seed, "draw", of="_of").cast(pl.Float64) + 0.5) / TOP
    place = (-share.log() / pl.col("weight")).rank("ordinal").over("_row") - 1
    placed = both.with_columns(place.cast(pl.Int64).alias("turn")).filter(pl.col("turn") < n).sort("_row", "turn")
    return placed.select("entry", "turn")


def _entries(path: Path) -> pl.DataFrame:
    """The file's entries with their places and weights."""
    try:
        found = pl.read_ndjson(bounds.whole(path), infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as e:
        why = getattr(e, "strerror", None) or str(e).splitlines()[0]
        raise ValueError(f"among must be a JSONL file that can be read; {path}: {why}") from e
    weight = pl.col("weight").cast(pl.Float64) if "weight" in found.columns else pl.lit(1.0)
    found = found.with_columns(weight.alias("weight")).with_row_index("entry").cast({"entry": pl.Int64})
    return found.filter(pl.col("weight") > 0)
