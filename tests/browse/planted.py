"""Runs to look at: shipped recipes on fakes, and folders whose tables are written by hand."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from prefgen import run
from prefgen.llm.request import Request
from prefgen.run import Run
from prefgen.tablefile import TableFile
from tests.test_recipes import DATA, FAKES, on_fakes
from tests.worlds import Judge, Writer, actor, perturber, play, scorer

Step = tuple[str, str, Sequence[str]]
"""A table, its verb and its inputs."""


def shipped(name: str, folder: Path, preset: str | None = None, take: int = 4) -> Run:
    """A shipped recipe on fakes, of few prompts."""
    return run(on_fakes(name, preset), folder / "run", fakes=FAKES, take=None if name in DATA else take, shard=2)


def mumbling(judge: Writer, share: int = 9) -> Writer:
    """A judge of which every so many replies cannot be read."""

    def says(request: Request, seed: int) -> str:
        return "I would rather not say." if seed % share == 0 else judge(request, seed)

    return says


def _rlcd(folder: Path) -> Run:
    return play("rlcd", folder, {"actor": actor(), "judge": mumbling(Judge(0.7))}, 70)


def _cascade(folder: Path) -> Run:
    cheap, dear = mumbling(Judge(0.6, 0.2)), Judge(0.8, 0.1)
    who: dict[str, Writer | list[Writer]] = {"writer": perturber(0.2), "cheap": cheap, "dear": dear}
    return play("cascade", folder, who, 40)


def _best_of_n(folder: Path) -> Run:
    return play("best-of-n", folder, {"actor": actor(), "judge": mumbling(scorer(1.0))}, 12)


@cache
def _once(make: Callable[[Path], Run]) -> Run:
    """A run that is made once in a process."""
    place = Path(tempfile.mkdtemp(prefix="planted-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return make(place)


def _copied(make: Callable[[Path], Run], folder: Path) -> Run:
    done = _once(make)
    shutil.copytree(done.folder, folder / "run")
    return replace(done, folder=folder / "run")


def rlcd(folder: Path) -> Run:
    """70 pairs, each judged in both orders by a judge that errs and mumbles, kept where both are right."""
    return _copied(_rlcd, folder)


def cascade(folder: Path) -> Run:
    """40 pairs judged by a cheap judge, and by a dear one where that does not agree with itself."""
    return _copied(_cascade, folder)


def best_of_n(folder: Path) -> Run:
    """12 pairs of scored responses, of which half are kept."""
    return _copied(_best_of_n, folder)


def tables(done: Run, name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A table's rows, and those that are lost."""
    paths = (done.folder / "tables" / f"{name}{end}.parquet" for end in ("", ".dropped"))
    rows, lost = (pl.read_parquet(path).to_dicts() for path in paths)
    return rows, lost


def written(folder: Path, frames: Mapping[str, pl.DataFrame], steps: Sequence[Step], write: Mapping[str, str]) -> Path:
    """A run's folder with these tables."""
    for name, frame in frames.items():
        file = TableFile(folder / "tables" / f"{name}.parquet")
        file.add(frame)
        file.close()
    told = [{"table": table, "verb": verb, "inputs": list(inputs)} for table, verb, inputs in steps]
    (folder / "run.json").write_text(json.dumps({"recipe": "planted", "steps": told, "write": dict(write)}))
    return folder


def talk(text: str) -> list[dict[str, str]]:
    """A prompt of one turn."""
    return [{"role": "user", "content": text}]


def pairs(texts: Sequence[tuple[str, str, str]], **more: Sequence[Any]) -> pl.DataFrame:
    """A table of pairs of these prompts and responses."""
    ids = [f"{n:016x}" for n in range(len(texts))]
    columns = {
        "prompt_id": ids,
        "id": [f"{one}.0" for one in ids],
        "prompt": [talk(prompt) for prompt, _, _ in texts],
        "chosen": [chosen for _, chosen, _ in texts],
        "rejected": [rejected for _, _, rejected in texts],
    }
    return pl.DataFrame(columns | more)


def plain_run(folder: Path, frame: pl.DataFrame) -> Path:
    """A run of one table, which is written."""
    folder.mkdir(parents=True, exist_ok=True)
    return written(folder, {"pairs": frame}, [("pairs", "load_pairs", [])], {"preferences": "pairs"})
