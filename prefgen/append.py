"""A dataset that grows: the rows of a second run beside those that are there, as shards of their own.

    append(there, "runs/mine/dataset", "grown")

Shards that are there are kept byte for byte under their names; new ones are numbered on: after ``train-00000-of-00001``
comes ``train-00001-of-00002``, which the same glob finds, in this order. A row whose id is there is known, or changed;
prompts that are there keep their split, and near duplicates of them take it (``prefgen.splits``). Rows are streamed:
what is held in memory are ids and, where there are several splits, prompts.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from prefgen.configs import arrow_schema
from prefgen.dataset import SHARD_BYTES, Rows, Shards, settled
from prefgen.differences import IDS
from prefgen.errors import RunError
from prefgen.filters._shingles import texts_of
from prefgen.grown import Appended, regrown, same_terms
from prefgen.shardfiles import NAMES, SHARD, Files, counted, files_of, rows_of
from prefgen.splits import placed
from prefgen.stamp import stamped
from prefgen.tablefile import TableFile

COUNTS = ("added", "known", "changed", "left_out")
"""What a row of the newer dataset may be."""
_ID = {**IDS, "preferences_text": IDS["preferences"]}
_PROMPTS: Mapping[str, pl.Expr] = {
    "preferences": pl.col("chosen").list.head(pl.col("chosen").list.len() - 1),
    "judgments": pl.col("prompt"),
    "responses": pl.col("messages").list.head(pl.col("messages").list.len() - 1),
}
"""Where the text of a row's prompt is; other configs hold it in no column of its own."""


def append(
    older: Path,
    newer: Path,
    out: Path,
    *,
    replace: bool = False,
    readme: Callable[[Rows], str] | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> Appended:
    """Writes ``out``, a dataset folder of what ``older`` holds and of the rows of ``newer`` that are not there.

    A row with an id that is there and other content is counted as changed and the older one is kept; with ``replace``
    the newer one is, and the files that held the older one are written anew without it. ``readme`` makes the card from
    the rows of each config; without it the card is the newer one's, with the files and sizes of the whole. ``out`` may
    be ``older``; it is put in place when all of it is on disk. The same folders give the same bytes.

    Raises RunError for a folder that is no such dataset, a file that cannot be read, columns that are not those of this
    prefgen, cards with different licences, an ``out`` that holds anything else, and a full disk.
    """
    there, come = files_of(older), files_of(newer)
    _may_replace(out, older, newer)
    with settled(out) as fresh:
        _copy_rest(older, there, fresh)
        homes = _homes(there, come)
        done = {name: _fate(name, there.get(name, {}), come.get(name, {}), homes, replace=replace) for name in NAMES}
        if any(one.counts["added"] for one in done.values()):
            same_terms(older / "README.md", newer / "README.md")
            _copy_rest(newer, come, fresh)
        for name, one in done.items():
            _write(fresh / name, there.get(name, {}), come.get(name, {}), one, shard_bytes)
        rows = {name: of for name in NAMES if (of := counted(fresh / name))}
        counts = {what: {name: n for name, one in done.items() if (n := one.counts[what])} for what in COUNTS}
        found = Appended(rows, **counts, replaced=replace)
        _write_readme(older, newer, fresh, found, readme)
    return found


# --- one config -----------------------------------------------------------------------------

Splits = Mapping[str, Sequence[Path]]
"""The files of each split of one config."""
_TEXT = {"prompt_id": pl.String, "split": pl.String, "prompt": pl.String}
_INDEX = {"key": pl.String, "hash": pl.UInt64, "prompt_id": pl.String, "split": pl.String}
_NAMED = pl.DataFrame(schema={name: kind for name, kind in _INDEX.items() if name != "hash"})
_HASHED = pl.DataFrame(schema={"hash": pl.UInt64})


@dataclass(frozen=True)
class _Fate:
    """What becomes of each row of one config, in the order in which they are read: whether an older one is ``gone``,
    and the split that a newer one ``goes`` to, null for one that goes nowhere; and how many were what.
    """

    gone: pl.Series
    goes: pl.Series
    counts: Mapping[str, int]


def _fate(name: str, there: Splits, come: Splits, homes: pl.DataFrame | None, *, replace: bool) -> _Fate:
    old, new = _index(name, there), _index(name, come)
    both = new.join(old.select("key", there="hash").unique("key"), on="key", how="left", maintain_order="left")
    if homes is not None:
        placed = both.drop("split").join(homes, on="prompt_id", how="left", maintain_order="left")
        both = placed if name != "results" else both
    is_new, changed = pl.col("there").is_null(), pl.col("there") != pl.col("hash")
    taken = pl.col("key").is_first_distinct() & (is_new | (changed & pl.lit(replace)))
    fates = both.select(
        "key", "split", taken=taken, changed=changed.fill_null(value=False), known=pl.col("there") == pl.col("hash")
    )
    differ = fates.filter("changed")["key"]
    return _Fate(
        old["key"].is_in((differ if replace else differ.clear()).implode()),
        fates.select(pl.when("taken").then("split")).to_series(),
        {
            "added": fates.filter("taken", pl.col("split").is_not_null()).height,
            "known": int(fates["known"].sum() or 0),
            "changed": differ.len(),
            "left_out": fates.filter("taken", pl.col("split").is_null()).height,
        },
    )


def _index(config: str, files: Splits) -> pl.DataFrame:
    """The key, a hash of the content, the prompt and the split of every row, in order. Ids are read by themselves, for
    a column of a batch holds the whole batch in memory.
    """
    columns = arrow_schema(config).names
    key = pl.concat_str([pl.col(name).fill_null("") for name in _ID[config]], separator="\0").alias("key")
    prompt = pl.col("prompt_id") if "prompt_id" in columns else pl.lit(None, pl.String).alias("prompt_id")
    ids = [name for name in columns if name in {*_ID[config], "prompt_id"}]
    found = [pl.DataFrame(schema=_INDEX)]
    for split, paths in files.items():
        named = pl.concat([_NAMED, *(rows.select(key, prompt, split=pl.lit(split)) for rows in rows_of(paths, ids))])
        hashes = pl.concat([_HASHED, *(rows.select(hash=pl.struct(columns).hash()) for rows in rows_of(paths))])
        found.append(pl.concat([named, hashes], how="horizontal").select(*_INDEX))
    return pl.concat(found)


def _write(folder: Path, there: Splits, come: Splits, fate: _Fate, shard_bytes: int) -> None:
    """The files that are there, and new ones of the rows that are taken."""
    start = 0
    for path in (path for paths in there.values() for path in paths):
        start += _keep(path, folder, fate.gone[start:])
    names = fate.goes.drop_nulls().unique(maintain_order=True)
    shards = {name: Shards(folder, name, shard_bytes, first=_next(there.get(name, ()))) for name in names}
    start = 0
    for rows in (rows for paths in come.values() for rows in rows_of(paths)):
        goes = fate.goes[start : start + rows.height]
        for name in goes.drop_nulls().unique(maintain_order=True):
            shards[name].add(rows.filter((goes == name).fill_null(value=False)))
        start += rows.height
    for one in shards.values():
        one.close()


def _keep(path: Path, folder: Path, gone: pl.Series) -> int:
    """Copies a file, or writes it anew without the rows that are gone; gives the number of rows that it had."""
    import pyarrow.parquet as pq

    height = int(pq.read_metadata(path).num_rows)
    folder.mkdir(parents=True, exist_ok=True)
    if not gone[:height].any():
        shutil.copyfile(path, folder / path.name)
        return height
    file, start = TableFile(folder / path.name, arrow_schema(folder.name), chunked=True), 0
    for rows in rows_of([path]):
        stays = rows.filter(~gone[start : start + rows.height])
        if stays.height:  # nothing added: no file
            file.add(stays)
        start += rows.height
    file.close()
    return height


def _next(paths: Sequence[Path]) -> int:
    """The first number that no file has."""
    return max((int(found["number"]) + 1 for path in paths if (found := SHARD.fullmatch(path.name))), default=0)


# --- prompts --------------------------------------------------------------------------------


def _homes(there: Files, come: Files) -> pl.DataFrame | None:
    """The split of each prompt (``prompt_id``, ``split``): those that are there keep theirs, and new ones take that of
    what they are near, or none. None where there is one split alone.
    """
    if len({split for files in (there, come) for of in files.values() for split in of}) == 1:
        return None
    seen: set[str] = set()
    old, new = (pl.concat([pl.DataFrame(schema=_TEXT), *_prompts(files, seen)]) for files in (there, come))
    old = _with_texts(old, come)
    own, texts = ([*old[name], *new[name]] for name in ("split", "prompt"))
    splits = pl.Series("split", placed(texts, own, fixed=old.height), pl.String)
    return pl.concat([old, new]).select("prompt_id", splits)


def _with_texts(old: pl.DataFrame, come: Files) -> pl.DataFrame:
    """Prompts that are there, with the text of those of which only the newer dataset has it."""
    bare = old.filter(pl.col("prompt") == "")["prompt_id"]
    if bare.is_empty():
        return old
    told = pl.concat([pl.DataFrame(schema=_TEXT), *_prompts(come, set())])
    texts = told.filter(pl.col("prompt_id").is_in(bare.implode())).select("prompt_id", text="prompt")
    both = old.join(texts, on="prompt_id", how="left", maintain_order="left")
    text = pl.when(pl.col("prompt") == "").then(pl.col("text").fill_null("")).otherwise("prompt")
    return both.with_columns(text.alias("prompt")).drop("text")


def _prompts(files: Files, seen: set[str]) -> Iterator[pl.DataFrame]:
    """Prompts that were not ``seen``, with their split and their text, "" for those that no config has the text of."""
    for config in sorted(files, key=lambda name: name not in _PROMPTS):
        for split, paths in files[config].items() if config != "results" else ():
            prompt = _PROMPTS.get(config, pl.lit(""))
            for rows in rows_of(paths, ["prompt_id", *prompt.meta.root_names()]):
                once = rows.filter(pl.col("prompt_id").is_first_distinct())
                fresh = once.filter(pl.Series([one not in seen for one in once["prompt_id"]], dtype=pl.Boolean))
                seen |= set(fresh["prompt_id"])
                ids, texts = fresh["prompt_id"].to_list(), texts_of(fresh.with_columns(prompt=prompt), ["prompt"])
                yield pl.DataFrame({"prompt_id": ids, "split": [split] * len(ids), "prompt": texts}, schema=_TEXT)


# --- the rest of a folder -------------------------------------------------------------------


def _may_replace(out: Path, older: Path, newer: Path) -> None:
    """Raises RunError where the whole would take the place of what is in neither dataset, a run's journal for one."""
    if out.exists() and not out.is_dir():
        raise RunError(f"{out}: is no folder; name another with --out")
    shown = [path.name for folder in (older, newer) for path in folder.iterdir() if not path.name.startswith(".")]
    strange = {path.name for path in out.iterdir()} - {*NAMES, "README.md", *shown} if out.is_dir() else set()
    if strange:
        raise RunError(f"{out}: holds {min(strange)}, which this would delete; name another folder with --out")


def _copy_rest(source: Path, files: Files, fresh: Path) -> None:
    """What else a dataset folder holds, such as pictures of the card; what is hidden is a client's."""
    rows = {path for of in files.values() for paths in of.values() for path in paths}
    for path in sorted(path for path in source.rglob("*") if path.is_file() and path not in rows):
        name = path.relative_to(source)
        if not any(part.startswith(".") for part in name.parts):
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, fresh / name)


def _write_readme(older: Path, newer: Path, fresh: Path, found: Appended, readme: Callable[[Rows], str] | None) -> None:
    """The card of the whole; where nothing was added, the one that is there."""
    card, there = fresh / "README.md", older / "README.md"
    if not found.added and there.exists():
        shutil.copyfile(there, card)
    elif readme:
        card.write_text(stamped(readme(found.rows), fresh), encoding="utf-8", newline="\n")
    elif (newer / "README.md").exists():
        text = (newer / "README.md").read_text(encoding="utf-8")
        card.write_text(stamped(regrown(text, found), fresh), encoding="utf-8", newline="\n")
