"""What verbs on tables cost: each on 10^5 and on 10^6 rows, in a process of its own, with the most memory that it held,
and on a table of four rows, of which a run makes thousands. Prints Markdown.

python bench/tables.py [--short] [--all] [VERB …]

The verbs of NAMED go over 10^6 rows, the others over 10^5 (``--all``: over 10^6 too); the time of a tenth of the rows
stands beside, so that a quadratic one shows. ``--short`` holds each against itself instead: of 10^4 rows, the whole
must give what shards of it give, where a verb looks at one prompt at a time.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import polars as pl

from bench.frames import TABLES, benchmark

ROWS, SHORT, FEW, SHARD = 1_000_000, 10_000, 4, 500
"""Rows of a table, of one for ``--short``, and of one that is all but empty; prompts of a shard."""
CALLS = 20
NAMED = ("length_control", "verdict_agreement", "balance", "decontaminate")
LEAST = {"novel": 10, "neighbor": 10, "few_shots": 1}
"""Verbs that compare each row with all others go over a tenth as many; a draw of 1,000 sets over all."""

Case = tuple[str, Mapping[str, Any]]
CASES: Mapping[str, Case] = {
    "length_control": ("responses", {"rho": 0.3}),
    "verdict_agreement": ("verdicts", {"share": 0.5, "at_least": 2}),
    "balance": ("verdicts", {}),
    "decontaminate": ("prompts", {"against": "benchmark.parquet"}),
    "author_balance": ("pairs", {}),
    "class_cap": ("responses", {"share": 0.1}),
    "identical": ("pairs", {}),
    "language": ("prompts", {"among": "en"}),
    "length_ratio": ("pairs", {}),
    "majority_share": ("verdicts", {}),
    "max_length": ("responses", {"of": "response", "at_most": 190}),
    "most_uncertain": ("ratings", {}),
    "near_duplicates": ("prompts", {}),
    "non_answers": ("pairs", {}),
    "novel": ("new_texts", {}),
    "one_of": ("verdicts", {"same": "pair_id", "pick": "random"}),
    "order_agreement": ("verdicts", {}),
    "panel_agreement": ("verdicts", {"at_least": 1}),
    "rank_agreement": ("ratings", {}),
    "refusals": ("pairs", {}),
    "score_gap": ("pairs", {"at_least": 0.5, "top_share": 0.5}),
    "select": ("responses", {"by": "score", "at_least": 2, "take": 1000}),
    "self_instruct": ("new_texts", {}),
    "truncation": ("responses", {"unfinished": True}),
    "anchored": ("responses", {}),
    "battles": ("ratings", {}),
    "best_random": ("responses", {}),
    "best_worst": ("responses", {"ties": "random"}),
    "both_orders": ("pairs", {}),
    "judgment_pairs": ("ratings", {}),
    "neighbor": ("responses", {}),
    "one_order": ("pairs", {}),
    "right_wrong": ("verdicts", {}),
    "best_of_four": ("sets", {}),
    "credit": ("verdicts", {}),
    "domains": ("credited", {}),
    "elo": ("battles", {}),
    "majority": ("verdicts", {}),
    "mean": ("ratings", {}),
    "sections": ("credited", {}),
    "ties": ("ratings", {}),
    "as_prompts": ("new_texts", {}),
    "draw": ("prompts", {"among": "constitution.jsonl"}),
    "few_shots": ("prompts", {"n": 1000, "each": [8]}),
    "together": ("responses", {}),
    "unpair": ("pairs", {}),
    "configs.preferences": ("pairs", {}),
    "configs.preferences_text": ("preferences", {}),
    "configs.judgments": ("verdicts", {}),
    "configs.judge_sft": ("verdicts", {}),
    "configs.judge_preferences": ("judgment_pairs", {}),
    "configs.responses": ("responses", {}),
    "formats.axolotl_reward": ("preferences", {}),
    "formats.conversational": ("preferences", {}),
    "formats.fairseq2": ("preferences", {}),
    "formats.fairseq2_sft": ("judge_sft", {}),
    "formats.judge_sft": ("judge_sft", {}),
    "formats.kto": ("preferences", {}),
    "formats.llama_factory": ("preferences", {}),
    "formats.llama_factory_alpaca": ("preferences", {}),
    "formats.nemo_rl": ("preferences", {}),
    "formats.prompt_only": ("written_responses", {}),
    "formats.rewardbench": ("preferences", {}),
    "formats.sharegpt": ("preferences", {}),
    "formats.text": ("preferences", {}),
    "formats.ultrafeedback": ("preferences", {}),
    "formats.verl": ("written_responses", {}),
    "judged.judge_report, pairs": ("verdicts", {}),
    "judged.judge_report, scores": ("ratings", {}),
    "judged.author_report": ("preferences", {}),
}
"""The table that a verb takes, and its settings."""


def verb_of(name: str) -> Callable[..., Any]:
    """The function of a case."""
    from importlib import import_module

    from prefgen import verbs

    room, _, own = name.partition(",")[0].rpartition(".")
    if not room:
        return verbs.find(own)
    module = import_module(f"prefgen.{room}" if room != "formats" else f"prefgen.formats.{own}")
    found: Callable[..., Any] = getattr(module, own)
    return found


def settings_of(name: str, place: Path) -> dict[str, Any]:
    """The settings; files that they name are made beside the tables, or come with prefgen."""
    from prefgen.tables import draw

    beside = {"benchmark.parquet": place, "constitution.jsonl": Path(draw.__file__).parent}
    return {c: beside[v] / v if isinstance(v, str) and v in beside else v for c, v in CASES[name][1].items()}


def applied(name: str, rows: pl.DataFrame, settings: Mapping[str, Any]) -> Any:
    """What a run, an export or a report makes of a table."""
    from prefgen.applied import split

    verb = verb_of(name)
    return split(verb, [rows], settings) if not name.startswith(("configs", "judged")) else verb(rows, **settings)


# --- figures --------------------------------------------------------------------------------


def child(asked: Sequence[Any]) -> dict[str, float]:
    """One verb over one table, in a process of its own: seconds, and memory in MB before and at its highest."""
    command = [sys.executable, __file__, "--child", json.dumps(asked)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env={**os.environ}, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _in_child(name: str, place: str, rows: int) -> dict[str, float]:
    settings, table = settings_of(name, Path(place)), pl.read_parquet(Path(place) / f"{CASES[name][0]}-{rows}.parquet")
    applied(name, table.head(FEW), settings)  # imports are not the verb's
    tenth, began = table.head(table.height // 10), time.perf_counter()
    applied(name, tenth, settings)
    less = time.perf_counter() - began
    before, began, used = _memory("VmRSS"), time.perf_counter(), time.process_time()
    applied(name, table, settings)
    took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - used}
    return {"rows": table.height, "tenth": less, **took, "before": before, "peak": _memory("VmHWM")}


def _memory(which: str) -> float:
    """Memory of this process in MB: what it holds, or the most that it held."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith(which)]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


def _make(place: Path, table: str, rows: int) -> None:
    """Writes a table, and the benchmark beside it, once; in a process of its own, so that none of it is held here."""
    for path, made in ((place / f"{table}-{rows}.parquet", TABLES[table]), (place / "benchmark.parquet", benchmark)):
        if not path.exists():
            made(rows).write_parquet(path)


def measured(name: str, place: Path, rows: int) -> dict[str, float]:
    if not (place / f"{CASES[name][0]}-{rows}.parquet").exists():
        subprocess.run([sys.executable, __file__, "--make", str(place), CASES[name][0], str(rows)], check=True)
    return child([name, str(place), rows])


def figures(place: Path, names: Sequence[str], *, every: bool) -> Iterator[str]:
    """A line of Markdown for each verb."""
    yield "| verb | rows | seconds | of a tenth | CPU seconds | rows a second | peak MB, table included |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for name in names:
        rows = (ROWS if every or name in NAMED else ROWS // 10) // LEAST.get(name, 1)
        whole = measured(name, place, rows)
        speed = whole["rows"] / whole["seconds"]
        yield (
            f"| `{name}` | {whole['rows']:,} | {whole['seconds']:.2f} | {whole['tenth']:.3f} | {whole['cpu']:.2f} | "
            f"{speed:,.0f} | {whole['peak']:,.0f}, {whole['before']:,.0f} |"
        )


def few(place: Path, names: Sequence[str]) -> Iterator[str]:
    """What a call costs where there is next to nothing to do: the quickest of some, in microseconds."""
    yield f"| verb | µs on {FEW} rows |"
    yield "|---|---:|"
    for name in names:
        table, settings = TABLES[CASES[name][0]](4 * FEW).head(FEW), settings_of(name, place)
        best = float("inf")
        for _ in range(CALLS):
            began = time.perf_counter()
            applied(name, table, settings)
            best = min(best, time.perf_counter() - began)
        yield f"| `{name}` | {1e6 * best:,.0f} |"


# --- against itself -------------------------------------------------------------------------


def held_against_itself(name: str, place: Path, rows: int = SHORT) -> str:
    """Asserts that shards of a table, applied one by one, give what the whole gives."""
    from prefgen.rows import DROPPED

    verb, settings = verb_of(name), settings_of(name, place)
    table = TABLES[CASES[name][0]](rows // LEAST.get(name, 1))
    mark = getattr(verb, "whole", None)
    whole = applied(name, table, settings)
    if name.startswith("judged") or (mark(settings) if callable(mark) else mark):
        return "sees the whole table"
    prompts = table["prompt_id"].rle_id() // SHARD if "prompt_id" in table.columns else pl.int_range(len(table)) // 1000
    parts = [
        applied(name, part, settings) for part in table.with_columns(_s=prompts).partition_by("_s", include_key=False)
    ]
    if name.startswith("configs"):
        assert pl.concat(parts).equals(whole), name
        return f"{whole.height:,} rows, alike"
    made, gone = (pl.concat(frames) for frames in zip(*parts, strict=True))
    assert made.equals(whole[0]), name
    assert gone.select(DROPPED).equals(whole[1].select(DROPPED)), name
    return f"{made.height:,} rows and {gone.height:,} dropped, alike"


def main(words: Sequence[str]) -> None:
    """The table, or with ``--short`` a line for each verb."""
    names = [word for word in words if not word.startswith("-")] or list(CASES)
    with TemporaryDirectory(prefix="prefgen-") as folder:
        place = Path(folder)
        if "--short" in words:
            _make(place, "prompts", SHORT)
            for name in names:
                print(f"{name}: {held_against_itself(name, place)}", flush=True)
            return
        for line in figures(place, names, every="--all" in words):
            print(line, flush=True)
        print()
        for line in few(place, [name for name in names if not name.startswith("judged")]):
            print(line, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(_in_child(*json.loads(sys.argv[2]))))
    elif sys.argv[1:2] == ["--make"]:
        _make(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        main(sys.argv[1:])
