"""Formats: a config of a dataset as one trainer or another reads it. One file, one format: frame in, frame out.

from prefgen.formats import sharegpt
rows = sharegpt(pl.read_parquet("runs/quickstart/dataset/preferences/*.parquet"))
why = sharegpt.marked(preferences)  # all rows, with the reason for which one is left out in the column `dropped`
"""

from prefgen.formats.axolotl_reward import axolotl_reward
from prefgen.formats.conversational import conversational
from prefgen.formats.conversational_explicit import conversational_explicit
from prefgen.formats.fairseq2 import fairseq2
from prefgen.formats.fairseq2_sft import fairseq2_sft
from prefgen.formats.judge_sft import judge_sft
from prefgen.formats.kto import kto
from prefgen.formats.llama_factory import llama_factory
from prefgen.formats.llama_factory_alpaca import llama_factory_alpaca
from prefgen.formats.nemo_rl import nemo_rl
from prefgen.formats.prompt_only import prompt_only
from prefgen.formats.rewardbench import rewardbench
from prefgen.formats.sharegpt import sharegpt
from prefgen.formats.text import text
from prefgen.formats.ultrafeedback import ultrafeedback
from prefgen.formats.verl import verl

__all__ = [
    "axolotl_reward",
    "conversational",
    "conversational_explicit",
    "fairseq2",
    "fairseq2_sft",
    "judge_sft",
    "kto",
    "llama_factory",
    "llama_factory_alpaca",
    "nemo_rl",
    "prompt_only",
    "rewardbench",
    "sharegpt",
    "text",
    "ultrafeedback",
    "verl",
]
