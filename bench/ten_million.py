"""Ten million answers of a fake model, ten to each prompt, and then a verb that sees all of them at once: from prompts
to dataset, card and report, on two cores and in less than 2 GB. First near duplicates are taken out; then the classes
of what the journal has are balanced. Each run is a process of its own, which counts with all that it starts.

python bench/ten_million.py [ROWS] [FOLDER]

With a FOLDER what is made stays there, and what is there is gone on with. 10^7 rows take half an hour of CPU or more,
and 15 GB of disk.
"""

import json
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench.measure import Cost, run  # noqa: E402

if TYPE_CHECKING:
    from prefgen.llm.request import Request

ROWS, EACH, FRAME, MOST = 10_000_000, 10, 10_000, 2000
"""Answers, how many of them each prompt has, prompts that are written at once, and the MB that may be held."""
CORES, HOURS = 2, 12
WORDS, AGAIN = 25, 25
"""Words of a prompt; one of so many says nearly what an earlier one says."""
PLAIN = 8
"""One of so many answers has the prompt's words in their order, and is nearly another one."""
VERBS = {"near_duplicates": "near_duplicates: responses, of: response", "balance": "balance: responses, by: topic"}
RECIPE = """
recipe: ten-million
models: {writer: {use: fake/writer, max_tokens: 200}}
steps:
  prompts:   {load: prompts.jsonl, keep: [topic]}
  responses: {answer: prompts, model: writer, n: %d}
  kept:      {%s}
write: {responses: kept}
"""


def lay(place: Path, rows: int) -> None:
    """Prompts of random words, of three classes, in a file; and the recipes."""
    import numpy as np
    import polars as pl

    vocabulary = pl.Series([f"{n * 2654435761 % 2**32:x}"[: 3 + n % 6] for n in range(20_000)])
    with (place / "prompts.part").open("wb") as file:
        for start in range(0, rows, FRAME):
            here = min(FRAME, rows - start)
            chance = np.random.default_rng(start)
            words = vocabulary.gather(chance.integers(0, 20_000, here * WORDS)).reshape((here, WORDS)).arr.join(" ")
            number = pl.int_range(start, start + here, eager=True)
            earlier = pl.format("{} again {}", pl.col("words").shift(4), "n")
            own, again = pl.format("{} {}", "words", "n"), pl.col("n") % AGAIN == AGAIN - 1
            made = pl.DataFrame([number.alias("n"), words.alias("words")]).select(
                pl.when(again).then(earlier).otherwise(own).alias("prompt"),
                topic=pl.Series([*"abc"]).gather(chance.choice(3, here, p=[0.5, 0.3, 0.2])),
            )
            made.write_ndjson(file)
    (place / "prompts.part").rename(place / "prompts.jsonl")
    for name, verb in VERBS.items():
        (place / f"{name}.yaml").write_text(RECIPE % (EACH, verb))


def writer(request: "Request", seed: int) -> str:
    """The prompt's words in an order that the seed decides, mostly."""
    said: Any = request.messages[-1]["content"]
    words = said.split()[:-1]
    told = words if seed % PLAIN == 0 else random.Random(seed).sample(words, len(words))
    return f"In short: {' '.join(told)} {seed}."


def one(place: Path, name: str) -> None:
    """A run, and what is to be told of it."""
    from prefgen.cli import AT_IMPORT

    for variable, value in AT_IMPORT.items():  # as the command line does
        os.environ.setdefault(variable, value)
    import prefgen
    from prefgen.recipe import load

    done = prefgen.run(load(place / f"{name}.yaml"), place / "run", fakes={"writer": writer})
    steps = {step["table"]: step for step in json.loads((done.folder / "run.json").read_text())["steps"]}
    sizes = {"journal": (place / "run", "journal.sqlite*"), "tables": (done.folder / "tables", "*.parquet"),
             "dataset": (done.dataset, "**/*")}  # fmt: skip
    told = {
        "rows": {table: count.rows_out for table, count in done.counts.items()},
        "asked": done.counts["responses"].tally.calls,
        "seconds": {table: step.get("seconds") for table, step in steps.items()},
        "bytes": {what: size(*of) for what, of in sizes.items()},
    }
    (place / f"{name}.json").write_text(json.dumps(told))


def size(folder: Path, which: str) -> int:
    """Bytes of some files."""
    return sum(path.stat().st_size for path in folder.glob(which) if path.is_file())


def steps(place: Path, rows: int) -> Iterator[tuple[str, Cost]]:
    """What each part cost, when it is done."""
    if not (place / "prompts.jsonl").exists():
        yield "prompts", child(place, "lay", str(rows // EACH))
    for name in VERBS:
        yield name, child(place, "one", name)


def child(place: Path, *what: str) -> Cost:
    """A part in a process of its own. Raises SystemExit where it fails."""
    cost = run([sys.executable, __file__, "--child", str(place), *what], place / f"{what[-1]}.log", most=HOURS * 3600)
    if cost.status:
        raise SystemExit(f"{' '.join(what)} ended with {cost.status}:\n{cost.words}")
    return cost


def told(place: Path, name: str, cost: Cost) -> str:
    """A line of the table."""
    line = f"| {name} | {cost.together:,.0f} | {cost.cpu:,.0f} | {cost.wall:,.0f} |"
    if name not in VERBS:
        return f"{line} | | |"
    found = json.loads((place / f"{name}.json").read_text())
    sizes = ", ".join(f"{what} {number / 1e9:.2f}" for what, number in found["bytes"].items())
    rows = ", ".join(f"{table} {number:,}" for table, number in found["rows"].items())
    return f"{line} {found['asked']:,} | {rows} | {sizes} |"


def main(rows: int, place: Path) -> None:
    """The table; fails where more than MOST was held."""
    place.mkdir(parents=True, exist_ok=True)
    print(f"{rows:,} rows on {len(os.sched_getaffinity(0))} cores, {time.strftime('%Y-%m-%d')}\n")
    print(
        "| | most memory, MB | CPU, s | clock, s | asked | rows | GB |\n| --- | ---: | ---: | ---: | ---: | --- | --- |"
    )
    most = 0.0
    for name, cost in steps(place, rows):
        print(told(place, name, cost), flush=True)
        most = max(most, cost.together)
    if most > MOST:
        raise SystemExit(f"{most:,.0f} MB were held, and {MOST:,} may be")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        place, what, which = Path(sys.argv[2]), *sys.argv[3:]
        lay(place, int(which)) if what == "lay" else one(place, which)
        sys.exit()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    number = int(sys.argv[1].replace("_", "")) if sys.argv[1:] else ROWS
    if sys.argv[2:]:
        main(number, Path(sys.argv[2]))
    else:
        with TemporaryDirectory(prefix="prefgen-") as folder:
            main(number, Path(folder))
