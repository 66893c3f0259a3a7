"""What of a run is pushed: its dataset folder as it was written, its recipe, and what is public of its run.json.

README.md  preferences/train-00000-of-00001.parquet …     dataset/, all of it
prefgen/recipe.yaml  prefgen/run.json                     in a folder that no config's data_files match
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from prefgen.errors import RunError, ending

OURS = "prefgen"
"""The folder of a repository that is prefgen's own."""
RECIPE, MANIFEST = f"{OURS}/recipe.yaml", f"{OURS}/run.json"
CARD = "README.md"
_DATASET = "dataset/"
_ABOUT = ("recipe", "prefgen", "versions", "status", "take", "target", "seed", "weights", "prompt_files")
_MODEL = ("use", "temperature", "top_p", "max_tokens", "likelihood")
"""What is public of a model: how it was sampled, and not where it was reached, by whom or at what price."""


@dataclass(frozen=True)
class File:
    """A file to push: its path in the repository, where its bytes are, and what git and LFS call them."""

    path: str
    source: Path | bytes
    size: int
    sha256: str
    git: str

    @property
    def is_text(self) -> bool:
        """Whether it travels in the commit itself."""
        return self.path.endswith((".md", ".yaml", ".json"))


def files(run: Path) -> dict[str, File]:
    """The files to push of a run's folder, by their path in the repository; the same for a run and its repetition.

    Raises RunError where there is no run or no dataset, and for the first file that is not as the run wrote it.
    """
    told = read(run)
    sums: Mapping[str, str] = told["sha256"]
    wanted = {name.removeprefix(_DATASET): name for name in sums if name.startswith(_DATASET)}
    written = told.get("dataset")
    if not (isinstance(written, dict) and any(written.values())) or CARD not in wanted:
        raise RunError(f"{run}: the run ended ({ending(told.get('status'))}) without a dataset; run its recipe again")
    wanted[RECIPE] = "recipe.yaml"
    found = {path: _file(run, name, path, sums.get(name, "")) for path, name in sorted(wanted.items())}
    found[MANIFEST] = _made(MANIFEST, manifest(told, list(found.values())))
    return found


def whole(folder: Path, told: Mapping[str, Any], own: Mapping[str, File]) -> dict[str, File]:
    """The files of a dataset folder that a run's rows were added to, with that run's recipe and run.json."""
    found = as_they_are(folder) | {RECIPE: own[RECIPE]}
    found[MANIFEST] = _made(MANIFEST, manifest(told, list(found.values())))
    return found


def as_they_are(folder: Path) -> dict[str, File]:
    """The files of a folder, but for hidden ones, which are a client's."""
    paths = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    shown = {name.as_posix(): path for name, path in paths.items() if not any(p.startswith(".") for p in name.parts)}
    return {name: File(name, path, *_hashed(path)) for name, path in shown.items()}


def read(run: Path) -> dict[str, Any]:
    """A run's run.json. Raises RunError where there is none that can be read."""
    try:
        told = json.loads((run / "run.json").read_text(encoding="utf-8"))
    except OSError:
        told = None
    except ValueError as e:
        raise RunError(f"{run}/run.json: cannot be read; run the recipe again, which asks nothing anew") from e
    if not isinstance(told, dict) or not isinstance(told.get("sha256"), dict):
        raise RunError(f"{run}: no run is here; name a run's folder, such as runs/quickstart")
    return told


def manifest(told: Mapping[str, Any], others: Sequence[File]) -> bytes:
    """The public form of run.json: nothing that differs between a run and its repetition (seconds, calls, money), no
    address and no name of a key; and of every other file its size and hashes, by which the next push knows its own.
    """
    models = {role: [_sampled(model) for model in pool] for role, pool in told.get("models", {}).items()}
    steps = [{key: value for key, value in step.items() if key not in _OF_ONE_RUN} for step in told.get("steps", [])]
    about = {key: told[key] for key in _ABOUT if told.get(key) not in (None, {})}
    reports = {key: told[key] for key in ("judges", "authors", "dataset") if told.get(key)}
    sums = {file.path: {"size": file.size, "sha256": file.sha256, "git": file.git} for file in others}
    whole = {**about, "models": models, "steps": steps, **reports, "files": sums}
    return (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode()


_OF_ONE_RUN = {"spent", "began", "seconds"}
"""What a step of run.json says of this run alone."""


def _sampled(model: Mapping[str, Any]) -> dict[str, Any]:
    return {key: model[key] for key in _MODEL if model.get(key) is not None}


def addresses(told: Mapping[str, Any]) -> set[str]:
    """The addresses that a run's models were given."""
    pools = [model for pool in told.get("models", {}).values() for model in pool]
    return {url for model in pools for url in (model.get("base_url"), *model.get("base_urls", ())) if url}


def _file(run: Path, name: str, path: str, told: str) -> File:
    """One file of a run, as it was written."""
    source = run / name
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise RunError(f"{run}/run.json: names {name!r}, which is not in the run's folder; run the recipe again")
    cure = "run the recipe again, which asks nothing anew, or see what `prefgen verify` says"
    try:
        size, sha256, git = _hashed(source)
    except OSError as e:
        raise RunError(f"{source}: is gone or cannot be read; {cure}") from e
    if sha256 != told:
        raise RunError(f"{source}: was changed since the run wrote it; {cure}")
    return File(path, source, size, sha256, git)


def _hashed(path: Path) -> tuple[int, str, str]:
    """A file's size, SHA-256 and git blob id, in one reading."""
    size = path.stat().st_size
    sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            sha256.update(part)
            git.update(part)
    return size, sha256.hexdigest(), git.hexdigest()


def _made(path: str, content: bytes) -> File:
    git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return File(path, content, len(content), hashlib.sha256(content).hexdigest(), git)
