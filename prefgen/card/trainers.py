"""One snippet for each trainer that loads a config as it is, with the option that it needs.

Which config works in which trainer, and with which option, was run on each one's own row transform: trainers drop a
prompt, or leave out the chat template, without a word. The names of options are those of mid 2026: TRL 1.16, OpenRLHF's
dotted ones, open-instruct's ``dpo.py``, NeMo-RL's ``data.train``, Axolotl, LLaMA-Factory, and torchtune's last.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prefgen.card.front import Written, default
from prefgen.card.markdown import fenced, section, table

MODEL = "Qwen/Qwen3-0.6B"
"""A small model that every one of these trainers loads; put yours in its place."""


@dataclass(frozen=True)
class Place:
    """Where a config lies, by its name on the Hub, and its splits."""

    name: str
    config: str
    splits: Mapping[str, int]

    @property
    def train(self) -> str:
        """The split to train on."""
        return "train" if "train" in self.splits else next(iter(self.splits), "train")

    @property
    def held_out(self) -> str:
        """The split to evaluate on, if any."""
        return next((split for split in ("test", "validation") if split in self.splits), "")


def _trl(of: Place, trainer: str, config: str, to: str) -> str:
    held = [f'    eval_dataset=rows["{of.held_out}"],'] if of.held_out else []
    lines = [
        "from datasets import load_dataset",
        f"from trl import {config}, {trainer}",
        "",
        f'rows = load_dataset("{of.name}", "{of.config}")',
        f"trainer = {trainer}(",
        f'    model="{MODEL}",',
        f'    args={config}(output_dir="{to}"),',
        f'    train_dataset=rows["{of.train}"],',
        *held,
        ")",
        "trainer.train()",
    ]
    return "\n".join(lines)


def _dpo(of: Place) -> str:
    return _trl(of, "DPOTrainer", "DPOConfig", "dpo")


def _reward(of: Place) -> str:
    return _trl(of, "RewardTrainer", "RewardConfig", "reward")


def _sft(of: Place) -> str:
    return _trl(of, "SFTTrainer", "SFTConfig", "judge")


def _openrlhf(of: Place) -> str:
    lines = [
        f"deepspeed --module openrlhf.cli.train_dpo --model.model_name_or_path {MODEL} --ckpt.output_dir dpo",
        f"--data.dataset {of.name} --data.dataset_split {of.train} --data.apply_chat_template",
        "--data.chosen_key chosen --data.rejected_key rejected",
    ]
    return " \\\n  ".join(lines)


def _axolotl(of: Place) -> str:
    return f"""base_model: {MODEL}
rl: dpo
chat_template: tokenizer_default
datasets:
  - path: {of.name}
    name: {of.config}
    split: {of.train}
    type: chat_template.argilla_chat
output_dir: ./dpo"""


def _llama_factory(of: Place) -> str:
    entry = {
        "hf_hub_url": of.name,
        "subset": of.config,
        "split": of.train,
        "ranking": True,
        "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
    }
    return json.dumps({of.name.partition("/")[2]: entry}, indent=2)


def _torchtune(of: Place) -> str:
    return f"""dataset:
  _component_: torchtune.datasets.preference_dataset
  source: {of.name}
  name: {of.config}
  split: {of.train}"""


def _nemo_rl(of: Place) -> str:
    return f"""data:
  train:
    dataset_name: BinaryPreferenceDataset
    data_path: {of.name}
    subset: {of.config}
    split: {of.train}
    prompt_key: prompt
    chosen_key: chosen
    rejected_key: rejected"""


def _open_instruct(of: Place) -> str:
    lines = [
        f"torchrun --nproc_per_node=1 open_instruct/dpo.py --model_name_or_path {MODEL} --output_dir dpo",
        f"--mixer_list {of.name} 1.0 --mixer_list_splits {of.train}",
    ]
    return " \\\n  ".join(lines)


Snippet = Callable[[Place], str]

_INFO = "An entry of `data/dataset_info.json`, for `stage: dpo` or `rm`."
_DEFAULT = "It loads the default config"

TRAINERS: tuple[tuple[str, str, str, Snippet, str], ...] = (
    ("TRL, DPO", "preferences", "python", _dpo, "Unsloth and alignment-handbook take the same rows."),
    ("TRL, reward model", "preferences", "python", _reward, ""),
    ("OpenRLHF", "preferences", "bash", _openrlhf, f"{_DEFAULT}; without a chat template it fails."),
    ("Axolotl", "preferences", "yaml", _axolotl, ""),
    ("torchtune", "preferences", "yaml", _torchtune, "In the config of a torchtune recipe."),
    ("open-instruct", "preferences", "bash", _open_instruct, f"{_DEFAULT}."),
    ("LLaMA-Factory", "preferences_text", "json", _llama_factory, _INFO),
    ("NeMo-RL", "preferences_text", "yaml", _nemo_rl, "For `examples/run_dpo.py` and `run_rm.py`."),
    ("TRL, SFT of a judge", "judge_sft", "python", _sft, "The loss is on the judgment alone."),
    ("TRL, DPO of a judge", "judge_preferences", "python", _dpo, ""),
)
"""Trainer, config, the snippet's language and the snippet, and what else to know."""


def loading(name: str, written: Written) -> str:
    """How to load a dataset, and a snippet for each trainer that takes one of its configs."""
    if not written:
        return ""
    place, first = hub_name(name), default(written)
    told = f"`{place}` is where you pushed it, or this folder."
    lines = ["from datasets import load_dataset", "", f'rows = load_dataset("{place}", "{first}")']
    takes = [one for one in TRAINERS if one[1] in written]
    parts = [part for trainer in takes for part in _snippet(trainer, place, written)]
    suits = table(("trainer", "config"), [(one[0], f"`{one[1]}`") for one in takes]) if takes else ""
    return section("How to load it", told, fenced("\n".join(lines), "python"), suits, *parts)


def _snippet(trainer: tuple[str, str, str, Snippet, str], place: str, written: Written) -> list[str]:
    who, config, language, snippet, note = trainer
    return [f"### {who}", note, fenced(snippet(Place(place, config, written[config])), language)]


def hub_name(name: str) -> str:
    """A recipe's name as that of a dataset on the Hub, which takes ASCII alone."""
    return f"you/{re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-.') or 'dataset'}"
