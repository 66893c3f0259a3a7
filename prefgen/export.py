"""A run's dataset in the format of one trainer: a folder that loads as it is, and what it leaves out, counted.

export("runs/quickstart", "llama-factory")  # runs/quickstart/exports/preferences/llama-factory
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import polars as pl

from prefgen import folders
from prefgen.applied import split
from prefgen.errors import Problem, RecipeError, RunError, nearest
from prefgen.folders import no_room
from prefgen.formats._pieces import IDS
from prefgen.rows import DROPPED
from prefgen.tablefile import TableFile
from prefgen.trainers import Format, find

MADE_BY, TOLD, LEFT_OUT = "prefgen export", "export.json", "left_out.csv"
LOST = {"split": pl.String, "id": pl.String, "reason": pl.String}
BATCH = 10_000
"""Rows that are held at once."""


@dataclass
class Exported:
    """What came of an export, by split: the rows that were read, those written, and those left out, by reason."""

    folder: Path
    format: str
    config: str
    read: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)

    def reasons(self) -> dict[str, int]:
        """How many rows were left out, by reason, of all splits."""
        whole: Counter[str] = Counter()
        for counts in self.left_out.values():
            whole.update(counts)
        return dict(sorted(whole.items()))


def export(
    run: str | Path, name: str, out: str | Path | None = None, *, config: str | None = None, splits: Sequence[str] = ()
) -> Exported:
    """Writes a run's dataset in a format, and says what became of every row.

    ``run`` is a run's folder, ``name`` a format or another word for one, ``config`` the config to take where it is not
    the format's first, ``splits`` those to take where they are not all. The folder (``exports/<config>/<format>`` in
    the run's, unless ``out`` names another) has a file for each split that has rows, what the trainer wants beside
    them, a README.md by which ``load_dataset`` reads it, export.json, and left_out.csv with the id of every row that
    the format cannot hold, and the reason. It is there whole or as it was before.

    Raises RecipeError for a format, config or split that is not there, and RunError for a run without a dataset, a
    folder that no export made, rows of which the format can hold none, or a full disk.
    """
    found, place = find(name), Path(run)
    config = config or found.configs[0]
    _check(found, config)
    files = _files(place, config, splits)
    folder = Path(out) if out is not None else place / "exports" / config / found.name
    if out is None:
        folders.check(place / "exports", named=False)
    _may_replace(folder)
    done = Exported(folder, found.name, config)
    try:
        with folders.placed(folder) as fresh:
            _write(fresh, found, files, done)
    except OSError as e:
        raise no_room(folder, e) from e
    return done


# --- what is asked for ----------------------------------------------------------------------


def _check(found: Format, config: str) -> None:
    if config not in found.configs:
        made = f"format '{found.name}' is made of {' or '.join(found.configs)}, not of '{config}'"
        raise RecipeError([Problem("", "", made, nearest(config, found.configs))])


def _files(place: Path, config: str, splits: Sequence[str]) -> dict[str, list[Path]]:
    """The files of a config's splits, ``train`` first."""
    if not place.is_dir():
        raise RunError(f"{place}: no run is here; name a run's folder, such as runs/quickstart")
    dataset = place / "dataset"
    there = sorted(path.name for path in dataset.glob("*/") if any(path.glob("*.parquet")))
    if not there:
        raise RunError(f"{place}: no dataset is written here; prefgen run writes one where rows were kept")
    if config not in there:
        raise RecipeError([Problem(str(place), "", f"its dataset has no {config}", f"it has {', '.join(there)}")])
    found: dict[str, list[Path]] = {}
    for path in sorted((dataset / config).glob("*.parquet")):
        found.setdefault(path.name.partition("-")[0], []).append(path)
    for one in splits:
        if one not in found:
            raise RecipeError([Problem(str(place), "", f"{config} has no split '{one}'", nearest(one, found))])
    wanted = {one: files for one, files in found.items() if one in splits or not splits}
    return dict(sorted(wanted.items(), key=lambda item: (item[0] != "train", item[0])))


def _may_replace(folder: Path) -> None:
    """Raises RunError unless a folder is new, empty, or an export that nobody added anything to."""
    there = {str(path.relative_to(folder)) for path in folder.rglob("*")} if folder.is_dir() else set()
    if folder.exists() and (there or not folder.is_dir()):
        strange = sorted(there - _made(folder))
        if strange or not there:
            what = f"holds {strange[0]}, which no export made" if strange else "is no folder"
            raise RunError(f"{folder}: {what}; name another folder with --out, or move that away")


def _made(folder: Path) -> set[str]:
    """The files that an export wrote into a folder."""
    try:
        told: dict[str, Any] = json.loads((folder / TOLD).read_text(encoding="utf-8"))
        return set(told["files"]) if told["made_by"] == MADE_BY else set()
    except (OSError, ValueError, LookupError, TypeError):
        return set()


# --- writing --------------------------------------------------------------------------------


def _write(fresh: Path, found: Format, files: Mapping[str, Sequence[Path]], done: Exported) -> None:
    gone = [_write_split(fresh, found, one, paths, done) for one, paths in files.items()]
    if not any(done.rows.values()):
        other = "judge-sft" if done.config == "judge_sft" else "conversational"
        raise RunError(f"{found.name} can hold no row ({_told(done.reasons())}); {other} holds every one")
    if done.reasons():
        pl.concat(gone).write_csv(fresh / LEFT_OUT)
    written = {one: f"{one}.{found.file}" for one, rows in done.rows.items() if rows}
    texts = found.beside({f"{done.config}_{one}": file for one, file in written.items()})
    for name, text in {**texts, "README.md": _readme(found, done, written)}.items():
        (fresh / name).write_text(text, encoding="utf-8", newline="\n")
    about = {"made_by": MADE_BY, "format": found.name, "config": done.config}
    counts = {"read": done.read, "rows": done.rows, "left_out": done.left_out}
    listed = sorted([*(path.name for path in fresh.iterdir()), TOLD])
    told = json.dumps({**about, **counts, "files": listed}, indent=1)
    (fresh / TOLD).write_text(told + "\n", encoding="utf-8", newline="\n")


def _write_split(fresh: Path, found: Format, one: str, paths: Sequence[Path], done: Exported) -> pl.DataFrame:
    """Writes one split, counts it, and gives the rows left out: ``split``, ``id``, ``reason``."""
    schema = found.schema(done.config)
    path = fresh / f"{one}.{found.file}"
    file = TableFile(path, schema) if found.file == "parquet" else Lines(path)
    done.read[one], done.rows[one], lost = 0, 0, [pl.DataFrame(schema=LOST)]
    for rows in _frames(paths, whole=bool(found.make.whole)):
        made, gone = split(found.make, [rows], {})
        if made.height:
            file.add(made)
        done.read[one] += rows.height
        done.rows[one] += made.height
        lost.append(_lost(one, gone))
    file.close()
    left = pl.concat(lost)
    done.left_out[one] = dict(sorted(left["reason"].value_counts().iter_rows()))
    return left


def _lost(one: str, gone: pl.DataFrame) -> pl.DataFrame:
    own = next(name for name in IDS if name in gone.columns)
    return gone.select(pl.lit(one).alias("split"), pl.col(own).alias("id"), pl.col(DROPPED).alias("reason"))


def _frames(paths: Sequence[Path], *, whole: bool) -> Iterator[pl.DataFrame]:
    """The rows of a split in order: some at a time, or all at once."""
    if whole:
        yield pl.concat([rows for path in paths for rows in _read(path)])
        return
    for path in paths:
        yield from _read(path)


def _read(path: Path) -> Iterator[pl.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH):
                yield cast("pl.DataFrame", pl.from_arrow(batch))
    except (pa.ArrowException, OSError) as e:
        what = f"{path}: cannot be read ({str(e).splitlines()[0][:80]})"
        raise RunError(f"{what}; run the recipe again, which asks nothing anew") from e


class Lines:
    """A file of one JSON object a line; takes frames in order, as ``TableFile`` does. Nothing added: no file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, rows: pl.DataFrame) -> None:
        """Writes rows at the end."""
        with self.path.open("ab") as file:
            rows.write_ndjson(file)

    def close(self) -> None:
        """All is written."""


# --- text -----------------------------------------------------------------------------------


def _readme(found: Format, done: Exported, written: Mapping[str, str]) -> str:
    """The page by which ``load_dataset`` knows the splits; other files in the folder are none of its business."""
    files = "".join(f'  - split: "{one}"\n    path: "{file}"\n' for one, file in written.items())
    front = f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n"
    left = f"\nLeft out: {_told(done.reasons())}; `{LEFT_OUT}` has the ids.\n" if done.reasons() else ""
    return f"{front}\n# {found.name}\n\n{found.about}\n\nMade of `{done.config}` by `prefgen export`.\n{left}"


def _told(reasons: Mapping[str, int]) -> str:
    return "; ".join(f"{number:,}: {reason}" for reason, number in reasons.items())
