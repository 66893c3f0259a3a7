"""What of a run's tables a trainer loads, in Parquet: all of it, or what was there before."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from prefgen.configs import CONFIGS, arrow_schema, nullable, preferences_text
from prefgen.errors import RunError
from prefgen.folders import no_room, placed
from prefgen.rows import because
from prefgen.splits import TRAIN, Splits
from prefgen.stamp import stamped
from prefgen.tablefile import GROUP, TableFile

__all__ = ["CONFIGS", "write"]

SHARD_BYTES = 500_000_000
"""Size at which a config goes on in another file, as ``datasets`` has it."""

Frames = pl.DataFrame | Iterable[pl.DataFrame]
Rows = Mapping[str, Mapping[str, int]]
"""The rows of each split of each config, in the order in which they are written."""


def write(
    folder: Path,
    tables: Mapping[str, Frames],
    *,
    readme: Callable[[Rows], str] | None = None,
    beside: Callable[[], Mapping[str, bytes]] = dict,
    splits: Splits | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> dict[str, dict[str, int]]:
    """Writes a dataset folder, and gives the rows of each split of each config that has any.

    ``tables`` are what the functions of ``CONFIGS`` made, each a frame or frames in order; all rows are in ``train``
    but where ``splits`` say otherwise. ``readme`` makes the card from the rows of each config, those without any
    included, and it is stamped (``prefgen.stamp``); before that, ``beside`` makes other files, by their paths in the
    folder. A config or a split without rows has no files, for an empty split cannot be loaded. The folder is put in
    place of an older one when all of it is on disk. The bytes depend on the rows alone, not on how they were cut into
    frames. Raises RunError for a full disk and for a row that is no preference.
    """
    counts: dict[str, dict[str, int]] = {}
    with settled(folder) as fresh:
        for config, frames in tables.items():
            counts |= _write_config(fresh, config, frames, splits, shard_bytes)
        for name, content in beside().items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).write_bytes(content)
        if readme:
            (fresh / "README.md").write_text(stamped(readme(counts), fresh), encoding="utf-8", newline="\n")
    return {config: rows for config, rows in counts.items() if rows}


@contextmanager
def settled(folder: Path) -> Iterator[Path]:
    """Gives an empty folder to write to; puts it in the place of ``folder`` when all of it is on disk. Raises RunError
    for a full disk; then, and after any other fault, what was there stays.
    """
    try:
        with placed(folder) as fresh:
            yield fresh
    except OSError as e:
        raise no_room(folder, e) from e


def _write_config(
    folder: Path, config: str, frames: Frames, splits: Splits | None, shard_bytes: int
) -> dict[str, dict[str, int]]:
    names = ("preferences", "preferences_text") if config == "preferences" else (config,)
    order = (TRAIN, *splits.shares) if splits else (TRAIN,)
    shards = {name: {split: Shards(folder / name, split, shard_bytes) for split in order} for name in names}
    for rows in [frames] if isinstance(frames, pl.DataFrame) else frames:
        _check(config, rows)
        for name in names:
            made = preferences_text(rows) if name == "preferences_text" else rows
            for split, part in (splits.parted(name, made) if splits else {TRAIN: made}).items():
                shards[name][split].add(part)
    counts = {name: {split: one.close() for split, one in of.items()} for name, of in shards.items()}
    return {name: {split: rows for split, rows in of.items() if rows} for name, of in counts.items()}


class Shards:
    """The files of one split of a config, cut after the row group with which one passes the size limit. They are
    numbered from ``first``, for so many are there already.
    """

    def __init__(self, folder: Path, split: str, limit: int = SHARD_BYTES, *, first: int = 0) -> None:
        self.folder, self.split, self.limit, self.first, self.rows = folder, split, limit, first, 0
        self.files: list[TableFile] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Takes rows, one row group at a time."""
        for part in _groups(rows, GROUP - self.rows % GROUP):
            if self.rows % GROUP == 0 and (not self.files or self._full()):
                self._begin()
            self.files[-1].add(part)
            self.rows += part.height

    def close(self) -> int:
        """Names the files, now that it is known how many they are; gives the number of rows."""
        if self.files:
            self.files[-1].close()
        whole = self.first + len(self.files)
        for place, file in enumerate(self.files, self.first):
            file.path.rename(self.folder / f"{self.split}-{place:05d}-of-{whole:05d}.parquet")
        return self.rows

    def _full(self) -> bool:
        return self.files[-1].partial.stat().st_size >= self.limit

    def _begin(self) -> None:
        if self.files:
            self.files[-1].close()
        path = self.folder / f".part-{self.split}-{len(self.files)}.parquet"
        self.files.append(TableFile(path, arrow_schema(self.folder.name), chunked=True))


def _groups(rows: pl.DataFrame, first: int) -> Iterator[pl.DataFrame]:
    """The rows in pieces: the first fills up the row group that is open, the others are one each."""
    if rows.is_empty():
        return
    starts = [0, *range(first, rows.height, GROUP)]
    for start, end in zip(starts, [*starts[1:], rows.height], strict=True):
        yield rows[start:end]


def _check(config: str, rows: pl.DataFrame) -> None:
    """Raises RunError for the first row that a trainer would stumble over."""
    wrong = [
        (f"has no {column}", pl.col(column).is_null()) for column in rows.columns if column not in nullable(config)
    ]
    if config in {"preferences", "judge_preferences"}:
        wrong += _no_pair(rows)
    bad = rows.with_columns(because(*wrong).alias("wrong")).filter(pl.col("wrong").is_not_null()).head(1)
    for row in bad.iter_rows(named=True):
        name = row.get("judge_pair_id") or row.get("judgment_id") or row.get("pair_id") or row.get("response_id")
        raise RunError(f"{config}: the row {name} {row['wrong']}; the verb that made it has a fault")


def _no_pair(rows: pl.DataFrame) -> list[tuple[str, pl.Expr]]:
    """What makes two conversations no preference pair."""
    last, before = (
        {side: pl.col(side).list.get(at, null_on_oob=True).struct.field("role") for side in SIDES} for at in (-1, -2)
    )
    start, whole = _alike(rows)
    return [
        ("does not end with the assistant", pl.any_horizontal(turn != "assistant" for turn in last.values())),
        ("does not answer a user or a tool", ~before["chosen"].is_in(["user", "tool"]).fill_null(value=False)),
        ("answers two different prompts", ~pl.lit(start)),
        ("has the same response as chosen and rejected", pl.lit(whole)),
    ]


SIDES = ("chosen", "rejected")


def _alike(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Whether each row's two conversations are alike but for their last turns, and whether they are alike as a whole:
    turn by turn, which takes a tenth of the time of comparing lists.
    """
    lengths = [pl.col(side).list.len() for side in SIDES]
    numbered = rows.select(pl.int_range(pl.len()).alias("place"), *SIDES)
    turns = numbered.filter(lengths[0] == lengths[1], lengths[0] > 0).explode(SIDES)
    fields = [
        pl.col("chosen").struct.field(name).eq_missing(pl.col("rejected").struct.field(name))
        for name in ("role", "content")
    ]
    same = pl.all_horizontal(fields)
    last = pl.col("place") != pl.col("place").shift(-1)
    told = turns.select("place", same.alias("whole"), (same | last.fill_null(value=True)).alias("start"))
    each = told.group_by("place").agg(pl.col("start", "whole").all())
    found = numbered.select("place").join(each, on="place", how="left", maintain_order="left")
    return tuple(found[name].fill_null(value=False) for name in ("start", "whole"))  # type: ignore[return-value]
