"""One split while it is gone through: what was found in each of its rows, and what is needed of it later, on disk.

The rows themselves go by some thousand at a time. On disk stay their prompts, the beginnings of their responses to be
shown, and numbers; in memory the counts, and some examples of each finding.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.audit.checks import CHECKS, Check, alike, plain
from prefgen.audit.columns import MODELS, SCORES
from prefgen.audit.whole import digests
from prefgen.tablefile import TableFile, parquet

EXAMPLES = 5
"""Rows of each finding that are shown."""
SHOWN = 400
"""Characters of each text that are shown."""
FLAGS = {
    "finding": pl.String,
    "config": pl.String,
    "split": pl.String,
    "row": pl.UInt64,
    "pair": pl.UInt32,
    "why": pl.String,
}
"""What is written of every row that is found."""
_NUMBERS = ["row", "place", "p", "q", "c", "r", "empty"]


@dataclass
class Part:
    """One split: its rows, its pairs, the rows of which nothing could be read (``gone``), what could not be read and
    why, and how often each check found something in how many.
    """

    config: str
    split: str
    place: Path
    flags: TableFile
    rows: int = 0
    pairs: int = 0
    gone: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    benchmarks: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.file = TableFile(self.place)

    # --- rows that go by ---

    def add(self, rows: pl.DataFrame) -> None:
        """Looks at some rows in the audit's shape, and keeps what is needed of them."""
        self.rows += rows["row"].n_unique()
        gone = rows.filter(pl.col("why").is_not_null())
        self.unread.update(gone["why"].to_list())
        self._note("unread", gone, gone["why"])
        read = rows.filter(pl.col("why").is_null()).with_columns(alike(rows.filter(pl.col("why").is_null())))
        self.pairs += read.height
        self.gone += rows["row"].n_unique() - read["row"].n_unique()
        for check in CHECKS:
            self._check(check, read)
        self.file.add(_kept(read))

    def _check(self, check: Check, rows: pl.DataFrame) -> None:
        if check.mark is None:
            return
        self.told[check.name] += int(rows.select(check.applies().sum()).item())
        why = check.mark(rows)
        found = why.is_not_null()
        if found.any():
            self.note(check.name, rows.filter(found), why.filter(found))

    def note(self, name: str, rows: pl.DataFrame, why: pl.Series) -> None:
        """Counts rows that a check found, and writes them down."""
        self.counts[name] += rows.height
        self._note(name, rows, why)

    def _note(self, name: str, rows: pl.DataFrame, why: pl.Series) -> None:
        if rows.is_empty():
            return
        known = {"finding": pl.lit(name), "config": pl.lit(self.config), "split": pl.lit(self.split)}
        self.flags.add(rows.select(**known, row="row", pair="place", why=why.cast(pl.String)).cast(FLAGS))  # type: ignore[arg-type]
        own = self.examples.setdefault(name, [])
        some = rows.head(EXAMPLES - len(own))
        heads = [pl.col(one).str.slice(0, SHOWN) for one in ("prompt", "chosen", "rejected")]
        shown = some.select(*heads, split=pl.lit(self.split), row="row", pair="place", why=why.head(some.height))
        own += shown.to_dicts()

    # --- afterwards ---

    def close(self) -> None:
        """Ends the file of what is kept."""
        self.file.close()

    def numbers(self) -> pl.DataFrame:
        """The numbers by which rows are told apart, and ``n``, their place."""
        return pl.read_parquet(self.place, columns=_NUMBERS).with_row_index("n")

    def measures(self) -> Iterator[pl.DataFrame]:
        """Lengths, models and scores, some rows at a time."""
        columns = [*LENGTHS, *MODELS, *SCORES, "first"]
        yield from self._batches(columns)

    def prompts(self, of: pl.Series) -> Iterator[pl.DataFrame]:
        """The prompts of the rows at these places (``n``, ``prompt``), some at a time."""
        start, asked = 0, pl.Series([False]).new_from_index(0, self.pairs).scatter(of, values=True)
        for rows in self._batches(["prompt"]):
            some = rows.with_row_index("n", start).filter(asked.slice(start, rows.height))
            start += rows.height
            yield some

    def _batches(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        with parquet().ParquetFile(self.place, pre_buffer=False) as file:
            for batch in file.iter_batches(10_000, columns=columns, use_threads=False):
                yield pl.DataFrame(batch)

    def note_places(self, found: Mapping[str, pl.DataFrame]) -> None:
        """Writes down what checks of all rows found: ``n`` and ``detail`` of each row."""
        numbers = self.numbers() if any(one.height for one in found.values()) else None
        if numbers is None:
            return
        first = {name: one.sort("n").head(EXAMPLES)["n"] for name, one in found.items()}
        wanted = pl.concat([*first.values()]).unique()
        lazy = pl.scan_parquet(self.place).select("prompt", "chosen", "rejected").with_row_index("n")
        texts = lazy.filter(pl.col("n").is_in(wanted.implode())).collect(engine="streaming")
        for name, one in found.items():
            rows = one.sort("n").join(numbers.select("n", "row", "place"), on="n", how="left", maintain_order="left")
            whole = rows.join(texts, on="n", how="left", maintain_order="left")
            self.note(name, whole, whole["detail"])


LENGTHS = ("chosen_characters", "rejected_characters")


def _kept(rows: pl.DataFrame) -> pl.DataFrame:
    """What is needed of rows later."""
    numbers = digests(rows, plain("prompt"))
    return rows.select(
        "row",
        "place",
        *numbers,
        (pl.col("prompt").str.strip_chars() == "").fill_null(value=True).alias("empty"),
        "prompt",
        *(pl.col(side).str.slice(0, SHOWN) for side in ("chosen", "rejected")),
        *(pl.col(side).str.len_chars().cast(pl.Int64).alias(f"{side}_characters") for side in ("chosen", "rejected")),
        *MODELS,
        *SCORES,
        "first",
    )
