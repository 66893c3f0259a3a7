"""What of a run's tables a trainer loads: exactly the columns of ``schemas/``, in Parquet, all of it or nothing.

Two configs hold the pairs, because no one layout loads in every trainer: ``preferences`` as whole conversations
without a prompt column (TRL, Axolotl, OpenRLHF, torchtune), ``preferences_text`` as strings (LLaMA-Factory,
NeMo-RL). No column has a name that a trainer takes for something else, such as ``margin`` or ``labels``.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from prefgen.errors import RunError
from prefgen.resources import resources
from prefgen.rows import because
from prefgen.tablefile import GROUP, TableFile, no_room

if TYPE_CHECKING:
    import pyarrow as pa

SHARD_BYTES = 500_000_000
"""Size at which a config goes on in another file, as ``datasets`` has it."""

Frames = pl.DataFrame | Iterable[pl.DataFrame]


# --- the configs ----------------------------------------------------------------------------


def preferences(rows: pl.DataFrame) -> pl.DataFrame:
    """Pairs as whole conversations, one row a pair: of a table of judgments, each pair's first, with the replies of
    all of its judgments.
    """
    pairs = rows.with_columns(_column(rows, "pair_id", "id").alias("pair_id"), judgment_replies=_replies(rows))
    replies = pairs.group_by("pair_id", maintain_order=True).agg(pl.col("judgment_replies").explode().drop_nulls())
    whole = pairs.drop("judgment_replies").join(replies, on="pair_id", how="left", maintain_order="left")
    whole = whole.filter(pl.col("pair_id").is_first_distinct())
    return _shaped("preferences", whole.with_columns(chosen=_ended("chosen"), rejected=_ended("rejected")))


def preferences_text(pairs: pl.DataFrame) -> pl.DataFrame:
    """The rows of ``preferences`` whose prompt is one user message, as strings; the others have no such form."""
    first = pl.col("chosen").list.first().struct
    alone = pairs.filter(pl.col("chosen").list.len() == 2, first.field("role") == "user")
    last = {side: pl.col(side).list.last().struct.field("content") for side in ("chosen", "rejected")}
    return _shaped("preferences_text", alone.with_columns(prompt=first.field("content"), **last))


def judgments(rows: pl.DataFrame) -> pl.DataFrame:
    """Every judgment of a table, of pairs or of single responses."""
    return _shaped("judgments", rows.with_columns(judgment_id="id", judgment_replies=_replies(rows)))


def judge_sft(rows: pl.DataFrame) -> pl.DataFrame:
    """What a judge was asked and what it wrote, as prompt and completion: the loss is on the judgment alone
    (arXiv:2408.02666). A judge that writes nothing has nothing to teach this way.
    """
    said = rows.filter(pl.col("asked").is_not_null(), pl.col("judgment").is_not_null())
    completion = pl.concat_list(_turn("judgment"))
    told = said.with_columns(prompt="asked", completion=completion, judgment_id="id", judgment_replies=_replies(rows))
    return _shaped("judge_sft", told)


def responses(rows: pl.DataFrame) -> pl.DataFrame:
    """Every response of a table as a conversation, once, with its score where it has one: single judgments that
    differ are not its score.
    """
    told = rows.with_columns(messages=_ended("response"), response_id=_column(rows, "response_id", "id"))
    if "score" in rows.columns:
        agreed = pl.col("score").n_unique().over("response_id") == 1
        told = told.with_columns(pl.when(agreed).then("score").alias("score"))
    return _shaped("responses", told.filter(pl.col("response_id").is_first_distinct()))


CONFIGS: Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "preferences": preferences,
    "judgments": judgments,
    "judge_sft": judge_sft,
    "responses": responses,
}
"""What a recipe's ``write:`` may name. ``preferences`` brings ``preferences_text`` with it."""


def _turn(text: str) -> pl.Expr:
    """A column of text as the assistant's turn."""
    return pl.struct(pl.lit("assistant").alias("role"), pl.col(text).cast(pl.String).alias("content"))


def _ended(text: str) -> pl.Expr:
    """The prompt's conversation, ended by a column of text."""
    return pl.concat_list("prompt", pl.concat_list(_turn(text)))


def _column(rows: pl.DataFrame, *names: str) -> pl.Expr:
    """The first of these columns that a table has; its last, asked for, where it has none."""
    return pl.col(next((name for name in names if name in rows.columns), names[-1]))


def _replies(rows: pl.DataFrame) -> pl.Expr:
    """The journal keys of a row's judgments: a list, a single one, or none."""
    if "judgment_replies" in rows.columns:
        return pl.col("judgment_replies").cast(pl.List(pl.String)).fill_null([])
    if "judgment_reply" in rows.columns:
        return pl.concat_list("judgment_reply").list.drop_nulls()
    return pl.lit([], dtype=pl.List(pl.String))


def _shaped(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The columns of a schema, in its order and types. One that may be null may be missing; a table without
    one of the others fails, in a plan as in a run.
    """
    types = pl.DataFrame(arrow_schema(name).empty_table()).schema
    missing = _nullable(name) - set(rows.columns)
    return rows.select(pl.lit(None, t).alias(c) if c in missing else pl.col(c).cast(t) for c, t in types.items())


# --- schemas --------------------------------------------------------------------------------


@cache
def json_schema(name: str) -> dict[str, Any]:
    """The JSON schema of one row of a config."""
    found: dict[str, Any] = json.loads((resources("schemas") / f"{name}.json").read_text(encoding="utf-8"))
    return found


@cache
def arrow_schema(name: str) -> "pa.Schema":
    """The Arrow schema of a config, made from its JSON schema."""
    import pyarrow as pa

    whole = json_schema(name)
    return pa.schema([(column, _arrow(of, whole)) for column, of in whole["properties"].items()])


def _arrow(of: Mapping[str, Any], whole: Mapping[str, Any]) -> "pa.DataType":
    import pyarrow as pa

    if "$ref" in of:
        return _arrow(whole["$defs"][of["$ref"].rpartition("/")[2]], whole)
    (kind,) = _kinds(of) - {"null"}
    if kind == "array":
        return pa.list_(_arrow(of["items"], whole))
    if kind == "object":
        return pa.struct([(field, _arrow(inner, whole)) for field, inner in of["properties"].items()])
    return {"string": pa.string(), "number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}[kind]


def _kinds(of: Mapping[str, Any]) -> set[str]:
    return {of["type"]} if isinstance(of["type"], str) else set(of["type"])


def _nullable(name: str) -> set[str]:
    return {column for column, of in json_schema(name)["properties"].items() if "null" in _kinds(of)}


# --- writing --------------------------------------------------------------------------------


def write(
    folder: Path,
    tables: Mapping[str, Frames],
    *,
    readme: Callable[[Mapping[str, int]], str] | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> dict[str, int]:
    """Writes a dataset folder, and gives the rows of each config that has any.

    ``tables`` are what the functions of ``CONFIGS`` made, each a frame or frames in order; ``readme`` makes the card
    from the rows of each config, 0 included. A config without rows has no files, for an empty split cannot be
    loaded. The folder is put in place of an older one when all of it is on disk. The bytes depend on the rows
    alone, not on how they were cut into frames. Raises RunError for a full disk and for a row that is no preference.
    """
    fresh = folder.with_name(f".{folder.name}.new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        counts: dict[str, int] = {}
        for config, frames in tables.items():
            counts |= _write_config(fresh, config, frames, shard_bytes)
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
        (f"has no {column}", pl.col(column).is_null()) for column in rows.columns if column not in _nullable(config)
    ]
    if config == "preferences":
        wrong += _no_pair()
    bad = rows.with_columns(because(*wrong).alias("wrong")).filter(pl.col("wrong").is_not_null()).head(1)
    for row in bad.iter_rows(named=True):
        name = row.get("judgment_id") or row.get("pair_id") or row.get("response_id")
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
