"""Pairs of every shape that formats meet, and a run's folder that holds them."""

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from prefgen import configs

Messages = list[dict[str, str]]


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


PROMPTS: dict[str, Messages] = {
    "one": [turn("user", "Why is the sky \u201cblue\u201d?\nBriefly.")],
    "system": [turn("system", "Be kind."), turn("user", "Say hello.")],
    "several": [turn("user", "Count."), turn("assistant", "One."), turn("user", "Go on.")],
    "both": [turn("system", "Be brief."), turn("user", "1+1?"), turn("assistant", "2"), turn("user", "2+2?")],
    "tool": [turn("user", "The time?"), turn("assistant", "clock()"), turn("tool", "noon \u2028 GMT")],
    "twice": [turn("user", "Hello."), turn("user", "Anybody there?")],
}
"""Prompts by what is special about them."""


def pairs() -> pl.DataFrame:
    """One pair of each prompt, as the config ``preferences`` has it."""
    rows = [
        {
            "chosen": [*prompt, turn("assistant", f"good, {name}")],
            "rejected": [*prompt, turn("assistant", f"bad, {name}")],
            "prompt_id": f"{place:016x}",
            "pair_id": name,
            "chosen_model": "m/a",
            "rejected_model": None,
            "chosen_score": 4.5,
            "rejected_score": None,
            "chosen_reply": "k",
            "rejected_reply": "k",
            "judgment_replies": [],
        }
        for place, (name, prompt) in enumerate(PROMPTS.items())
    ]
    return as_config("preferences", rows)


def judge_sft() -> pl.DataFrame:
    """One judgment after each prompt, as the config ``judge_sft`` has it."""
    rows = [
        {
            "prompt": prompt,
            "completion": [turn("assistant", f"judged, {name}")],
            "prompt_id": f"{place:016x}",
            "judgment_id": name,
            "judge_model": "m/j",
            "judgment_replies": [],
        }
        for place, (name, prompt) in enumerate(PROMPTS.items())
    ]
    return as_config("judge_sft", rows)


def as_config(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows with the columns and types of a config; what they do not say is null."""
    schema = pl.DataFrame(configs.arrow_schema(name).empty_table()).schema
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema)


def written(place: Path, config: str, rows: pl.DataFrame, split: str = "train", files: int = 1) -> Path:
    """A run's folder with rows of a config in its dataset."""
    folder = place / "dataset" / config
    folder.mkdir(parents=True, exist_ok=True)
    size = -(-rows.height // files)
    for file in range(files):
        part = rows[file * size : (file + 1) * size].to_arrow().cast(configs.arrow_schema(config))
        pq.write_table(part, folder / f"{split}-{file:05d}-of-{files:05d}.parquet")
    return place
