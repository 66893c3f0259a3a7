"""The files of rows of a dataset folder: which there are, whether they are ours, and what they hold."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from prefgen.configs import CONFIGS, arrow_schema
from prefgen.errors import RunError
from prefgen.splits import TRAIN
from prefgen.tablefile import GROUP

SHARD = re.compile(r"(?P<split>\w+(\.\w+)*)-(?P<number>\d{5,})-of-\d{5,}\.parquet", re.ASCII)
"""The name of a file of rows."""
NAMES = ("preferences", "preferences_text", *(name for name in CONFIGS if name != "preferences"))
"""The folders that files of rows are in; others belong to the card."""
Files = Mapping[str, Mapping[str, Sequence[Path]]]
"""The files of each split of each config, in order."""


def files_of(folder: Path) -> Files:
    """The files of a dataset folder. Raises RunError where there are none, and where one has other columns."""
    found: dict[str, dict[str, list[tuple[int, Path]]]] = {}
    for path in sorted(path for name in NAMES for path in (folder / name).glob("*.parquet")):
        named = SHARD.fullmatch(path.name)
        if not named:
            raise RunError(f"{path}: is not named as prefgen names files of rows; is this a dataset that it wrote?")
        _same_columns(path)
        found.setdefault(path.parent.name, {}).setdefault(named["split"], []).append((int(named["number"]), path))
    if not found:
        raise RunError(f"{folder}: no dataset is here; name a folder of one, such as runs/quickstart/dataset")
    order = {name: sorted(of, key=lambda split: (split != TRAIN, split)) for name, of in found.items()}
    return {name: {split: [p for _, p in sorted(found[name][split])] for split in order[name]} for name in found}


def _same_columns(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        there, own = pq.read_schema(path).remove_metadata(), arrow_schema(path.parent.name)
    except (OSError, pa.ArrowException) as e:
        raise RunError(f"{path}: cannot be read; fetch it again, or take it from the run that made it") from e
    if not there.equals(own):
        others = sorted({*there.names} ^ {*own.names})
        differ = others or [one for one in own.names if there.field(one) != own.field(one)]
        what = f"was written with other columns than now ({', '.join(differ) or 'in another order'})"
        raise RunError(f"{path}: {what}; replace the dataset as a whole instead of appending to it")


def rows_of(paths: Sequence[Path], columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """The rows of some files, a row group's number at a time; by pyarrow, for a damaged file raises there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(GROUP, columns=columns):
                    batch.validate(full=True)
                    yield pl.DataFrame(batch)
        except (OSError, pa.ArrowException) as e:
            raise RunError(f"{path}: cannot be read; fetch it again, or take it from the run that made it") from e


def counted(folder: Path) -> dict[str, int]:
    """The rows of each split of one config's folder."""
    import pyarrow.parquet as pq

    files = files_of(folder.parent).get(folder.name, {}) if folder.exists() else {}
    return {split: sum(pq.read_metadata(path).num_rows for path in paths) for split, paths in files.items()}
