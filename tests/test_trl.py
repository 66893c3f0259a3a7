"""TRL's own data functions, as its DPO trainer calls them, take `preferences` and `preferences_text` as they are.

TRL names torch as a dependency, and its data functions do without; tests/test_trl_training.py trains.
"""

import warnings
from pathlib import Path
from typing import Any

import pytest

from prefgen import load, run
from tests.fakes import writes

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    data_utils = pytest.importorskip("trl.data_utils", reason="make trl")

ROOT = Path(__file__).parent.parent
TEMPLATE = "{% for m in messages %}<{{ m.role }}> {{ m.content }} {% endfor %}{% if add_generation_prompt %}<assistant> {% endif %}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    overrides = [f"models.{model}.use=fake/it" for model in ("writer", "judge")]
    recipe = load(ROOT / "recipes" / "self-taught-evaluators.yaml", overrides)
    return run(recipe, tmp_path_factory.mktemp("run"), fakes={"it": writes}, take=12).dataset


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    fast: Any = PreTrainedTokenizerFast
    alphabet = {letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    letters = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made = fast(tokenizer_object=letters, eos_token="<eos>")
    made.chat_template = TEMPLATE
    return made


def rows(folder: Path, config: str, cache: Path) -> Any:
    import datasets

    return datasets.load_dataset(str(folder), config, split="train", cache_dir=str(cache))


def test_the_prompt_is_found_in_whole_conversations(folder: Path, tmp_path: Path, tokenizer: Any) -> None:
    pairs = rows(folder, "preferences", tmp_path)
    found = pairs.map(data_utils.extract_prompt)
    for before, row in zip(pairs, found, strict=True):
        assert [turn["role"] for turn in row["prompt"]] == ["user"]
        assert [turn["role"] for turn in row["chosen"] + row["rejected"]] == ["assistant", "assistant"]
        assert row["prompt"] + row["chosen"] == before["chosen"]
        assert data_utils.is_conversational(row)
        prompt = data_utils._tokenize(tokenizer, row["prompt"], add_generation_prompt=True)["input_ids"]
        whole = data_utils._tokenize(tokenizer, row["prompt"] + row["chosen"])["input_ids"]
        assert data_utils.common_prefix_length(prompt, whole) == len(prompt) < len(whole)


def test_pairs_come_apart_into_single_responses(folder: Path, tmp_path: Path) -> None:
    found = rows(folder, "preferences", tmp_path).map(data_utils.extract_prompt)
    apart = data_utils.unpair_preference_dataset(found.select_columns(["prompt", "chosen", "rejected"]))
    assert apart.num_rows == 2 * found.num_rows
    assert sum(apart["label"]) == found.num_rows


def test_text_is_taken_with_its_prompt(folder: Path, tmp_path: Path) -> None:
    for row in rows(folder, "preferences_text", tmp_path):
        assert data_utils.maybe_extract_prompt(row) == row
        assert not data_utils.is_conversational(row)


def test_judgments_are_prompt_and_completion(folder: Path, tmp_path: Path, tokenizer: Any) -> None:
    for row in rows(folder, "judge_sft", tmp_path):
        pair = {"prompt": row["prompt"], "completion": row["completion"]}
        assert data_utils.is_conversational(pair)
        text = data_utils.apply_chat_template(pair, tokenizer)
        assert row["completion"][0]["content"] in text["completion"]
