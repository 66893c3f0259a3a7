"""TRL's own DPO and reward trainers take ten steps on what is written, as `load_dataset` reads it and with nothing changed.

The model is a Llama of some thousand parameters with random weights, on the CPU; `make trl` installs torch.
"""

import math
from pathlib import Path
from typing import Any

import pytest

from prefgen import load, run
from prefgen.export import export
from tests.fakes import writes
from tests.formats.chatml import rendered, tokenizer

torch: Any = pytest.importorskip("torch", reason="make trl")
pytest.importorskip("accelerate", reason="make trl")

ROOT = Path(__file__).parent.parent
STEPS = 10
OPTIONS: dict[str, Any] = {
    "max_steps": STEPS,
    "per_device_train_batch_size": 1,
    "learning_rate": 1e-2,
    "logging_steps": 1,
    "report_to": "none",
    "save_strategy": "no",
    "disable_tqdm": True,
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "seed": 0,
}

pytestmark = [pytest.mark.trainers, pytest.mark.filterwarnings("ignore")]  # torch's own, and TRL's


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    overrides = [f"models.{model}.use=fake/it" for model in ("writer", "judge")]
    recipe = load(ROOT / "recipes" / "self-taught-evaluators.yaml", overrides, preset="release")
    return run(recipe, tmp_path_factory.mktemp("run"), fakes={"it": writes}, take=12).folder


def rows(folder: Path, config: str | None, cache: Path) -> Any:
    import datasets

    return datasets.load_dataset(str(folder), config, split="train", cache_dir=str(cache))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The folders of two models with one tokenizer: one that writes, one that scores."""
    import transformers

    torch.set_num_threads(1)  # tests run side by side
    hugging: Any = transformers
    tokens = tokenizer()
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    special = {"pad_token_id": tokens.pad_token_id, "eos_token_id": tokens.eos_token_id, "bos_token_id": None}
    config = hugging.LlamaConfig(**shape, **special, vocab_size=len(tokens), max_position_embeddings=4096, num_labels=1)
    found = {}
    for name, kind in (("dpo", "LlamaForCausalLM"), ("reward", "LlamaForSequenceClassification")):
        folder = tmp_path_factory.mktemp(name)
        getattr(hugging, kind)(config).save_pretrained(folder)
        tokens.save_pretrained(folder)
        found[name] = str(folder)
    return found


def dpo(model: str, data: Any, folder: Path) -> Any:
    from trl import DPOConfig, DPOTrainer

    return DPOTrainer(model=model, args=DPOConfig(output_dir=str(folder), **OPTIONS), train_dataset=data)


def reward(model: str, data: Any, folder: Path) -> Any:
    from trl import RewardConfig, RewardTrainer

    return RewardTrainer(model=model, args=RewardConfig(output_dir=str(folder), **OPTIONS), train_dataset=data)


def kto(model: str, data: Any, folder: Path) -> Any:
    from trl import KTOConfig, KTOTrainer

    arguments = KTOConfig(output_dir=str(folder), **{**OPTIONS, "per_device_train_batch_size": 2})  # it takes no less
    return KTOTrainer(model=model, args=arguments, train_dataset=data)


def sft(model: str, data: Any, folder: Path) -> Any:
    from trl import SFTConfig, SFTTrainer

    return SFTTrainer(model=model, args=SFTConfig(output_dir=str(folder), **OPTIONS), train_dataset=data)


def losses(trainer: Any) -> list[float]:
    """The loss of each step."""
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_the_trainers_see_the_prompt_and_the_answers(ran: Path, models: Any, tmp_path: Path) -> None:
    data, tokens = rows(ran / "dataset", None, tmp_path), tokenizer()
    trained = {name: TRAINERS[name](models[name], data, tmp_path / name).train_dataset for name in ("dpo", "reward")}
    for place, row in enumerate(data):
        prompt = rendered(row["chosen"][:-1], asks=True)
        for side in ("chosen", "rejected"):
            answer = f"{row[side][-1]['content']}<|im_end|>"
            told = {name: tokens.decode(found[place][f"{side}_ids"]) for name, found in trained.items()}
            assert told["dpo"].startswith(answer)
            assert told["reward"].startswith(prompt + answer)
        assert tokens.decode(trained["dpo"][place]["prompt_ids"]) == prompt


TRAINERS = {"dpo": dpo, "reward": reward, "sft": sft, "kto": kto}


@pytest.mark.parametrize("name", ["dpo", "reward"])
@pytest.mark.parametrize("config", [None, "preferences_text", "judge_preferences"])
def test_ten_steps_on_a_written_config(name: str, config: str | None, ran: Path, models: Any, tmp_path: Path) -> None:
    trainer = TRAINERS[name](models[name], rows(ran / "dataset", config, tmp_path), tmp_path / "out")
    found = losses(trainer)
    assert len(found) == STEPS
    assert all(map(math.isfinite, found))


FORMATS = [
    ("conversational-explicit", "dpo"),
    ("text", "reward"),
    ("judge-dpo", "dpo"),
    ("judge-sft", "sft"),
    ("kto", "kto"),
]


@pytest.mark.parametrize(("form", "name"), FORMATS, ids=[form for form, _ in FORMATS])
def test_ten_steps_on_a_format(form: str, name: str, ran: Path, models: Any, tmp_path: Path) -> None:
    folder = export(ran, form, tmp_path / "export").folder
    found = losses(
        TRAINERS[name](models["reward" if name == "reward" else "dpo"], rows(folder, None, tmp_path), tmp_path / "out")
    )
    assert len(found) == STEPS
    assert all(map(math.isfinite, found))


@pytest.mark.parametrize("name", ["dpo", "reward"])
def test_the_layout_of_ultrafeedback_is_refused(name: str, ran: Path, models: Any, tmp_path: Path) -> None:
    data = rows(export(ran, "ultrafeedback", tmp_path / "export").folder, None, tmp_path)
    with pytest.raises(Exception):  # noqa: B017, PT011  # which one differs from run to run, with the hashes of sets
        losses(TRAINERS[name](models[name], data, tmp_path / "out"))
