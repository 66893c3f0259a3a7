"""A million preference rows: written from a run's table with splits, again with other cuts, loaded by datasets and by
polars, and grown by a tenth. Each step is a process of its own, which prints the most memory that it held.

python bench/write.py [ROWS]
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

if TYPE_CHECKING:
    import polars as pl

ROWS, FRAME = 1_000_000, 5_000
WORDS = {"prompt": 25, "chosen": 100, "rejected": 100}
"""Words of each text."""
SHARES = {"test": 0.02, "validation": 0.01}


def frames(first: int, rows: int) -> Iterator["pl.DataFrame"]:
    """Pairs of random words, two for each prompt, as a run's table holds them."""
    import numpy as np
    import polars as pl

    vocabulary = pl.Series([f"{n * 2654435761 % 2**32:x}"[: 3 + n % 6] for n in range(20_000)])
    for start in range(first, first + rows, FRAME):
        chance = np.random.default_rng(start)
        texts = {
            name: vocabulary.gather(chance.integers(0, 20_000, FRAME * n)).reshape((FRAME, n)).arr.join(" ")
            for name, n in WORDS.items()
        }
        number = pl.int_range(start, start + FRAME, eager=True, dtype=pl.UInt64)
        prompt_id = (number // 2 * 0x9E3779B97F4A7C15).cast(pl.String).str.pad_start(20, "0").str.slice(4)
        turn = pl.struct(pl.lit("user").alias("role"), pl.col("prompt").first().over("prompt_id").alias("content"))
        made = pl.DataFrame({"prompt_id": prompt_id, **texts}).with_columns(
            id=pl.format("{}.{}", "prompt_id", number % 2), prompt=pl.concat_list(turn)
        )
        whose = {
            f"{side}_{what}": pl.lit(f"{side}/x") for side in ("chosen", "rejected") for what in ("model", "reply")
        }
        yield made.with_columns(**whose)


def table(place: Path, first: int, rows: int) -> str:
    """The table of pairs that a run would leave."""
    from prefgen.tablefile import TableFile

    file = TableFile(place / "tables" / f"pairs-{first}.parquet")
    for frame in frames(first, rows):
        file.add(frame)
    file.close()
    return f"{(place / 'tables' / f'pairs-{first}.parquet').stat().st_size / 1e6:,.0f} MB"


def write(place: Path, first: int, batch: int, name: str, *, splits: bool) -> str:
    """The dataset of a table, read in batches of about so many rows."""
    from prefgen import dataset
    from prefgen.splits import of_tables
    from prefgen.tablefile import batches

    path, parted = place / "tables" / f"pairs-{first}.parquet", None
    if splits:
        parted = of_tables([path], SHARES)
    rows = map(dataset.CONFIGS["preferences"], batches(path, batch))
    found = dataset.write(place / name, {"preferences": rows}, splits=parted, readme=_readme)
    files = [*(place / name).rglob("*.parquet")]
    return (
        f"{json.dumps(found['preferences'])}, {len(files)} files, {sum(f.stat().st_size for f in files) / 1e6:,.0f} MB"
    )


def _readme(configs: Any) -> str:
    from prefgen.card import card
    from prefgen.recipe import Recipe

    return card(Recipe(name="million", steps={}), "recipe: million", configs, [])


def by_datasets(place: Path, name: str) -> str:
    """Every split of both configs, and the texts of the last rows."""
    from datasets import load_dataset

    found = {config: load_dataset(str(place / name), config) for config in ("preferences", "preferences_text")}
    assert all(of["train"][-1]["chosen"] for of in found.values())
    return ", ".join(f"{config} {json.dumps(of.num_rows)}" for config, of in found.items())


def by_polars(place: Path, name: str) -> str:
    """The rows, and the characters of what was chosen."""
    import polars as pl

    lazy = pl.scan_parquet(place / name / "preferences" / "*.parquet")
    last = pl.col("chosen").list.last().struct.field("content").str.len_chars()
    rows, length = lazy.select(pl.len(), last.sum().alias("n")).collect(engine="streaming").row(0)
    return f"{rows:,} rows, {length:,} characters chosen"


def grow(place: Path, older: str, newer: str) -> str:
    """The dataset with that of a second run beside it."""
    from prefgen.append import append
    from prefgen.grown import lines

    return "; ".join(lines(append(place / older, place / newer, place / "grown")))


def same(place: Path, one: str, other: str) -> str:
    """Whether two folders hold the same bytes."""
    from prefgen.verify import digest

    sums = [{p.relative_to(place / n): digest(p) for p in (place / n).rglob("*") if p.is_file()} for n in (one, other)]
    assert sums[0] == sums[1], "the bytes differ"
    return f"{len(sums[0])} files, the same bytes"


STEPS: dict[str, Callable[..., str]] = {one.__name__: one for one in (table, write, by_datasets, by_polars, grow, same)}


def child(step: str, place: Path, arguments: list[Any], more: dict[str, Any]) -> dict[str, Any]:
    """One step in a process of its own: what it says, its seconds and the most memory that it held, in MB."""
    asked = json.dumps([step, str(place), arguments, more])
    cache = {"HF_HOME": str(place / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    command = [sys.executable, __file__, "--child", asked]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **cache}, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _in_child(asked: str) -> None:
    step, place, arguments, more = json.loads(asked)
    began = time.perf_counter()
    said = STEPS[step](Path(place), *arguments, **more)
    print(json.dumps({"said": said, "seconds": time.perf_counter() - began, "peak": _peak()}))


def _peak() -> float:
    """The most memory that this process held, in MB. On Linux what rusage says holds what its parent had as well."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


def steps(place: Path, rows: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """All steps, as they come to their end."""
    more = 2 * max(FRAME, rows // 20 // FRAME * FRAME)  # half of them are there already
    yield "a run's table", child("table", place, [0, rows], {})
    yield "written, all in train", child("write", place, [0, 10_000, "whole"], {"splits": False})
    yield "again, other cuts", child("write", place, [0, 3_333, "again"], {"splits": False})
    yield "compared", child("same", place, ["whole", "again"], {})
    shutil.rmtree(place / "again")
    yield "loaded by datasets", child("by_datasets", place, ["whole"], {})
    shutil.rmtree(place / "hf", ignore_errors=True)
    yield "read by polars", child("by_polars", place, ["whole"], {})
    yield "written, three splits", child("write", place, [0, 10_000, "split"], {"splits": True})
    yield "a second run's table", child("table", place, [rows - more // 2, more], {})
    yield "its dataset", child("write", place, [rows - more // 2, 10_000, "second"], {"splits": True})
    yield "grown by it", child("grow", place, ["split", "second"], {})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _in_child(sys.argv[2])
        sys.exit()
    with TemporaryDirectory(prefix="prefgen-") as folder:
        print(f"{'step':22} {'seconds':>8} {'peak':>9}")
        for name, found in steps(Path(folder), int(sys.argv[1]) if sys.argv[1:] else ROWS):
            print(f"{name:22} {found['seconds']:8.1f} {found['peak']:6,.0f} MB  {found['said']}", flush=True)
