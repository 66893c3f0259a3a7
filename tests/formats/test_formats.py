"""Each format: its rows, what it leaves out and why, and what it makes of a table without rows."""

import sys
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from prefgen import formats, verbs
from prefgen.applied import split
from prefgen.configs import arrow_schema
from prefgen.trainers import find, spelt
from tests.formats.samples import PROMPTS, as_config, judge_sft, pairs, turn

EVERY = set(PROMPTS)
SINGLE = {"one"}
HOLDS: dict[str, set[str]] = {
    "conversational": EVERY,
    "conversational-explicit": EVERY,
    "text": SINGLE,
    "sharegpt": EVERY,
    "ultrafeedback": SINGLE,
    "rewardbench": SINGLE,
    "kto": EVERY,
    "llama-factory": EVERY - {"twice"},
    "llama-factory-alpaca": {"one", "system"},
    "nemo-rl": EVERY,
    "prompt-only": EVERY,
    "verl": EVERY,
    "judge-sft": EVERY,
    "fairseq2": SINGLE,
    "fairseq2-sft": SINGLE,
    "axolotl-reward": {"one", "system"},
}
"""The prompts that each format can hold."""


def rows_of(name: str) -> pl.DataFrame:
    return judge_sft() if find(name).configs[0] == "judge_sft" else pairs()


def test_every_format_stands_in_the_table_and_at_the_door() -> None:
    assert {spelt(name) for name in verbs.files("formats")} == set(HOLDS)
    assert {spelt(name) for name in formats.__all__} == set(HOLDS)


@pytest.mark.parametrize("name", HOLDS)
def test_a_format_holds_what_it_can_and_says_why_not(name: str) -> None:
    rows = rows_of(name)
    _, gone = split(find(name).make, [rows], {})
    own = "judgment_id" if "judgment_id" in rows.columns else "pair_id"
    assert set(gone[own]) == EVERY - HOLDS[name]
    why = dict(gone.select(own, "dropped").iter_rows())
    expected = {
        "system": "the prompt has a system message",
        "both": "the prompt has several turns" if "system" in HOLDS[name] else "the prompt has a system message",
        "tool": "the prompt has a tool message",
        "several": "the prompt has several turns",
        "twice": "the prompt's turns do not alternate" if name == "llama-factory" else "the prompt has several turns",
    }
    assert why == {prompt: expected[prompt] for prompt in why}


@pytest.mark.parametrize("name", HOLDS)
def test_a_format_of_no_rows_has_its_schema_with_the_hubs_types(name: str) -> None:
    found = find(name)
    for config in found.configs:
        nothing = pl.DataFrame(arrow_schema(config).empty_table())
        made = found.make(nothing)
        assert made.height == 0
        schema = found.schema(config)
        assert schema.names == made.columns
        assert "large" not in str(schema)
        assert pa.null() not in schema.types
    assert found.make(rows_of(name)).schema == found.make(rows_of(name).clear()).schema


@pytest.mark.parametrize("name", HOLDS)
def test_a_format_says_what_it_is_for(name: str) -> None:
    module = sys.modules[verbs.files("formats")[name.replace("-", "_")]]
    assert (module.__doc__ or "").strip()
    assert find(name).file in {"parquet", "jsonl"}
    assert find(name).about.endswith((".", ")"))


def made(name: str, prompt: str = "one") -> dict[str, Any]:
    """The first row that a format makes of one sample."""
    rows = rows_of(name)
    own = "judgment_id" if "judgment_id" in rows.columns else "pair_id"
    first: dict[str, Any] = find(name).make(rows.filter(pl.col(own) == prompt)).to_dicts()[0]
    return first


ASK, GOOD, BAD = PROMPTS["one"][0], turn("assistant", "good, one"), turn("assistant", "bad, one")


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("conversational", {"chosen": [ASK, GOOD], "rejected": [ASK, BAD], "id": "one"}),
        ("conversational-explicit", {"prompt": [ASK], "chosen": [GOOD], "rejected": [BAD], "id": "one"}),
        ("text", {"prompt": ASK["content"], "chosen": "good, one", "rejected": "bad, one", "id": "one"}),
        ("sharegpt", {"conversations": [ASK], "chosen": GOOD, "rejected": BAD, "id": "one"}),
        ("llama-factory", {"conversations": [ASK], "chosen": GOOD, "rejected": BAD, "id": "one"}),
        (
            "llama-factory-alpaca",
            {"system": "", "prompt": ASK["content"], "chosen": "good, one", "rejected": "bad, one", "id": "one"},
        ),
        (
            "ultrafeedback",
            {
                "prompt": ASK["content"],
                "prompt_id": "0" * 16,
                "chosen": [ASK, GOOD],
                "rejected": [ASK, BAD],
                "messages": [ASK, GOOD],
                "score_chosen": 4.5,
                "score_rejected": None,
            },
        ),
        (
            "rewardbench",
            {
                "prompt": ASK["content"],
                "chosen": "good, one",
                "chosen_model": "m/a",
                "rejected": "bad, one",
                "rejected_model": None,
                "subset": "prefgen",
                "id": "one",
            },
        ),
        ("kto", {"prompt": [ASK], "completion": [GOOD], "label": True, "id": "one"}),
        (
            "nemo-rl",
            {
                "context": [ASK],
                "completions": [{"rank": 0, "completion": [GOOD]}, {"rank": 1, "completion": [BAD]}],
                "id": "one",
            },
        ),
        ("prompt-only", {"prompt": [ASK], "prompt_id": "0" * 16}),
        (
            "verl",
            {
                "data_source": "prefgen",
                "prompt": [ASK],
                "ability": "chat",
                "reward_model": {"style": "model", "ground_truth": ""},
                "extra_info": {"index": 0, "prompt_id": "0" * 16},
            },
        ),
        ("judge-sft", {"prompt": [ASK], "completion": [turn("assistant", "judged, one")], "id": "one"}),
        ("fairseq2", {"id": "one", "src": ASK["content"], "tgt_chosen": "good, one", "tgt_rejected": "bad, one"}),
        ("fairseq2-sft", {"id": "one", "src": ASK["content"], "tgt": "judged, one"}),
        (
            "axolotl-reward",
            {"system": "", "input": ASK["content"], "chosen": "good, one", "rejected": "bad, one", "id": "one"},
        ),
    ],
)
def test_the_columns_of_a_row(name: str, row: dict[str, Any]) -> None:
    assert list(made(name)) == list(row)
    assert made(name) == row


def test_a_system_message_has_its_column() -> None:
    for name in ("llama-factory-alpaca", "axolotl-reward"):
        assert made(name, "system")["system"] == "Be kind."


def test_unpaired_rows_are_two_of_each_pair_side_by_side() -> None:
    rows = formats.kto(pairs())
    assert rows["label"].to_list() == [True, False] * len(PROMPTS)
    assert [turns[0]["content"] for turns in rows["completion"][:2]] == ["good, one", "bad, one"]


def test_prompts_come_once_and_those_after_the_first_are_told() -> None:
    twice = pl.concat([pairs(), pairs().reverse()])
    assert formats.prompt_only(twice)["prompt"].to_list() == list(PROMPTS.values())
    marked = formats.prompt_only.marked(twice)
    assert marked["dropped"].drop_nulls().to_list() == ["the prompt stands there already"] * len(PROMPTS)


def test_prompts_are_had_of_responses_and_judgments() -> None:
    prompt = PROMPTS["several"]
    answered = {"messages": [*prompt, turn("assistant", "Two.")], "prompt_id": "0" * 16, "response_id": "r"}
    judged = {"prompt": prompt, "prompt_id": "0" * 16, "judgment_id": "j", "judgment_replies": []}
    for config, row in (("responses", answered), ("judgments", judged)):
        assert formats.prompt_only(as_config(config, [row]))["prompt"].to_list() == [prompt]
        assert formats.verl(as_config(config, [row]))["prompt"].to_list() == [prompt]


def test_pairs_of_judgments_have_ids_of_their_own() -> None:
    row = {
        "chosen": [ASK, GOOD],
        "rejected": [ASK, BAD],
        "pair_id": "p",
        "judge_pair_id": "p.1-2",
        "prompt_id": "0" * 16,
    }
    assert formats.text(as_config("judge_preferences", [row]))["id"].to_list() == ["p.1-2"]
