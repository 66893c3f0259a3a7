"""A run's folder with very many pairs, made directly: perturbed pairs, judged once in both orders, of which those stay
whose verdict is the known one.
"""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from prefgen import dataset
from prefgen.configs import preferences
from prefgen.judged import judge_report, looked_at
from prefgen.rounds import LOST, Count
from prefgen.shards import Files, Made
from prefgen.tablefile import batches

TOGETHER = 5000
VERBS = {
    "prompts": "load",
    "pairs": "perturb",
    "orders": "both_orders",
    "judgments": "compare",
    "agreed": "verdict_agreement",
}
UNREAD, RIGHT = 0.02, 0.7
"""The share of replies that say nothing, and of verdicts that are right."""


def large(folder: Path, pairs: int) -> Path:
    """The folder of a run with so many pairs, each with responses of some hundred characters."""
    steps = {table: {"rows_in": 0, "rows_out": 0, "dropped": {}, "unreadable": {}} for table in VERBS}
    chance = np.random.default_rng(0)
    with Files(folder / "tables", [*VERBS]) as files:
        for start in range(0, pairs, TOGETHER):
            made = _made(start, min(TOGETHER, pairs - start), chance)
            files.add({table: Made(rows, lost, Count()) for table, (_, rows, lost) in made.items()})
            for table, (rows_in, rows, lost) in made.items():
                _count(steps[table], table, rows_in, rows, lost)
    files_of = {"preferences": map(preferences, batches(folder / "tables" / "agreed.parquet"))}
    written = dataset.write(folder / "dataset", files_of)
    judges = judge_report(looked_at(folder / "tables" / "judgments.parquet"))
    told = {
        "recipe": "large", "about": "Many pairs.", "status": "finished", "seed": 0, "seconds": 60.0, "models": {},
        "steps": list(_steps(steps)), "write": {"preferences": "agreed"}, "dataset": written,
        "judges": {"judgments": judges}, "sha256": {},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(told))
    return folder


def _made(start: int, n: int, chance: np.random.Generator) -> dict[str, tuple[int, pl.DataFrame, pl.DataFrame]]:
    """Of each table the rows that went in, those that came out, and those that are lost."""
    ids, text = [f"{i:016x}" for i in range(start, start + n)], _texts(chance)
    prompt = [[{"role": "user", "content": f"Question {i}?"}] for i in range(start, start + n)]
    category = [("coding", "rewriting", "extraction")[i % 3] for i in range(n)]
    prompts = pl.DataFrame({"prompt_id": ids, "id": ids, "prompt": prompt, "category": category})
    models: list[pl.Expr | pl.Series] = [
        pl.lit("a/x").alias("chosen_model"),
        pl.Series("rejected_model", [f"a/{'xyz'[i % 3]}" for i in range(n)]),
    ]
    sides = {side: pl.Series([next(text) for _ in ids]) for side in ("chosen", "rejected")}
    keys = {f"{side}_reply": pl.lit("0" * 64) for side in sides}
    pairs = prompts.with_columns(*models, **sides, **keys, id=pl.col("id") + ".0")
    orders = pl.concat([_order(pairs, "A"), _order(pairs, "B")]).sort("prompt_id", maintain_order=True)
    right = chance.random(orders.height) < RIGHT
    verdict = pl.when(pl.Series(right)).then("gold").otherwise(pl.col("gold").replace_strict({"A": "B", "B": "A"}))
    said = {"verdict": verdict, "judgment": pl.lit("So it is."), "judge_model": pl.lit("a/judge")}
    replies = orders.with_columns(**said, judgment_reply=pl.lit("1" * 64), asked="prompt", id=pl.col("id") + ".0")
    read = pl.Series(chance.random(orders.height) >= UNREAD)
    judgments, agrees = replies.filter(read), pl.col("verdict") == pl.col("gold")
    return {
        "prompts": (n, prompts, _lost(prompts.clear(), "")),
        "pairs": (n, pairs, _lost(pairs.clear(), "")),
        "orders": (n, orders, _lost(orders.clear(), "")),
        "judgments": (orders.height, judgments, _lost(replies.filter(~read), "missing")),
        "agreed": (
            judgments.height,
            judgments.filter(agrees),
            _lost(judgments.filter(~agrees), "verdict differs from gold"),
        ),
    }


def _texts(chance: np.random.Generator) -> Iterator[str]:
    words = " ".join(chance.choice(["alpha", "beta", "gamma", "delta", "epsilon"], 800))
    for _ in count():
        start, size = chance.integers(0, 2000), chance.integers(200, 900)
        yield words[start : start + size]


def _order(pairs: pl.DataFrame, gold: str) -> pl.DataFrame:
    a, b = ("chosen", "rejected") if gold == "A" else ("rejected", "chosen")
    end = {"A": ".ab", "B": ".ba"}[gold]
    return pairs.with_columns(gold=pl.lit(gold), pair_id="id", response_a=a, response_b=b, id=pl.col("id") + end)


def _lost(rows: pl.DataFrame, why: str) -> pl.DataFrame:
    return rows.select("prompt_id", "id", dropped=pl.lit(why), detail=pl.lit("It depends.")).cast(dict(LOST))  # type: ignore[arg-type]


def _count(step: dict[str, Any], table: str, rows_in: int, rows: pl.DataFrame, lost: pl.DataFrame) -> None:
    step["rows_in"] += rows_in
    step["rows_out"] += rows.height
    kind = step["unreadable" if table == "judgments" else "dropped"]
    for (reason,), of in lost.group_by("dropped"):
        kind[str(reason)] = kind.get(str(reason), 0) + of.height


def _steps(steps: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The steps as run.json has them."""
    spent = dict.fromkeys(("calls", "cached", "retries", "prompt_tokens", "completion_tokens", "unpriced"), 0)
    before: list[str] = []
    for table, one in steps.items():
        unread = sum(one["unreadable"].values())
        asks = {"drawn": one["rows_out"] + unread, "unanswered": unread} if table in {"pairs", "judgments"} else {}
        yield {
            "table": table,
            "verb": VERBS[table],
            "inputs": before,
            **one,
            **asks,
            "failed": {},
            "spent": {**spent, "dollars": 0.0},
        }
        before = [table]
