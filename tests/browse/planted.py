"""Runs to look at: shipped recipes on fakes, and folders whose tables are written by hand."""

import json
from collections.abc import Mapping, Sequence
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


def rlcd(folder: Path, n: int = 40) -> Run:
    """Pairs, each judged in both orders by a judge that errs and mumbles, kept where both are right."""
    return play("rlcd", folder, {"actor": actor(), "judge": mumbling(Judge(0.7))}, n)


def cascade(folder: Path, n: int = 40) -> Run:
    """Pairs judged by a cheap judge, and by a dear one where that does not agree with itself."""
    cheap, dear = mumbling(Judge(0.6, 0.2)), Judge(0.8, 0.1)
    who: dict[str, Writer | list[Writer]] = {"writer": perturber(0.2), "cheap": cheap, "dear": dear}
    return play("cascade", folder, who, n)


def best_of_n(folder: Path, n: int = 12) -> Run:
    """Pairs of scored responses, of which half are kept."""
    return play("best-of-n", folder, {"actor": actor(), "judge": mumbling(scorer(1.0))}, n)


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
