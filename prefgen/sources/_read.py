"""What a source holds, before prompts are made of it: a file, a dataset folder, a dataset on the Hub, a frame.

JSON is read by the standard library, for two reasons: polars infers a type from the first rows and then
fails on a later one, and a line that is not JSON can be named. Everything else has types of its own.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.asker import Row
from prefgen.errors import PrefgenError, nearest
from prefgen.rows import as_frame
from prefgen.texts import sound


class LoadError(PrefgenError):
    """A source that cannot be read, or holds no prompts where they were said to be: ``what; cure`` in one line."""


@dataclass(frozen=True)
class Raw:
    """The first rows of a source. ``columns`` are all that it has; ``rows`` hold at least those asked for,
    as a frame where the source has types and as dicts where it is JSON.
    """

    name: str
    columns: Sequence[str]
    rows: pl.DataFrame | list[Row]

    def column(self, name: str) -> pl.Series | list[Any]:
        """The values of one column, null where a row lacks it."""
        return self.rows[name] if isinstance(self.rows, pl.DataFrame) else [row.get(name) for row in self.rows]


@dataclass(frozen=True)
class Wanted:
    """Which columns to read, and how many rows; of the Hub also which split, config and revision.
    ``texts`` are the paths of what stays text wherever it comes from; ``kept`` are those that are carried along.
    """

    texts: tuple[str, ...]
    kept: frozenset[str]
    limit: int | None = None
    split: str = "train"
    config: str | None = None
    revision: str | None = None

    def of(self, columns: Sequence[str]) -> list[str]:
        """The columns that hold a wanted path, in the source's order."""
        names = {name for path in (*self.texts, *self.kept) for name in (path, path.partition(".")[0])}
        return [name for name in columns if name in names]


_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def read(source: object, wanted: Wanted, folder: Path = Path()) -> Raw:
    """The rows of a source. Text is a file if it ends like one, else what lies at that path, else a dataset
    on the Hub. Raises LoadError; an empty frame is no error, for it has columns to plan with.
    """
    raw = _named(source, wanted, folder) if isinstance(source, str | Path) else _given(source, wanted)
    if not len(raw.rows) and not isinstance(source, pl.DataFrame):
        raise LoadError(f"{raw.name} has no rows; give it some, one prompt each")
    return raw


def _named(source: str | Path, wanted: Wanted, folder: Path) -> Raw:
    """The rows of a file, a folder or a dataset on the Hub."""
    path = _path(source, folder)
    reader = _READERS.get(path.suffix.lower())
    try:
        if path.is_file() and not reader:
            raise LoadError(f"{path} is no kind of file that load reads; it reads {', '.join(_READERS)}")
        if path.is_file() and reader:
            return reader(path, wanted)
        if path.is_dir():
            return _dataset(str(path), wanted)
        if reader or not _HUB_ID.fullmatch(str(source)):
            raise LoadError(f"there is no {path}{_nearest_file(path)}")
    except OSError as e:
        raise LoadError(f"{path}: {e.strerror or e}") from e
    return _dataset(str(source), wanted)


def _path(source: str | Path, folder: Path) -> Path:
    """Where a source lies: in the recipe's folder, or else where the command runs."""
    try:
        path = folder / Path(source).expanduser()
        return Path(source) if not path.exists() and Path(source).exists() else path
    except (OSError, ValueError, RuntimeError) as e:  # too long, half a character, the home of nobody
        raise LoadError(f"{str(source)[:60]!r} is no path: {getattr(e, 'strerror', None) or e}") from e


def _nearest_file(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent} either"
    names = {file.name for file in path.parent.iterdir() if file.is_dir() or file.suffix in _READERS}
    return f"; {nearest(path.name, names) or 'its folder holds nothing to load'}"


def _given(source: object, wanted: Wanted) -> Raw:
    """Rows that the caller holds already; mixed types are kept for lists of dicts."""
    if isinstance(source, list):
        found = source[: wanted.limit]
        if not all(isinstance(row, dict) for row in found):
            raise LoadError('the list holds rows that are no objects; a row looks like {"prompt": "…"}')
        columns = list(dict.fromkeys(name for row in found for name in row))
        return Raw("the list", columns, [_sound(row) for row in found])
    try:
        frame = as_frame(source)
    except (TypeError, ValueError) as e:
        raise LoadError(f"{source!r:.60} is no source; name a file, a folder or a dataset") from e
    return Raw("the table", frame.columns, frame.head(wanted.limit) if wanted.limit else frame)


# --- JSON -----------------------------------------------------------------------------------

_LONE = re.compile(r"\\u[dD][89a-fA-F]")


def _lines(path: Path, wanted: Wanted) -> Raw:
    """JSON Lines: one object a line, blank lines aside."""
    rows: list[Row] = []
    columns: dict[str, None] = {}
    for row in islice(_line_objects(path), wanted.limit):
        columns.update(dict.fromkeys(row))
        rows.append({name: row[name] for name in wanted.of(list(row))})
    return Raw(str(path), list(columns), rows)


def _line_objects(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if text.strip():
                yield _object(_parsed(text, f"{path}:{number}"), f"{path}:{number}")


def _json(path: Path, wanted: Wanted) -> Raw:
    """A list of objects; or JSON Lines, which many files named .json are."""
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    if not data.strip():
        return Raw(str(path), [], [])
    if not data.lstrip().startswith(b"["):
        return _lines(path, wanted)
    rows = [_object(row, f"{path}: row {n}") for n, row in enumerate(_parsed(data, str(path)), 1)]
    return Raw(str(path), list(dict.fromkeys(name for row in rows for name in row)), rows[: wanted.limit])


def _parsed(data: bytes, place: str) -> Any:
    try:
        text = data.decode("utf-8")
        value = json.loads(text)
    except UnicodeDecodeError as e:
        raise LoadError(f"{place}: not UTF-8 (byte {e.start + 1}); save the file as UTF-8") from e
    except json.JSONDecodeError as e:
        line = f":{e.lineno}" if e.lineno > 1 else ""
        raise LoadError(f"{place}{line}: not JSON: {e.msg} (column {e.colno})") from e
    except (ValueError, RecursionError) as e:  # digits without end, brackets without end
        raise LoadError(f"{place}: not JSON that can be read: {e}") from e
    return _sound(value) if _LONE.search(text) else value


def _object(value: object, place: str) -> Row:
    if not isinstance(value, dict):
        raise LoadError(f'{place}: holds {kind(value)}, not an object; a row looks like {{"prompt": "…"}}')
    return value


def _sound(value: Any) -> Any:
    """The value with halves of surrogate pairs replaced: JSON can spell them, no encoding can hold them."""
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, list):
        return [_sound(item) for item in value]
    if isinstance(value, dict):
        return {_sound(name): _sound(item) for name, item in value.items()}
    return value


def kind(value: object) -> str:
    """What a value is, in words."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "nothing" if value is None else f"a {type(value).__name__}")


# --- tables ---------------------------------------------------------------------------------


def _csv(path: Path, wanted: Wanted) -> Raw:
    """CSV, or TSV by its ending. Everything is text in such a file, so a prompt stays text, and a
    kept column is a number only where each value is written as one (007 is not).
    """
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        frame = pl.read_csv(path, separator=separator, infer_schema=False, n_rows=wanted.limit)
    except pl.exceptions.NoDataError:
        frame = pl.DataFrame()
    except pl.exceptions.PolarsError as e:
        raise LoadError(f"{path}: not {path.suffix[1:].upper()}: {_first_line(e)}") from e
    kept = [name for name in wanted.of(frame.columns) if name not in wanted.texts]
    return Raw(str(path), frame.columns, frame.with_columns(_number(frame[name]) for name in kept))


def _number(text: pl.Series) -> pl.Series:
    whole = r"^(?:0|-?[1-9]\d{0,17})$"
    for pattern, dtype in ((whole, pl.Int64()), (r"^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$", pl.Float64())):
        if text.count() and text.str.contains(pattern).all():
            return text.cast(dtype)
    return text


def _parquet(path: Path, wanted: Wanted) -> Raw:
    """Parquet, by pyarrow: a damaged file raises there, where polars can end this process."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            if len(set(columns)) < len(columns):
                raise LoadError(f"{path}: two of its columns have one name")
            schema = pa.schema([file.schema_arrow.field(name) for name in wanted.of(columns)])
            table = pa.Table.from_batches(_batches(file, schema.names, wanted.limit), schema)
        table.validate(full=True)  # text that is none would be taken for text
        frame = pl.DataFrame(table[: wanted.limit])
    except (pa.ArrowException, OSError, ValueError, pl.exceptions.PolarsError) as e:
        raise LoadError(f"{path}: not Parquet: {_first_line(e)}") from e
    return Raw(str(path), columns, frame)


def _batches(file: Any, columns: Sequence[str], limit: int | None) -> Iterator[Any]:
    """The first batches of a file, as many as hold the rows wanted."""
    rows = 0
    for batch in file.iter_batches(columns=columns, batch_size=min(limit or BATCH, BATCH)):
        yield batch
        rows += batch.num_rows
        if limit is not None and rows >= limit:
            return


BATCH = 65_536
"""Rows of a Parquet file that are read at once."""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]


_READERS: dict[str, Callable[[Path, Wanted], Raw]] = {
    ".jsonl": _lines,
    ".ndjson": _lines,
    ".json": _json,
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
}


# --- datasets -------------------------------------------------------------------------------


def _dataset(name: str, wanted: Wanted) -> Raw:
    """A dataset folder or a dataset on the Hub. Where only the first rows are wanted they are streamed,
    so that twenty prompts of a million do not cost the download of a million.
    """
    import datasets
    import httpx2  # the Hub's client lets its errors through

    few = wanted.limit is not None and "[" not in wanted.split  # a slice of a split cannot be streamed
    try:
        rows = _opened(datasets, name, wanted, streaming=few)
        columns = list(rows.column_names or wanted.of([*wanted.texts, *wanted.kept]))
        rows = rows.select_columns(wanted.of(columns)) if rows.column_names else rows
        typed = not few and "Json(" not in str(rows.features)
        taken = as_frame(rows) if typed else list(islice(rows, wanted.limit))
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError, httpx2.HTTPError) as e:
        which = f"the folder {name}" if Path(name).is_dir() else f"{name} (no file of that name here, so from the Hub)"
        raise LoadError(f"cannot load {which}: {_first_line(e)}") from e
    return Raw(name, columns, taken)


def _opened(datasets: Any, name: str, wanted: Wanted, *, streaming: bool) -> Any:
    saved = any((Path(name) / file).is_file() for file in ("state.json", "dataset_dict.json"))
    if saved:  # by Dataset.save_to_disk
        loaded = datasets.load_from_disk(name)
        return _split(loaded, name, wanted.split) if isinstance(loaded, dict) else loaded
    return datasets.load_dataset(name, wanted.config, split=wanted.split, revision=wanted.revision, streaming=streaming)


def _split(loaded: Any, name: str, split: str) -> Any:
    if split not in loaded:
        raise LoadError(f"{name} has no split {split!r}; {nearest(split, loaded)}")
    return loaded[split]
