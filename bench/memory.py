"""The most memory, and the CPU seconds, that it takes to plan and to load so many prompts: each a process of its own.

python bench/memory.py [PROMPTS ...]
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

PROMPTS = (10_000, 100_000, 1_000_000)
WORDS = 25
"""Words of each prompt."""
RECIPE = """
recipe: memory
models: {writer: {use: openai/gpt-4.1-mini, max_tokens: 100}}
steps:
  prompts:   {load: prompts.jsonl, keep: [topic, number]%s}
  responses: {answer: prompts, model: writer}
write: {responses: responses}
"""


def lay(place: Path, prompts: int) -> None:
    """Prompts of random words, in a file and in recipes."""
    with (place / "prompts.jsonl").open("w") as file:
        for number in range(prompts):
            words = " ".join(f"{(number * WORDS + n) * 2654435761 % 2**32:x}"[: 3 + n % 6] for n in range(WORDS))
            file.write(
                json.dumps({"prompt": f"{number}: {words}?", "topic": "abc"[number % 3], "number": number}) + "\n"
            )
    (place / "plan.yaml").write_text(RECIPE % "")
    (place / "shuffle.yaml").write_text(RECIPE % ", shuffle: true")


def plan(place: Path) -> None:
    """``prefgen plan``, with an estimate of each step."""
    _estimated(place / "plan.yaml")


def shuffle(place: Path) -> None:
    """The same, where the prompts are shuffled first."""
    _estimated(place / "shuffle.yaml")


def _estimated(path: Path) -> None:
    from prefgen.recipe import load
    from prefgen.run import estimates

    estimates(load(path), path.parent / "run")


def shards(place: Path) -> None:
    """Planning, and then all that a run reads of its prompts, eight at a time."""
    from prefgen import plan
    from prefgen.recipe import load
    from prefgen.spool import in_shards, prompts_of

    source = (
        plan.make(load(place / "plan.yaml"), keys=False, writers={"responses": lambda rows: rows})
        .steps["prompts"]
        .source
    )
    if source:
        source.copied(place / "prompts.parquet", place / "prompts.dropped.parquet")
        seen = sum(rows["prompt_id"].n_unique() for rows in in_shards(place / "prompts.parquet", 8))
        if seen != prompts_of(place / "prompts.parquet"):
            raise RuntimeError(f"{seen} prompts came in shards")


def load(place: Path) -> None:
    """``prefgen.sources.load``, which gives one frame."""
    from prefgen.sources.load import load

    load(place / "prompts.jsonl", keep=["topic", "number"])


STEPS: dict[str, Callable[[Path], None]] = {one.__name__: one for one in (plan, shuffle, shards, load)}


def measured(step: str, place: Path) -> tuple[float, float]:
    """The most memory of a step in MB, and its CPU seconds."""
    child = subprocess.Popen(
        [sys.executable, __file__, "--one", step, str(place)], env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{step} failed")
    return used.ru_maxrss / 1024, used.ru_utime + used.ru_stime


def main(sizes: list[int]) -> None:
    """A line for each step and number of prompts."""
    print("| step | prompts | most memory, MB | CPU, s |\n| --- | ---: | ---: | ---: |")
    for size in sizes:
        with TemporaryDirectory() as folder:
            lay(Path(folder), size)
            for step in STEPS:
                memory, seconds = measured(step, Path(folder))
                print(f"| {step} | {size:,} | {memory:,.0f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as the command line does
        STEPS[sys.argv[2]](Path(sys.argv[3]))
    else:
        main([int(one.replace("_", "")) for one in sys.argv[1:]] or list(PROMPTS))
