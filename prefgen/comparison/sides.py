"""The two that are compared: a run's folder, or a dataset's, what lies there, and what each is called."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefgen import folders, verbs
from prefgen.errors import PrefgenError, RunError
from prefgen.judged import PAIRS, SCORES
from prefgen.kept import RECIPE
from prefgen.recipe import Recipe, load
from prefgen.shardfiles import files_of
from prefgen.tablefile import parquet

Paths = tuple[Path, ...]
Spans = Sequence[tuple[int, int]]
"""Places of prompts, from one to before another."""
TEXTS = {"prompt_id", "chosen", "rejected"}
"""The columns by which tables of pairs are known."""
STEP = ("table", "verb", "rows_in", "rows_out", "dropped", "unreadable", "failed", "spent")
"""What run.json says of a step."""
JUDGED = {"verdict", "response_a", "judge_model"}
"""Columns of pairs that are shown to judges, or were."""
CURE = "name a run's folder, such as runs/quickstart, or a dataset's"


@dataclass(frozen=True)
class Side:
    """One of two: its folder, what run.json says (nothing of a dataset alone), the recipe that was run, and the files
    of its pairs, of each table of judgments, of the prompts that its sources gave, and of a benchmark's results. Of a
    run that ended early ``ahead`` are tables of whose prompts it came to those in these spans alone.
    """

    folder: Path
    told: Mapping[str, Any] = field(default_factory=dict)
    recipe: Recipe | None = None
    pairs: Paths = ()
    judgments: Mapping[str, Paths] = field(default_factory=dict)
    prompts: Paths = ()
    ahead: Mapping[Path, Spans] = field(default_factory=dict)
    results: Paths = ()

    @property
    def is_part(self) -> bool:
        """Whether the run did not come to all of its prompts: it was stopped, or had enough."""
        return bool(self.told) and (self.told.get("status") != "finished" or bool(self.told.get("only_prompts")))


def opened(folder: Path) -> Side:
    """What lies in a folder. Raises RunError where it is neither a run's nor a dataset's."""
    if not folder.is_dir():
        raise RunError(f"{folder}: no such folder; {CURE}")
    home = folder.parent if folder.name == "dataset" and (folder.parent / "run.json").exists() else folder
    if (home / "run.json").exists():
        return _run(home)
    if (folder / "dataset").is_dir():
        folder /= "dataset"
    elif folders.journal_of(home).exists():
        raise folders.untold(home)
    try:
        files = files_of(folder)
    except RunError as e:
        raise (e if any(folder.glob("*/*.parquet")) else RunError(f"{folder}: {_nothing(folder)}")) from e
    every = {config: tuple(path for paths in of.values() for path in paths) for config, of in files.items()}
    judgments = {"judgments": every["judgments"]} if "judgments" in every else {}
    return Side(folder, {}, None, every.get("preferences", ()), judgments, results=every.get("results", ()))


def _nothing(folder: Path) -> str:
    """What is the matter with a folder that holds neither."""
    if pilots := sorted(path.parent for path in folder.glob("take-*/run.json")):
        return f"only pilots are here; name one, such as {pilots[0]}"
    return f"holds no run and no dataset; {CURE}"


def _run(home: Path) -> Side:
    told = _told(home)
    steps = {str(one["table"]): str(one["verb"]) for one in told["steps"]}
    tables = {name: path for name in steps if (path := home / "tables" / f"{name}.parquet").is_file()}
    columns = {name: _columns(path) for name, path in tables.items()}
    judging = [name for name in tables if steps[name] in verbs.files("judges")]
    judgments = {name: (tables[name],) for name in judging if columns[name] >= PAIRS or columns[name] >= SCORES}
    sources = tuple(path for name, path in tables.items() if steps[name] in verbs.files("sources"))
    written = {config: _written(home / "dataset" / config) for config in ("preferences", "results")}
    recipe = _recipe(home)
    pairs = written["preferences"] or _pairs(recipe, tables, columns)
    part = (told.get("only_prompts") or {}).items()
    ahead = {tables[root]: [(start, end) for start, end in spans] for root, spans in part if root in tables}
    return Side(home, told, recipe, pairs, judgments, sources, ahead, written["results"])


def _pairs(recipe: Recipe | None, tables: Mapping[str, Path], columns: Mapping[str, set[str]]) -> Paths:
    """The table of which preferences would have been written; of a recipe that writes none the last table of pairs that
    were not judged.
    """
    wanted = recipe.write.get("preferences") if recipe else None
    plain = [name for name in tables if columns[name] >= TEXTS and not columns[name] & JUDGED]
    names = [wanted] if wanted else plain[-1:]
    return tuple(tables[name] for name in names if name in tables and columns[name] >= TEXTS)


def _told(home: Path) -> dict[str, Any]:
    found = folders.account(home) or {}
    if not (isinstance(found.get("steps"), list) and all(map(_whole, found["steps"]))):
        raise folders.damaged(home / "run.json")
    return found


def _whole(step: Any) -> bool:
    """Whether this says of a step what a run says."""
    return isinstance(step, dict) and {*STEP} <= step.keys()


def _written(folder: Path) -> Paths:
    found = tuple(sorted(folder.glob("*.parquet"))) if folder.is_dir() else ()
    for path in found:
        _columns(path)
    return found


def _columns(path: Path) -> set[str]:
    import pyarrow as pa

    try:
        return set(parquet().read_schema(path).names)
    except (OSError, ValueError, pa.ArrowException) as e:
        raise RunError(f"{path}: cannot be read; run the recipe again, which asks nothing anew") from e


def _recipe(home: Path) -> Recipe | None:
    """The recipe that a run left; None where it left none, or it cannot be read by this prefgen."""
    try:
        return load(home / RECIPE) if (home / RECIPE).is_file() else None
    except PrefgenError:
        return None


# --- what they are called -------------------------------------------------------------------

LONGEST = 24
"""Characters of a name."""


def names(a: Path, b: Path) -> tuple[str, str]:
    """Two short names for two folders: the last parts of their paths that tell them apart, ``weak`` and ``strong`` for
    ``weak/run`` and ``strong/run``; A and B where nothing does, or only what is cut off.
    """
    one, other = (_parts(path) for path in (a, b))
    longest = max(len(one), len(other))
    padded = [["", *parts] if len(parts) < longest else parts for parts in (one, other)]
    found = next(((x, y) for x, y in zip(*map(reversed, padded), strict=False) if x != y), ("", ""))
    short = tuple(cut(name) for name in found)
    return (short[0], short[1]) if all(short) and short[0] != short[1] else ("A", "B")


def _parts(path: Path) -> list[str]:
    """The parts of a path, less what all runs have."""
    return list(_shown(path.resolve()))


def _shown(path: Path) -> Iterator[str]:
    parts = path.parts[1:]
    yield from parts[:-1] if parts and parts[-1] == "dataset" else parts


def cut(name: str, longest: int = LONGEST) -> str:
    """A name, without its middle where it is long."""
    half = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"
