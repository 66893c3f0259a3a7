"""A run with very many pairs, written directly."""

from pathlib import Path

import polars as pl

from prefgen.tablefile import TableFile
from tests.browse.planted import written

AT_ONCE = 10_000


def million(folder: Path, n: int) -> tuple[Path, int]:
    """A folder with n pairs, each judged in both orders, and how many of them were dropped: those whose judge likes the
    first place.
    """
    names = ("pairs", "judgments", "agreed", "agreed.dropped")
    files = {name: TableFile(folder / "tables" / f"{name}.parquet") for name in names}
    dropped = 0
    for start in range(0, n, AT_ONCE):
        pairs = _pairs(range(start, min(start + AT_ONCE, n)))
        judged = _judged(pairs)
        both = judged.select((pl.col("verdict") == pl.col("gold")).all().over("pair_id")).to_series()
        files["pairs"].add(pairs)
        files["judgments"].add(judged)
        files["agreed"].add(judged.filter(both))
        lost = judged.filter(~both).select(
            "prompt_id", "id", dropped=pl.lit("agreement under 1"), detail=pl.lit(None, pl.String)
        )
        files["agreed.dropped"].add(lost)
        dropped += lost.height // 2
    for file in files.values():
        file.close()
    steps = [
        ("pairs", "perturb", []),
        ("judgments", "compare", ["pairs"]),
        ("agreed", "verdict_agreement", ["judgments"]),
    ]
    return written(folder, {}, steps, {"preferences": "agreed"}), dropped


def _pairs(numbers: range) -> pl.DataFrame:
    i = pl.DataFrame({"i": numbers})
    name, number = pl.col("i").cast(pl.String).str.zfill(16), pl.col("i").cast(pl.String)
    asked = pl.struct(role=pl.lit("user"), content=pl.lit("Question ") + number + pl.lit(" what? " * 30))
    return i.select(
        prompt_id=name,
        id=name + ".0",
        prompt=pl.concat_list(asked),
        category=pl.lit("kind ") + (pl.col("i") % 7).cast(pl.String),
        chosen=pl.lit("Better answer ") + number + pl.lit(" lorem ipsum" * 60),
        rejected=pl.lit("Worse answer ") + number + pl.lit(" dolor sit amet" * 60),
        chosen_score=(pl.col("i") % 11).cast(pl.Float64),
        rejected_score=(pl.col("i") % 5).cast(pl.Float64),
    )


def _judged(pairs: pl.DataFrame) -> pl.DataFrame:
    both = pairs.with_columns(gold=pl.concat_list(pl.lit("A"), pl.lit("B"))).explode("gold")
    order = pl.when(pl.col("gold") == "A").then(pl.lit(".ab.0")).otherwise(pl.lit(".ba.0"))
    verdict = pl.when(pl.col("chosen_score") < 3).then(pl.lit("A")).otherwise("gold")
    kept = ("prompt_id", "prompt", "category", "chosen", "rejected", "gold")
    return both.select(
        *kept,
        id=pl.col("id") + order,
        pair_id="id",
        verdict=verdict,
        judge_model=pl.lit("judge/x"),
        judgment=pl.lit("I think so of ") + pl.col("id") + pl.lit(" because" * 20),
    )
