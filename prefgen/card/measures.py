"""What a card looks at of all pairs, without their texts and in memory that does not grow with them: of a few the
numbers are held, of many they lie in a file without a name.
"""

import weakref
from collections.abc import Iterator
from itertools import chain
from tempfile import TemporaryFile, gettempdir
from typing import IO, Any

import polars as pl

from prefgen.errors import RunError
from prefgen.judged import pair_measures

HELD = 10_000
"""Pairs whose numbers are held, and that are read at once."""
NUMBERS = ("chosen_characters", "rejected_characters", "chosen_score", "rejected_score")
MODELS = ("chosen_model", "rejected_model")


class Measures:
    """The numbers of pairs (NUMBERS) in frames of HELD rows, the same ones however the pairs came in; and how often
    which models met. Raises RunError for a full disk.
    """

    def __init__(self) -> None:
        self.height = 0
        self.held = pl.DataFrame(schema=dict.fromkeys(NUMBERS, pl.Float64))
        self.met = pl.DataFrame(schema={**dict.fromkeys(MODELS, pl.String), "n": pl.UInt32})
        self.file: IO[bytes] | None = None

    def add(self, pairs: pl.DataFrame) -> None:
        """Takes pairs as ``preferences`` has them."""
        measured = pair_measures(pairs)
        self.height += measured.height
        met = measured.group_by(MODELS, maintain_order=True).agg(pl.len().alias("n"))
        self.met = pl.concat([self.met, met]).group_by(MODELS, maintain_order=True).agg(pl.col("n").sum())
        self.held = pl.concat([self.held, measured.select(pl.col(name).cast(pl.Float64) for name in NUMBERS)])
        while self.held.height >= HELD:
            self._write(self.held[:HELD])
            self.held = self.held[HELD:]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return chain(self._read(), [self.held] if self.held.height else [])

    def _write(self, rows: pl.DataFrame) -> None:
        try:
            if self.file is None:
                self.file = TemporaryFile()  # noqa: SIM115  # it ends with its owner
                weakref.finalize(self, self.file.close)
            self.file.seek(0, 2)
            self.file.write(rows.to_numpy(order="c").tobytes())
            self.file.flush()
        except OSError as e:
            cure = "make room there, or name another folder with TMPDIR, and run the same command again"
            raise RunError(f"{gettempdir()}: {e.strerror}; {cure}") from e

    def _read(self) -> Iterator[pl.DataFrame]:
        import numpy as np

        size, place = HELD * len(NUMBERS) * 8, 0
        while self.file:
            self.file.seek(place)
            if not (block := self.file.read(size)):
                return
            place += size
            rows: Any = np.frombuffer(block).reshape(-1, len(NUMBERS))
            yield pl.DataFrame(rows, schema=NUMBERS).fill_nan(None)
