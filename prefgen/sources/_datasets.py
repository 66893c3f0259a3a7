"""Dataset folders and datasets on the Hub, read with ``datasets``: data alone, and of the place that was named alone.

``datasets`` runs no code of a dataset any more, and unpickles nothing. But a dataset's README.md may name files
anywhere (of this disk too), and some of its formats are no tables of text; so what it has found is looked at before it
is read.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from prefgen import bounds
from prefgen.errors import PrefgenError, nearest
from prefgen.kinds import as_frame
from prefgen.sources._raw import LoadError, Opened, Rows, Wanted, first_line, slices

TABLES = ("arrow", "csv", "json", "parquet", "text")
"""The kinds of files that are read; the others hold pictures, sounds, proteins, archives."""


def dataset(name: str, wanted: Wanted) -> Opened:
    """A dataset folder or a dataset on the Hub. Where only the first rows are wanted they are streamed,
    so that twenty prompts of a million do not cost the download of a million.
    """
    import datasets

    few = wanted.limit is not None and "[" not in wanted.split  # a slice of a split cannot be streamed
    with _told(name), _without_bars():
        rows = _opened(datasets, name, wanted, streaming=few)
        columns = rows.column_names  # not all that is streamed tells them beforehand
        rows = rows.select_columns(wanted.of(columns) or columns) if columns else rows  # of none it has no rows
        if not few:
            height = min(len(rows), wanted.limit or len(rows))
            return Opened(name, columns, height, partial(_stored, name, rows, height, wanted.chunk))
        taken = list(islice(rows, wanted.limit))
        bounds.check_rows(taken, name)
    columns = columns or list(dict.fromkeys(column for row in taken for column in row))
    return Opened(name, columns, len(taken), partial(slices, taken, wanted.chunk))


def _stored(name: str, rows: Any, height: int, chunk: int) -> Iterator[Rows]:
    """The rows of a dataset that lies on this disk, some at a time; as frames, but for JSON without types."""
    typed = "Json(" not in str(rows.features)
    found = iter(rows) if not typed else None
    with _told(name):
        for start in range(0, height, chunk):
            end = min(start + chunk, height)
            if found is not None:
                some = list(islice(found, end - start))
                bounds.check_rows(some, name, start + 1)
                yield some
                continue
            frame = as_frame(rows.with_format("arrow")[start:end])
            bounds.check_cells(frame, name, start + 1)
            yield frame


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Whatever the network, or somebody's files, make ``datasets`` raise, in one line."""
    try:
        yield
    except PrefgenError:
        raise
    except Exception as e:
        which = f"the folder {name}" if Path(name).is_dir() else f"{name} (no file of that name here, so from the Hub)"
        raise LoadError(f"cannot load {which}: {first_line(e.__cause__ or e)}") from e


@contextmanager
def _without_bars() -> Iterator[None]:
    """Without the bars that ``datasets`` draws on stderr; its user's own setting stands, also afterwards."""
    import datasets

    if "HF_DATASETS_DISABLE_PROGRESS_BARS" in os.environ or not datasets.is_progress_bar_enabled():
        yield
        return
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()


def _opened(datasets: Any, name: str, wanted: Wanted, *, streaming: bool) -> Any:
    saved = any((Path(name) / file).is_file() for file in ("state.json", "dataset_dict.json"))
    if saved:  # by Dataset.save_to_disk
        _saved_here(Path(name))
        loaded = datasets.load_from_disk(name)
        return _split(loaded, name, wanted.split) if isinstance(loaded, dict) else loaded
    how = {"data_dir": wanted.data_dir, "revision": wanted.revision, "cache_dir": _cache(datasets, Path(name))}
    builder = datasets.load_dataset_builder(name, wanted.config, **how)
    _found_here(builder, name)
    if streaming:
        return builder.as_streaming_dataset(split=wanted.split)
    builder.download_and_prepare()
    return builder.as_dataset(split=wanted.split)


def _cache(datasets: Any, folder: Path) -> str | None:
    """Where the rows of a folder are kept once they were read: a place for these very files. Where a README.md tells of
    configs, ``datasets`` itself tells two folders apart by their own name and that alone, and all runs' are "dataset".
    """
    if not folder.is_dir():
        return None
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    about = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    own = hashlib.blake2b(json.dumps([str(folder.resolve()), about]).encode(), digest_size=8).hexdigest()
    return str(Path(datasets.config.HF_DATASETS_CACHE) / f"prefgen-{own}")


def _found_here(builder: Any, name: str) -> None:
    """Raises LoadError where a dataset is no table, or leads out of the place that was named."""
    kind = type(builder).__module__.split(".")[-1]
    if kind not in TABLES:
        raise LoadError(f"{name} holds {kind} files; load reads {', '.join(TABLES)}")
    for file in _files(builder):
        if not _is_of(file, name):
            raise LoadError(f"{name}: its README.md names {file:.200}, which is not its own; name that file yourself")


def _files(builder: Any) -> Iterator[str]:
    for files in (builder.config.data_files or {}).values():
        yield from map(str, files)


def _is_of(file: str, name: str) -> bool:
    """Whether a file is of a folder, or of a dataset on the Hub."""
    if not Path(name).is_dir():
        return file.startswith(f"hf://datasets/{name}@") and "::" not in file and "/../" not in file
    # As they are written, with links as they are: folders of the Hub's own cache are made of them.
    own, path = (Path(os.path.normpath(Path(one).absolute())) for one in (name, file))
    return "::" not in file and "://" not in file and path.is_relative_to(own)


def _saved_here(folder: Path) -> None:
    """Raises LoadError where what ``save_to_disk`` wrote names files of other folders."""
    for about in [*folder.glob("state.json"), *folder.glob("*/state.json"), *folder.glob("dataset_dict.json")]:
        said = json.loads(bounds.whole(about))
        files = said.get("_data_files", []) if isinstance(said, dict) else []
        names = [*(file.get("filename") for file in files), *(said.get("splits", []) if isinstance(said, dict) else [])]
        if not all(isinstance(name, str) and Path(name).name == name for name in names):
            raise LoadError(f"{about} names files of other folders; save the dataset anew")


def splits_of(name: str, config: str | None, revision: str | None, data_dir: str | None) -> list[str]:
    """The splits of a dataset folder or of a dataset on the Hub, in their order; nothing is downloaded but lists of
    files. Raises LoadError, also for a dataset of several configs of which none is named and none is the default.
    """
    import datasets

    with _told(name), _without_bars():
        if (Path(name) / "dataset_dict.json").is_file():
            _saved_here(Path(name))
            return list(json.loads(bounds.whole(Path(name) / "dataset_dict.json"))["splits"])
        if (Path(name) / "state.json").is_file():
            return ["train"]
        builder = datasets.load_dataset_builder(name, config, data_dir=data_dir, revision=revision)
        _found_here(builder, name)
        return list(map(str, builder.config.data_files or {}))


def configs_of(name: str, revision: str | None, data_dir: str | None) -> tuple[list[str], str | None]:
    """The configs of a dataset, and which of them is the default. Raises LoadError."""
    import datasets

    if any((Path(name) / file).is_file() for file in ("state.json", "dataset_dict.json")):
        return ["default"], "default"
    with _told(name), _without_bars():
        found = datasets.get_dataset_config_names(name, revision=revision, data_dir=data_dir)
        known = datasets.get_dataset_default_config_name(name, revision=revision, data_dir=data_dir)
        return list(found), known


def _split(loaded: Any, name: str, split: str) -> Any:
    if split not in loaded:
        raise LoadError(f"{name} has no split {split!r}; {nearest(split, loaded)}")
    return loaded[split]
