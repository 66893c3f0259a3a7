"""The snippets: each is what its trainer reads, and names a config, a split and columns that there are."""

import ast
import json
import re
import shlex
from typing import Any

import pytest
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

from prefgen.card.trainers import TRAINERS, Place, hub_name, loading
from prefgen.configs import json_schema

WRITTEN = {
    "preferences": {"train": 90, "test": 10},
    "preferences_text": {"train": 80},
    "judge_sft": {"train": 5},
    "judge_preferences": {"train": 4, "validation": 2},
}


def blocks(written: Any = WRITTEN) -> dict[str, tuple[str, str]]:
    """The language and the text of each snippet, by the heading above it."""
    found, head = {}, ""
    tokens = MarkdownIt("commonmark").enable("table").parse(loading("my-set", written))
    for i, token in enumerate(tokens):
        head = tokens[i + 1].content if token.type == "heading_open" else head
        if token.type == "fence":
            found[head] = (token.info, token.content)
    return found


def calls(code: str) -> dict[str, ast.Call]:
    return {ast.unparse(node.func): node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)}


@pytest.mark.parametrize(
    ("who", "trainer", "config", "splits"),
    [
        ("TRL, DPO", "DPOTrainer", "preferences", ["train", "test"]),
        ("TRL, reward model", "RewardTrainer", "preferences", ["train", "test"]),
        ("TRL, SFT of a judge", "SFTTrainer", "judge_sft", ["train"]),
        ("TRL, DPO of a judge", "DPOTrainer", "judge_preferences", ["train", "validation"]),
    ],
)
def test_python_is_python_and_loads_splits_that_there_are(
    who: str, trainer: str, config: str, splits: list[str]
) -> None:
    language, code = blocks()[who]
    assert language == "python"
    found = calls(code)
    assert [ast.literal_eval(one) for one in found["load_dataset"].args] == ["you/my-set", config]
    given = {one.arg: ast.unparse(one.value) for one in found[trainer].keywords}
    assert [given[f"{use}_dataset"] for use in ("train", "eval")[: len(splits)]] == [
        f"rows['{split}']" for split in splits
    ]
    assert given["args"].startswith(f"{trainer.removesuffix('Trainer')}Config(")
    assert "eval_dataset" in given or len(splits) == 1


def test_yaml_names_what_there_is() -> None:
    yaml, found = YAML(typ="safe", pure=True), blocks()
    axolotl = yaml.load(found["Axolotl"][1])
    assert axolotl["datasets"] == [
        {"path": "you/my-set", "name": "preferences", "split": "train", "type": "chat_template.argilla_chat"}
    ]
    torchtune = yaml.load(found["torchtune"][1])["dataset"]
    assert (torchtune["source"], torchtune["name"], torchtune["split"]) == ("you/my-set", "preferences", "train")
    nemo = yaml.load(found["NeMo-RL"][1])["data"]["train"]
    assert (nemo["data_path"], nemo["subset"], nemo["split"]) == ("you/my-set", "preferences_text", "train")
    assert {nemo[f"{key}_key"] for key in ("prompt", "chosen", "rejected")} <= set(
        json_schema("preferences_text")["properties"]
    )


def test_llama_factory_s_entry_is_json_with_columns_that_there_are() -> None:
    language, text = blocks()["LLaMA-Factory"]
    ((name, entry),) = json.loads(text).items()
    assert (language, name, entry["hf_hub_url"], entry["subset"]) == (
        "json",
        "my-set",
        "you/my-set",
        "preferences_text",
    )
    assert entry["ranking"] is True
    assert set(entry["columns"].values()) <= set(json_schema("preferences_text")["properties"])


@pytest.mark.parametrize("who", ["OpenRLHF", "open-instruct"])
def test_commands_are_one_command_and_load_the_default_config(who: str) -> None:
    language, text = blocks()[who]
    words = shlex.split(text.replace("\\\n", " "))
    assert language == "bash"
    assert "you/my-set" in words
    assert "\n" not in " ".join(words)
    assert "default config" in loading("my-set", WRITTEN).partition(f"### {who}")[2][:100]


def test_only_what_is_written_has_a_snippet() -> None:
    assert [who for who in blocks({"preferences_text": {"test": 9}}) if who] == [
        "How to load it",
        "LLaMA-Factory",
        "NeMo-RL",
    ]
    assert json.loads(blocks({"preferences_text": {"test": 9}})["LLaMA-Factory"][1])["my-set"]["split"] == "test"
    assert list(blocks({"judgments": {"train": 9}})) == ["How to load it"]
    assert loading("x", {}) == ""


def test_a_name_on_the_hub_is_one_that_every_snippet_can_hold() -> None:
    for name in ("mine", "naïve réçipe", "日本", "a'b", 'x"; rm', "..", "-"):
        assert re.fullmatch(r"you/[A-Za-z0-9_][A-Za-z0-9._-]*", hub_name(name)), name
        for _, config, language, snippet, _ in TRAINERS:
            text = snippet(Place(hub_name(name), config, {"train": 1}))
            assert hub_name(name) in text
            assert language != "python" or compile(text, name, "exec")
