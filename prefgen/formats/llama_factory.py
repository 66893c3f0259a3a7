"""LLaMA-Factory's ShareGPT ranking, with its dataset_info.json: messages, for DPO, ORPO and reward models."""

import json
from collections.abc import Mapping

import polars as pl

from prefgen.formats._pieces import PAIRS, PROMPT, alternating, answer, own_id
from prefgen.rows import drops

CONFIGS = PAIRS
FILE = "jsonl"

TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "function_tag": "function_call",
    "system_tag": "system",
}


@drops(alternating)
def llama_factory(rows: pl.DataFrame) -> pl.DataFrame:
    """``conversations`` as the prompt's messages, ``chosen`` and ``rejected`` as one message each, ``id``. Holds
    prompts whose turns alternate: LLaMA-Factory skips others with a warning.
    """
    sides = [answer(side).alias(side) for side in ("chosen", "rejected")]
    return rows.select(PROMPT.alias("conversations"), *sides, own_id(rows))


def beside(files: Mapping[str, str]) -> dict[str, str]:
    """The files that go with the rows: ``dataset_info.json``, with a dataset for each of ``files`` (name: file)."""
    columns = {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"}
    about = {"formatting": "sharegpt", "ranking": True, "columns": columns, "tags": TAGS}
    info = {name: {"file_name": file, **about} for name, file in files.items()}
    return {"dataset_info.json": json.dumps(info, indent=2) + "\n"}
