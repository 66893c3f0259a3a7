"""How often the small model's likelihood finds the right answer: a person's answer to the prompt, against a person's
answer to another prompt. Prints the accuracy of each way of judging, and of taking the longer answer.

    python bench/likelihood.py
"""

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from prefgen import Recipe, do, run
from prefgen.judges.likelihood import likelihood
from prefgen.pairs.both_orders import both_orders
from prefgen.sources.load import load

DATA = Path(__file__).parent.parent / "recipes" / "data" / "user_oriented_prompts.jsonl"
PAIRS, LONGEST = 40, 200
WAYS = {"mean": ["mean"], "channel": ["channel"], "mean + channel": ["mean", "channel"]}


def prompts() -> list[dict[str, str]]:
    """The first prompts and answers that are neither empty nor long; ``other`` is the answer to the next prompt."""
    rows = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if 20 < len(row["reference"]) < LONGEST and len(row["prompt"]) < LONGEST][:PAIRS]
    following = [*rows[1:], rows[0]]
    return [{**row, "other": other["reference"]} for row, other in zip(rows, following, strict=True)]


def paired(rows: pl.DataFrame) -> pl.DataFrame:
    """The person's answer as chosen, the one to another prompt as rejected."""
    return rows.rename({"reference": "chosen", "other": "rejected"})


def accuracy(judged: pl.DataFrame) -> str:
    """The share of right verdicts, with its standard error."""
    right, n = (judged["verdict"] == judged["gold"]).mean(), judged.height
    share = float(str(right))
    return f"{share:.2f} ± {math.sqrt(share * (1 - share) / n):.2f} (n = {n})"


def main() -> None:
    """One recipe, one judge for each way; the pairs are shown chosen first, since order cannot matter."""
    judges = {
        f"by{i}": do(likelihood, "orders", model="small", by=by, first_words=40) for i, by in enumerate(WAYS.values())
    }
    steps = {
        "prompts": do(load, prompts(), keep=["reference", "other"]),
        "pairs": do(paired, "prompts"),
        "orders": do(both_orders, "pairs"),
        **judges,
    }
    recipe = Recipe(name="likelihood", models={"small": {"use": "local/smollm2-135m"}}, steps=steps)
    with TemporaryDirectory() as folder:
        done = run(recipe, folder)
        tables = [done.table(name).filter(pl.col("gold") == "A") for name in judges]
    for way, judged in zip(WAYS, tables, strict=True):
        print(f"{way:16} {accuracy(judged)}")
    longer = pl.col("response_a").str.len_chars() > pl.col("response_b").str.len_chars()
    print(f"{'the longer one':16} {accuracy(tables[0].with_columns(verdict=pl.when(longer).then(pl.lit('A'))))}")


if __name__ == "__main__":
    main()
