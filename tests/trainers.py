"""How trainers read one row, re-stated in a few lines each, so that formats are tested where a trainer cannot be installed.

Each function says which project, version, file and function it re-states. What comes out is what the trainer learns
from: the prompt's messages where the loader puts a chat template around them, else its text; and the two answers.
Where a trainer can be installed, tests/formats/test_real_trainers.py holds the re-statement against it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Seen:
    """What a trainer makes of a row."""

    prompt: Messages | str
    chosen: str
    rejected: str


class Refused(Exception):
    """The loader raises, or skips the row with a warning."""


def _messages(value: Any) -> Messages:
    """A conversation, or an error where a loader would index into something else."""
    if not isinstance(value, list):
        raise Refused(f"a {type(value).__name__} where messages are read")
    return [{"role": turn["role"], "content": turn["content"]} for turn in value]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Refused(f"a {type(value).__name__} where text is read")
    return value


def openrlhf(row: Mapping[str, Any], prompt_key: str | None = None) -> Seen:
    """OpenRLHF 0.11.2, openrlhf/datasets/reward_dataset.py, preprocess_data with apply_chat_template, for DPO: without a
    prompt key the prompt is all of the chosen conversation but its last message, and the same length of text is cut off
    both sides; with one, the answers follow it.
    """
    chosen, rejected = _messages(row["chosen"]), _messages(row["rejected"])
    if prompt_key is None:
        if chosen[:-1] != rejected[:-1]:
            raise Refused("the rejected side is cut in the wrong place")
        return Seen(chosen[:-1], chosen[-1]["content"], rejected[-1]["content"])
    return Seen(_messages(row[prompt_key]), chosen[-1]["content"], rejected[-1]["content"])


def axolotl_argilla_chat(row: Mapping[str, Any]) -> Seen:
    """Axolotl 0.19.0, prompt_strategies/dpo/chat_template.py, argilla_chat: the prompt is the chosen conversation but its
    last message; roles are user, assistant, system and tool.
    """
    chosen, rejected = _messages(row["chosen"]), _messages(row["rejected"])
    return Seen(_known(chosen[:-1]), chosen[-1]["content"], rejected[-1]["content"])


def axolotl_default(row: Mapping[str, Any], field_messages: str) -> Seen:
    """Axolotl 0.19.0, prompt_strategies/dpo/chat_template.py, default: a field of messages or of one user's text; answers
    are text, a message, or the last of several.
    """
    told = row[field_messages]
    prompt = [{"role": "user", "content": told}] if isinstance(told, str) else _known(_messages(told))
    last = {}
    for side in ("chosen", "rejected"):
        value = row[side][-1] if isinstance(row[side], list) else row[side]
        last[side] = value if isinstance(value, str) else value["content"]
    return Seen(prompt, last["chosen"], last["rejected"])


def _known(messages: Messages) -> Messages:
    if {turn["role"] for turn in messages} - {"user", "assistant", "system", "tool"}:
        raise Refused("a role that is not mapped")
    return messages


def axolotl_bradley_terry(row: Mapping[str, Any]) -> Seen:
    """Axolotl 0.19.0, prompt_strategies/bradley_terry/chat_template.py, _tokenize_single_prompt: all of system, input,
    chosen and rejected must be columns. Where the system is empty, prompt_strategies/chat_template.py puts an empty
    message there all the same, for there is a column of that name.
    """
    prompt = [{"role": "system", "content": row["system"] or ""}, {"role": "user", "content": _text(row["input"])}]
    return Seen(prompt, _text(row["chosen"]), _text(row["rejected"]))


def llama_factory(row: Mapping[str, Any], info: Mapping[str, Any]) -> Seen:
    """LLaMA-Factory 0.9.5, data/parser.py (DatasetAttr), data/converter.py and data/processor/pairwise.py: columns that
    dataset_info.json does not name are not read, turns must alternate, and there must be an odd number of them.
    """
    if not info.get("ranking"):
        raise Refused("no ranking")
    made = _sharegpt(row, info) if info.get("formatting") == "sharegpt" else _alpaca(row, info)
    turns = [turn for turn in made.prompt if isinstance(turn, dict) and turn["role"] != "system"]
    if len(turns) % 2 != 1:
        raise Refused("dropped as invalid")
    return made


def _alpaca(row: Mapping[str, Any], info: Mapping[str, Any]) -> Seen:
    """AlpacaDatasetConverter: strings; the system column is none where it is empty."""
    columns = info["columns"]
    system = row[columns["system"]] if "system" in columns else ""
    first = [{"role": "system", "content": system}] if system else []
    prompt = [*first, {"role": "user", "content": _text(row[columns["prompt"]])}]
    return Seen(prompt, _text(row[columns["chosen"]]), _text(row[columns["rejected"]]))


def _sharegpt(row: Mapping[str, Any], info: Mapping[str, Any]) -> Seen:
    """SharegptDatasetConverter: odd turns are the user's or a tool's, even ones the assistant's or a call."""
    columns, tags = info["columns"], info["tags"]
    role, content = tags["role_tag"], tags["content_tag"]
    turns = list(row[columns["messages"]])
    first = [turns.pop(0)] if turns and turns[0][role] == tags["system_tag"] else []
    expected = ((tags["user_tag"], tags["observation_tag"]), (tags["assistant_tag"], tags["function_tag"]))
    if any(turn[role] not in expected[place % 2] for place, turn in enumerate(turns)):
        raise Refused("skipped as abnormal")
    sides = [row[columns[side]] for side in ("chosen", "rejected")]
    if any(not isinstance(side, dict) or side[role] not in expected[1] for side in sides):
        raise Refused("no two answers")
    prompt = [{"role": turn[role], "content": turn[content]} for turn in [*first, *turns]]
    return Seen(prompt, sides[0][content], sides[1][content])


def torchtune(row: Mapping[str, Any]) -> Seen:
    """torchtune 0.6.1, data/_messages.py, ChosenRejectedToMessages: two whole conversations, in which all but the
    assistant's messages are masked.
    """
    chosen, rejected = _messages(row["chosen"]), _messages(row["rejected"])
    if chosen[:-1] != rejected[:-1]:
        raise Refused("two prompts")
    return Seen(chosen[:-1], chosen[-1]["content"], rejected[-1]["content"])


def torchtune_paired(row: Mapping[str, Any]) -> Seen:
    """torchtune 0.6.1, datasets/_stack_exchange_paired.py, StackExchangePairedToMessages, with a column_map that names
    prompt, chosen and rejected.
    """
    prompt = [{"role": "user", "content": _text(row["prompt"])}]
    return Seen(prompt, _text(row["chosen"]), _text(row["rejected"]))


def nemo_rl(row: Mapping[str, Any]) -> Seen:
    """NeMo-RL (mid 2026), nemo_rl/data/processors.py, preference_preprocessor: two completions, the lower rank is better,
    equal ranks are refused.
    """
    if len(row["completions"]) != 2:
        raise Refused("not two completions")
    better, worse = sorted(row["completions"], key=lambda one: one["rank"])
    if better["rank"] == worse["rank"]:
        raise Refused("a tie")
    said = [_messages(one["completion"])[-1]["content"] for one in (better, worse)]
    return Seen(_messages(row["context"]), *said)


def nemo_rl_binary(row: Mapping[str, Any]) -> Seen:
    """NeMo-RL (mid 2026), data/datasets/preference_datasets/binary_preference_dataset.py, to_preference_data_format: a
    prompt that is text becomes a user's message, and the answers are text.
    """
    prompt = row["prompt"]
    context = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    return Seen(context, _text(row["chosen"]), _text(row["rejected"]))


def open_instruct(row: Mapping[str, Any]) -> Seen:
    """open-instruct (mid 2026), dataset_transformation.py, preference_tulu_tokenize_and_truncate_v1_2: two whole
    conversations, of which the last message is learnt.
    """
    chosen, rejected = _messages(row["chosen"]), _messages(row["rejected"])
    return Seen(chosen[:-1], chosen[-1]["content"], rejected[-1]["content"])


def verl_reward(row: Mapping[str, Any]) -> Seen:
    """verl 0.9.1, utils/dataset/rm_dataset.py, RMDataset: the tokens of the answers follow those of the prompt, with no
    template.
    """
    return Seen(_text(row["prompt"]), _text(row["chosen"]), _text(row["rejected"]))


def verl_prompts(row: Mapping[str, Any]) -> Messages:
    """verl 0.9.1, utils/dataset/rl_dataset.py (RLHFDataset: prompt, extra_info.index) and workers/reward_manager/naive.py
    (data_source, reward_model.ground_truth).
    """
    if not isinstance(row["data_source"], str) or not isinstance(row["extra_info"]["index"], int):
        raise Refused("no source or no index")
    if not isinstance(row["reward_model"]["ground_truth"], str):
        raise Refused("no ground truth")
    return _messages(row["prompt"])


def rewardbench(row: Mapping[str, Any]) -> Seen:
    """rewardbench 0.1.4, utils.py, load_eval_dataset (map_conversations, of the core set), which also keeps id, subset and
    the models.
    """
    for column in ("id", "subset", "chosen_model", "rejected_model"):
        row[column]
    prompt = [{"role": "user", "content": _text(row["prompt"])}]
    return Seen(prompt, _text(row["chosen"]), _text(row["rejected"]))


def rewardbench_own(row: Mapping[str, Any]) -> Seen:
    """rewardbench 0.1.4, utils.py, load_and_process_dataset and prepare_dialogue_from_tokenizer, of `--dataset`: the prompt
    is the chosen conversation but its last message, and its roles are taken from the places: user, assistant, user ….
    """
    chosen, rejected = _messages(row["chosen"]), _messages(row["rejected"])
    prompt = [
        {"role": ("user", "assistant")[place % 2], "content": turn["content"]} for place, turn in enumerate(chosen[:-1])
    ]
    if prompt[-1]["role"] != "user":
        raise Refused("the last turn before the answer is not the user's")
    return Seen(prompt, chosen[-1]["content"], rejected[-1]["content"])


def fairseq2(row: Mapping[str, Any]) -> Seen:
    """fairseq2 0.8, recipes/lm/dpo/dataset.py, create_reader (cat_source_and_target): each target follows the source."""
    return Seen(_text(row["src"]), _text(row["tgt_chosen"]), _text(row["tgt_rejected"]))


def trl(row: Mapping[str, Any]) -> Seen:
    """TRL 1.16, data_utils.py, extract_prompt and maybe_extract_prompt, as DPOTrainer calls them: a prompt column as it is,
    else the common beginning; strings stay strings. A string prompt beside conversations is refused.
    """
    chosen, rejected = row["chosen"], row["rejected"]
    if "prompt" in row:
        if isinstance(row["prompt"], str) != isinstance(chosen, str):
            raise Refused("a prompt of one kind, answers of another")
        if isinstance(chosen, str):
            return Seen(row["prompt"], chosen, rejected)
        return Seen(_messages(row["prompt"]), *_last(chosen, rejected))
    same = 0
    while same < min(len(chosen), len(rejected)) and chosen[same] == rejected[same]:
        same += 1
    return Seen(_messages(chosen[:same]), *_last(chosen[same:], rejected[same:]))


def _last(chosen: Sequence[Any], rejected: Sequence[Any]) -> tuple[str, str]:
    if len(chosen) != 1 or len(rejected) != 1:
        raise Refused("more than one message of an answer")
    return chosen[0]["content"], rejected[0]["content"]
