"""What `prefgen audit` costs: seconds, CPU seconds and the most memory, over generated pairs in three forms. Prints
Markdown.

python bench/audit.py [ROWS ...]

Responses have 150 words, prompts 25; one prompt in twenty nearly repeats an earlier one, and one pair in a hundred
comes again. Each audit is a process of its own.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import polars as pl

from bench.frames import texts
from bench.measure import ROOT, run

ROWS = (100_000, 1_000_000)
AT_ONCE = 50_000
"""Rows that are made together."""
WORDS = {"prompt": 25, "chosen": 150, "rejected": 150}
REPEATED, AGAIN = 0.05, 0.01
FORMS = ("text.parquet", "talks.parquet", "text.jsonl")


def pairs(rows: int, seed: int) -> pl.DataFrame:
    """Some pairs of text, with models and scores."""
    chance = np.random.default_rng(seed)
    said = [texts(rows, words, 10 * seed + n).alias(name) for n, (name, words) in enumerate(WORDS.items())]
    frame = pl.DataFrame(said).with_columns(pl.col("chosen", "rejected") + ".")
    before = (chance.random(rows) * np.arange(rows)).astype(np.int64)
    near, again = (pl.Series(chance.random(rows) < share) for share in (REPEATED, AGAIN))
    frame = frame.with_columns(
        prompt=pl.when(near).then(pl.col("prompt").gather(before) + " again").otherwise("prompt")
    )
    frame = frame.select(pl.when(again).then(pl.all().gather(before)).otherwise(pl.all()))
    return frame.with_columns(
        chosen_model=pl.format("model/{}", pl.Series(chance.integers(0, 5, rows))),
        rejected_model=pl.format("model/{}", pl.Series(chance.integers(0, 5, rows))),
        chosen_score=pl.Series(chance.integers(20, 51, rows) / 10),
        rejected_score=pl.Series(chance.integers(0, 31, rows) / 10),
        pair_id=pl.format("{}.{}", pl.lit(seed), pl.int_range(rows)),
    )


def talks(rows: pl.DataFrame) -> pl.DataFrame:
    """The same as whole conversations, as prefgen writes them."""

    def turn(role: str, name: str) -> pl.Expr:
        return pl.struct(pl.lit(role).alias("role"), pl.col(name).alias("content"))

    sides = {side: pl.concat_list(turn("user", "prompt"), turn("assistant", side)) for side in ("chosen", "rejected")}
    return rows.with_columns(**sides).drop("prompt")


def parts(rows: int) -> Iterator[pl.DataFrame]:
    """All pairs, some at a time."""
    for seed, start in enumerate(range(0, rows, AT_ONCE), 1):
        yield pairs(min(AT_ONCE, rows - start), seed)


def write(place: Path, rows: int) -> None:
    """The three files."""
    import pyarrow.parquet as pq

    first = pairs(1, 1)
    schemas = [frame.to_arrow().schema for frame in (first, talks(first))]
    with (
        pq.ParquetWriter(place / FORMS[0], schemas[0]) as text,
        pq.ParquetWriter(place / FORMS[1], schemas[1]) as talk,
        (place / FORMS[2]).open("wb") as lines,
    ):
        for some in parts(rows):
            text.write_table(some.to_arrow().cast(schemas[0]))
            talk.write_table(talks(some).to_arrow().cast(schemas[1]))
            some.write_ndjson(lines)


def main(sizes: list[int]) -> None:
    """A line for each form and size."""
    print("| form | rows | MB | seconds | CPU seconds | most memory, MB |\n|---|---:|---:|---:|---:|---:|")
    for rows in sizes:
        with TemporaryDirectory(prefix="prefgen-") as folder:
            write(Path(folder), rows)
            for form in FORMS:
                file = Path(folder) / form
                command = [sys.executable, str(ROOT / "cli.py"), "audit", str(file), "--json"]
                cost = run(command, file.with_suffix(".log"), most=3600)
                if cost.status:
                    raise SystemExit(cost.words)
                size = f"{rows:,} | {file.stat().st_size / 1e6:,.0f}"
                print(f"| {form} | {size} | {cost.wall:,.0f} | {cost.cpu:,.0f} | {cost.peak:,.0f} |", flush=True)


if __name__ == "__main__":
    main([int(one.replace("_", "")) for one in sys.argv[1:]] or list(ROWS))
