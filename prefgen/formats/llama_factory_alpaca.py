"""LLaMA-Factory's alpaca ranking, with its dataset_info.json: strings, and a system message where there is one."""

import json
from collections.abc import Mapping

import polars as pl

from prefgen.formats._pieces import PAIRS, PROMPT, answer, one_exchange, own_id, said, system_text
from prefgen.rows import drops

CONFIGS = PAIRS
FILE = "jsonl"


@drops(one_exchange)
def llama_factory_alpaca(rows: pl.DataFrame) -> pl.DataFrame:
    """``system`` ("" where there is none), ``prompt``, ``chosen`` and ``rejected`` as strings, ``id``. Holds prompts of
    one user message, after a system message or none.
    """
    sides = [said(answer(side)).alias(side) for side in ("chosen", "rejected")]
    return rows.select(system_text().alias("system"), said(PROMPT.list.last()).alias("prompt"), *sides, own_id(rows))


def beside(files: Mapping[str, str]) -> dict[str, str]:
    """The files that go with the rows: ``dataset_info.json``, with a dataset for each of ``files`` (name: file)."""
    columns = {name: name for name in ("prompt", "chosen", "rejected", "system")}
    info = {name: {"file_name": file, "ranking": True, "columns": columns} for name, file in files.items()}
    return {"dataset_info.json": json.dumps(info, indent=2) + "\n"}
