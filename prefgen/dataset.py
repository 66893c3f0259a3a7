"""What of a run's tables a trainer loads, in Parquet: all of it, or what was there before."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from prefgen.configs import CONFIGS, arrow_schema, nullable, preferences_text
from prefgen.errors import RunError
from prefgen.rows import because
from prefgen.tablefile import GROUP, TableFile, no_room

__all__ = ["CONFIGS", "write"]

SHARD_BYTES = 500_000_000
"""Size at which a config goes on in another file, as ``datasets`` has it."""

Frames = pl.DataFrame | Iterable[pl.DataFrame]


def write(
    folder: Path,
    tables: Mapping[str, Frames],
    *,
    readme: Callable[[Mapping[str, int]], str] | None = None,
    beside: Callable[[], Mapping[str, bytes]] = dict,
    shard_bytes: int = SHARD_BYTES,
) -> dict[str, int]:
    """Writes a dataset folder, and gives the rows of each config that has any.

    ``tables`` are what the functions of ``CONFIGS`` made, each a frame or frames in order; ``readme`` makes the card
    from the rows of each config, 0 included; before that, ``beside`` makes other files, by their paths in the folder. A
    config without rows has no files, for an empty split cannot be loaded. The folder is put in place of an older one
    when all of it is on disk. The bytes depend on the rows alone, not on how they were cut into frames. Raises RunError
    for a full disk and for a row that is no preference.
    """
    fresh = folder.with_name(f".{folder.name}.new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        counts: dict[str, int] = {}
        for config, frames in tables.items():
            counts |= _write_config(fresh, config, frames, shard_bytes)
        for name, content in beside().items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).write_bytes(content)
        if readme:
            (fresh / "README.md").write_text(readme(counts), encoding="utf-8", newline="\n")
        _settle(fresh)
        _swap(fresh, folder)
    except OSError as e:
        raise no_room(folder, e) from e
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return {config: rows for config, rows in counts.items() if rows}


def _write_config(folder: Path, config: str, frames: Frames, shard_bytes: int) -> dict[str, int]:
    names = ("preferences", "preferences_text") if config == "preferences" else (config,)
    shards = {name: _Shards(folder / name, shard_bytes) for name in names}
    for rows in [frames] if isinstance(frames, pl.DataFrame) else frames:
        _check(config, rows)
        for name in names:
            shards[name].add(preferences_text(rows) if name == "preferences_text" else rows)
    return {name: shards[name].close() for name in names}


class _Shards:
    """The files of one config, cut after the row group with which one passes the size limit."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit, self.rows = folder, limit, 0
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
        for place, file in enumerate(self.files):
            file.path.rename(self.folder / f"train-{place:05d}-of-{len(self.files):05d}.parquet")
        return self.rows

    def _full(self) -> bool:
        return self.files[-1].partial.stat().st_size >= self.limit

    def _begin(self) -> None:
        if self.files:
            self.files[-1].close()
        path = self.folder / f"part-{len(self.files)}.parquet"
        self.files.append(TableFile(path, arrow_schema(self.folder.name)))


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
        wrong += _no_pair()
    bad = rows.with_columns(because(*wrong).alias("wrong")).filter(pl.col("wrong").is_not_null()).head(1)
    for row in bad.iter_rows(named=True):
        name = row.get("judge_pair_id") or row.get("judgment_id") or row.get("pair_id") or row.get("response_id")
        raise RunError(f"{config}: the row {name} {row['wrong']}; the verb that made it has a fault")


def _no_pair() -> list[tuple[str, pl.Expr]]:
    """What makes two conversations no preference pair."""
    start = {side: pl.col(side).list.head(pl.col(side).list.len() - 1) for side in ("chosen", "rejected")}
    turns = [pl.col(side).list.get(-1, null_on_oob=True).struct.field("role") for side in start]
    before = start["chosen"].list.get(-1, null_on_oob=True).struct.field("role")
    return [
        ("does not end with the assistant", pl.any_horizontal(turn != "assistant" for turn in turns)),
        ("does not answer a user", before.is_null() | (before != "user")),
        ("answers two different prompts", start["chosen"] != start["rejected"]),
        ("has the same response as chosen and rejected", pl.col("chosen") == pl.col("rejected")),
    ]


def _settle(folder: Path) -> None:
    """Waits until a folder and all in it are on stable storage."""
    if os.name != "posix":  # elsewhere folders cannot be opened
        return
    for path in (*folder.rglob("*"), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(fresh: Path, folder: Path) -> None:
    """Puts a folder in place of another one; that one stays where the last step fails."""
    old = folder.with_name(f".{folder.name}.old")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
