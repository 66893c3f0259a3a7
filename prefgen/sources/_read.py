"""What a source holds, before prompts are made of it: a file, a dataset folder, a dataset on the Hub, a frame.

JSON is read by the standard library, for two reasons: polars infers a type from the first rows and then
fails on a later one, and a line that is not JSON can be named. Everything else has types of its own.
"""

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from prefgen import bounds
from prefgen.asker import Row
from prefgen.errors import nearest
from prefgen.kinds import as_frame
from prefgen.sources._datasets import dataset
from prefgen.sources._raw import LoadError, Raw, Wanted, first_line
from prefgen.texts import sound

__all__ = ["LoadError", "Raw", "Wanted", "kind", "read"]

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
    if path.suffix.lower() in _PICKLES:
        raise LoadError(f"{path} is a pickle or may be one, and runs code when it is opened; save its rows as Parquet")
    if path.resolve().parts[1:2] in _NO_FILES:
        raise LoadError(f"{path} is the system's, and no data; name a file of yours")
    try:
        if path.is_file() and not reader:
            raise LoadError(f"{path} is no kind of file that load reads; it reads {', '.join(_READERS)}")
        if path.is_file() and reader:
            return reader(path, wanted)
        if path.is_dir():
            return dataset(str(path if path.name else path.resolve()), wanted)
        if path.exists():
            raise LoadError(f"{path} is no file and no folder; name a file of yours")
        if reader or not _HUB_ID.fullmatch(str(source)):
            raise LoadError(f"there is no {path}{_nearest_file(path)}")
    except OSError as e:
        raise LoadError(f"{path}: {e.strerror or e}") from e
    return dataset(str(source), wanted)


def _path(source: str | Path, folder: Path) -> Path:
    """Where a source lies: in the recipe's folder, or else where the command runs."""
    try:
        path = folder / Path(source).expanduser()
        found = Path(source) if not path.exists() and Path(source).exists() else path
        found.resolve()
    except (OSError, ValueError, RuntimeError) as e:  # too long, half a character, the home of nobody, links in a ring
        raise LoadError(f"{str(source)[:60]!r} is no path: {getattr(e, 'strerror', None) or e}") from e
    return found


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

_SIGN = 64_000
"""Bytes in which a file's first sign stands."""
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
    for number, line in bounds.lines(path):
        text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if text.strip():
            yield _object(_parsed(text.rstrip(), f"{path}:{number}"), f"{path}:{number}")


def _json(path: Path, wanted: Wanted) -> Raw:
    """A list of objects; or JSON Lines, which many files named .json are."""
    if not _is_list(path):
        return _lines(path, wanted)
    data = bounds.whole(path).removeprefix(codecs.BOM_UTF8)
    rows = [_object(row, f"{path}: row {n}") for n, row in enumerate(_parsed(data, str(path)), 1)]
    bounds.check_rows(rows[: wanted.limit], str(path))
    return Raw(str(path), list(dict.fromkeys(name for row in rows for name in row)), rows[: wanted.limit])


def _is_list(path: Path) -> bool:
    """Whether the first sign of a file opens a list."""
    with path.open("rb") as file:
        start = file.read(_SIGN).removeprefix(codecs.BOM_UTF8).lstrip()
    return start.startswith(b"[")


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
    bounds.check_csv(path, wanted.limit)
    with path.open("rb") as file:
        if file.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            raise LoadError(f"{path}: not UTF-8, but UTF-16 as it begins; save the file as UTF-8")
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        frame = pl.read_csv(path, separator=separator, infer_schema=False, n_rows=wanted.limit)
    except pl.exceptions.NoDataError:
        frame = pl.DataFrame()
    except pl.exceptions.PolarsError as e:
        known = f"{path}: not {path.suffix[1:].upper()}: {first_line(e)}"
        raise LoadError(_fault(path, separator) or known) from e
    kept = [name for name in wanted.of(frame.columns) if name not in wanted.texts]
    return Raw(str(path), frame.columns, frame.with_columns(_number(frame[name]) for name in kept))


def _fault(path: Path, separator: str) -> str:
    """The line of a CSV file that is not UTF-8, or has more fields than the first; nothing where there is none."""
    for number, line in bounds.lines(path):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as e:
            return f"{path}:{number}: not UTF-8 (byte {e.start + 1}); save the file as UTF-8"
    with path.open(encoding="utf-8", newline="") as file, suppress(csv.Error):
        rows = csv.reader(file, delimiter=separator)
        fields = len(next(rows, []))
        for row in rows:
            if len(row) > fields:
                what = f"{len(row)} fields, and the first line names {fields}"
                return f"{path}:{rows.line_num}: {what}; put texts with a {separator!r} in them between quotes"
    return ""


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

    bounds.check_parquet(path)
    try:
        with pq.ParquetFile(path) as file:
            columns = file.schema_arrow.names
            if len(set(columns)) < len(columns):
                raise LoadError(f"{path}: two of its columns have one name")
            schema = pa.schema([file.schema_arrow.field(name) for name in wanted.of(columns)])
            table = pa.Table.from_batches(_batches(path, file, schema.names, wanted.limit), schema)
        table.validate(full=True)  # text that is none would be taken for text
        frame = pl.DataFrame(table[: wanted.limit])
    except bounds.TooMuch:
        raise
    except (pa.ArrowException, OSError, ValueError, pl.exceptions.PolarsError) as e:
        raise LoadError(f"{path}: not Parquet: {first_line(e)}") from e
    bounds.check_cells(frame, str(path), path)
    return Raw(str(path), columns, frame)


def _batches(path: Path, file: Any, columns: Sequence[str], limit: int | None) -> Iterator[Any]:
    """The first batches of a file, as many as hold the rows wanted, and no more than a file should unpack to."""
    rows = size = 0
    for batch in file.iter_batches(columns=columns, batch_size=min(limit or BATCH, BATCH)):
        yield batch
        rows, size = rows + batch.num_rows, size + batch.nbytes
        bounds.check_unpacked(path, size)
        if limit is not None and rows >= limit:
            return


BATCH = 65_536
"""Rows of a Parquet file that are read at once."""
_PICKLES = frozenset({".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".npy", ".npz", ".joblib", ".dill", ".shelve"})
_NO_FILES = (("proc",), ("sys",))
"""What looks like files and is the running system: /proc/self/environ holds every key."""

_READERS: dict[str, Callable[[Path, Wanted], Raw]] = {
    ".jsonl": _lines,
    ".ndjson": _lines,
    ".json": _json,
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
}
