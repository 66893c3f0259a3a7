"""The same rows through the trainers' own row transforms, where they are installed: `make trl trainers`.

So is tests/trainers.py, which re-states them, held against what it re-states.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefgen.export import export
from tests import trainers
from tests.formats.chatml import rendered, tokenizer
from tests.formats.samples import PROMPTS, pairs, written
from tests.formats.test_formats import HOLDS

pytestmark = [pytest.mark.trainers, pytest.mark.filterwarnings("ignore")]  # the trainers' own


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("run"), "preferences", pairs())


@pytest.fixture
def rows(ran: Path, tmp_path: Path) -> Any:
    import datasets

    def of(form: str) -> Iterator[tuple[str, dict[str, Any]]]:
        folder = export(ran, form).folder
        found = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path))
        return zip((name for name in PROMPTS if name in HOLDS[form]), found, strict=True)

    return of


def asked(name: str) -> str:
    return rendered(PROMPTS[name], asks=True)


@pytest.mark.parametrize("form", ["conversational", "conversational-explicit", "text"])
def test_trl(form: str, rows: Any) -> None:
    data_utils = pytest.importorskip("trl.data_utils", reason="make trl")
    for name, row in rows(form):
        found = data_utils.maybe_extract_prompt(row)
        seen = trainers.trl(row)
        assert found["prompt"] == seen.prompt
        if form == "text":
            assert (found["chosen"], found["rejected"]) == (seen.chosen, seen.rejected)
        else:
            told = data_utils.apply_chat_template(
                {side: found[side] for side in ("prompt", "chosen", "rejected")}, tokenizer()
            )
            assert told["prompt"] == asked(name)
            assert told["chosen"].startswith(f"{seen.chosen}<|im_end|>")


@pytest.mark.parametrize(
    ("form", "key"), [("conversational", None), ("conversational-explicit", "prompt"), ("ultrafeedback", None)]
)
def test_openrlhf(form: str, key: str | None, rows: Any) -> None:
    reward_dataset = pytest.importorskip("openrlhf.datasets.reward_dataset", reason="make trainers")
    template = tokenizer().apply_chat_template
    for name, row in rows(form):
        prompt, chosen, rejected, margin = reward_dataset.preprocess_data(
            row, prompt_key=key, apply_chat_template=template, is_dpo=True
        )
        seen = trainers.openrlhf(row, key)
        assert prompt == asked(name) == rendered(list(seen.prompt), asks=True)  # type: ignore[arg-type]
        assert (chosen, rejected) == (f"{seen.chosen}<|im_end|>\n", f"{seen.rejected}<|im_end|>\n")
        assert margin == 0


@pytest.mark.parametrize(
    ("form", "kind", "field"),
    [
        ("conversational", "argilla_chat", None),
        ("conversational-explicit", "default", "prompt"),
        ("sharegpt", "default", "conversations"),
        ("text", "default", "prompt"),
    ],
)
def test_axolotl(form: str, kind: str, field: str | None, rows: Any) -> None:
    chat_template = pytest.importorskip("axolotl.prompt_strategies.dpo.chat_template", reason="make trainers")
    about = {"chat_template": "tokenizer_default", **({"field_messages": field} if field else {})}
    transform, _ = getattr(chat_template, kind)({"datasets": [about]})
    for name, row in rows(form):
        found = transform(row, tokenizer=tokenizer())
        seen = trainers.axolotl_default(row, field) if field else trainers.axolotl_argilla_chat(row)
        assert found["prompt"] == asked(name) == rendered(list(seen.prompt), asks=True)  # type: ignore[arg-type]
        assert (found["chosen"], found["rejected"]) == (f"{seen.chosen}<|im_end|>", f"{seen.rejected}<|im_end|>")


def test_axolotl_reward(rows: Any) -> None:
    bradley_terry = pytest.importorskip("axolotl.prompt_strategies.bradley_terry.chat_template", reason="make trainers")
    from axolotl.utils.dict import DictDefault

    tokens = tokenizer()
    cfg = DictDefault({"sequence_len": 4096, "reward_model": True, "chat_template": "tokenizer_default"})
    strategy = bradley_terry.load(tokens, cfg, DictDefault({"chat_template": "tokenizer_default"}))
    for name, row in rows("axolotl-reward"):
        found = strategy._tokenize_single_prompt(dict(row))
        seen = trainers.axolotl_bradley_terry(row)
        for side, said in (("chosen", seen.chosen), ("rejected", seen.rejected)):
            whole = [*seen.prompt, {"role": "assistant", "content": said}]
            assert tokens.decode(found[f"{side}_ids"]) == rendered(whole), name


@pytest.mark.parametrize("form", ["conversational", "ultrafeedback"])
def test_torchtune(form: str, rows: Any) -> None:
    messages = pytest.importorskip("torchtune.data", reason="make trainers", exc_type=ImportError)
    for name, row in rows(form):
        found = messages.ChosenRejectedToMessages()(row)
        seen = trainers.torchtune(row)
        for side, answer in (("chosen", seen.chosen), ("rejected", seen.rejected)):
            told = [{"role": one.role, "content": one.text_content} for one in found[side]]
            assert told == [*PROMPTS[name], {"role": "assistant", "content": answer}]
            assert [one.masked for one in found[side]] == [turn["role"] != "assistant" for turn in told]


def test_torchtune_of_strings(rows: Any) -> None:
    paired = pytest.importorskip(
        "torchtune.datasets._stack_exchange_paired", reason="make trainers", exc_type=ImportError
    )
    columns = {column: column for column in ("prompt", "chosen", "rejected")}
    for name, row in rows("text"):
        found = paired.StackExchangePairedToMessages(column_map=columns)(row)
        assert [one.text_content for one in found["chosen"]] == [PROMPTS[name][0]["content"], f"good, {name}"]
        assert [one.text_content for one in found["rejected"]] == [PROMPTS[name][0]["content"], f"bad, {name}"]
