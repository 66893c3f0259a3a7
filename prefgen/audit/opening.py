"""A dataset's splits, opened: of a file one, of a folder or a dataset on the Hub those of one config."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from prefgen.audit.taken import COLUMNS, Taken, UnknownLayout, taken
from prefgen.errors import nearest
from prefgen.judged import PAIRS as JUDGED_PAIRS
from prefgen.judged import SCORES as JUDGED_SCORES
from prefgen.sources._datasets import configs_of, splits_of
from prefgen.sources._read import LoadError, Opened, Wanted, read


@dataclass(frozen=True)
class Asked:
    """What is to be audited. ``prompt``, ``chosen`` and ``rejected`` are columns, where the layout is not known;
    ``take`` looks at so many rows of each split alone, the first.
    """

    source: str
    split: str | None = None
    config: str | None = None
    prompt: str | None = None
    chosen: str | None = None
    rejected: str | None = None
    take: int | None = None
    revision: str | None = None
    data_dir: str | None = None

    def sides(self) -> tuple[str, str] | None:
        """The columns of the responses, where they are said."""
        return (self.chosen or "chosen", self.rejected or "rejected") if self.chosen or self.rejected else None

    def wanted(self, config: str | None, split: str) -> Wanted:
        """What is read of a split."""
        own = {one for one in (self.prompt, self.chosen, self.rejected) if one}
        columns = tuple(sorted(own | COLUMNS | JUDGED_PAIRS | JUDGED_SCORES | {"prompt_id"}))
        return Wanted(columns, frozenset(), self.take, split, config, self.revision, self.data_dir)


@dataclass(frozen=True)
class Dataset:
    """The opened splits of one config, by name, and what they are taken for; which configs there are beside it."""

    name: str
    config: str
    configs: Sequence[str]
    splits: Mapping[str, Opened]
    taken: Taken


def opened(asked: Asked) -> Dataset:
    """The splits that are to be audited. Where the config that is the dataset's own holds nothing to audit, the first
    that does is taken. Raises LoadError.
    """
    place = _place(asked.source)
    if place.is_dir() or not (place.exists() or place.suffix.lower() in _FILES or "/" not in asked.source):
        return _dataset(str(place) if place.is_dir() else asked.source, asked)
    split = asked.split or "train"
    if split != "train" and place.is_file():
        raise LoadError(f"{asked.source} has no split {split!r}; a file has one, train: leave --split out")
    one = read(asked.source, asked.wanted(None, split))
    return Dataset(asked.source, "", [], {split: one}, _taken(one, asked))


_FILES = {".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet"}


def _place(source: str) -> Path:
    """Where a source may lie; of a run's folder its dataset. Raises LoadError for a run that has none."""
    try:
        place = Path(source).expanduser()
        if not any((place / mark).is_file() for mark in ("run.json", "journal.sqlite")):
            return place
        if (place / "dataset").is_dir():
            return place / "dataset"
        pilots = sorted(str(one.parent) for one in place.glob("take-*/dataset"))
    except (OSError, ValueError, RuntimeError) as e:
        raise LoadError(f"{source[:60]!r} is no path: {getattr(e, 'strerror', None) or e}") from e
    if pilots:
        raise LoadError(f"{place} holds pilots and no dataset of its own; name one of them: {', '.join(pilots)}")
    raise LoadError(f"{place} is a run that has no dataset yet; run its recipe again, which goes on where it ended")


def _taken(one: Opened, asked: Asked) -> Taken:
    return taken(one.name, one.columns, prompt=asked.prompt, sides=asked.sides())


def _dataset(name: str, asked: Asked) -> Dataset:
    configs, default = configs_of(name, asked.revision, asked.data_dir)
    config = asked.config or default or (configs[0] if len(configs) == 1 else None)
    if config is None:
        raise LoadError(f"{name} has the configs {', '.join(configs)}, and none is the default; name one with --config")
    if config not in configs:
        raise LoadError(f"{name} has no config {config!r}; {nearest(config, configs)}")
    try:
        return _config(name, config, configs, asked)
    except UnknownLayout:
        for other in () if asked.config else (one for one in configs if one != config):
            with suppress(UnknownLayout):
                return _config(name, other, configs, asked)
        raise


def _config(name: str, config: str, configs: Sequence[str], asked: Asked) -> Dataset:
    own = config if len(configs) > 1 or asked.config else None
    splits = splits_of(name, own, asked.revision, asked.data_dir)
    if asked.split and asked.split not in splits:
        raise LoadError(f"{name} has no split {asked.split!r}; {nearest(asked.split, splits)}")
    wanted = [asked.split] if asked.split else splits
    found = {split: read(name, asked.wanted(own, split)) for split in wanted}
    return Dataset(name, config, configs, found, _taken(next(iter(found.values())), asked))


def judgments(found: Dataset, asked: Asked) -> list[Opened]:
    """The judgments that lie beside a dataset's pairs, as prefgen writes them: those of the splits that are audited."""
    if "judgments" not in found.configs or found.config == "judgments":
        return []
    there = splits_of(found.name, "judgments", asked.revision, asked.data_dir)
    own = [split for split in there if split in found.splits] or ([] if asked.split else there)
    return [read(found.name, asked.wanted("judgments", split)) for split in own]
