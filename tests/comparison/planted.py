"""Dataset folders that hold what a test says, and what a few lines make of them."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.configs import types
from prefgen.dataset import write

Pair = tuple[int, str, str]
"""Prompt, chosen, rejected."""


def prompt_id(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()[:16]


def talk(number: int, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"Question {number}?"}, {"role": "assistant", "content": answer}]


def preferences(pairs: Sequence[Pair]) -> pl.DataFrame:
    rows = [
        {
            "chosen": talk(number, chosen),
            "rejected": talk(number, rejected),
            "prompt_id": prompt_id(number),
            "pair_id": f"{prompt_id(number)}.{place}",
            "judgment_replies": [],
        }
        for place, (number, chosen, rejected) in enumerate(pairs)
    ]
    return pl.DataFrame(rows, schema=types("preferences"))


def judgments(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    whole = [
        {
            **row,
            "prompt_id": prompt_id(row["prompt"]),
            "prompt": talk(row["prompt"], "")[:1],
            "judgment_id": f"{prompt_id(row['prompt'])}.{place}",
            "judgment_replies": [],
        }
        for place, row in enumerate(rows)
    ]
    return pl.DataFrame(whole, schema=types("judgments"))


def dataset(folder: Path, pairs: Sequence[Pair], judged: Sequence[Mapping[str, Any]] = ()) -> Path:
    write(folder, {"preferences": preferences(pairs), "judgments": judgments(judged)})
    folder.mkdir(exist_ok=True)
    return folder
