"""Trainer by format: each loader reads the file that is meant for it, and finds the right prompt and the right answers.

The loaders are re-stated in tests/trainers.py; rows come by way of ``load_dataset``, as trainers load them.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from prefgen.export import export
from prefgen.trainers import ALIASES, find, names
from tests import trainers
from tests.formats.samples import PROMPTS, judge_sft, pairs, written
from tests.formats.test_formats import HOLDS
from tests.trainers import Refused, Seen

DOCS = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
READ_BY_PLACE = {"system", "both", "tool", "twice"}
"""Prompts that a loader mangles which takes roles from the places of turns."""


@dataclass(frozen=True)
class Reading:
    """One line of the table: the trainer, the format, how a row is read, and whether it is text without a template."""

    trainer: str
    form: str
    read: Callable[[Mapping[str, Any]], Seen]
    raw: bool = False
    cannot: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.trainer}-{self.form}"


TABLE = [
    Reading("TRL", "conversational", trainers.trl),
    Reading("TRL", "conversational-explicit", trainers.trl),
    Reading("TRL", "text", trainers.trl, raw=True),
    Reading("OpenRLHF", "conversational", trainers.openrlhf),
    Reading("OpenRLHF", "conversational-explicit", partial(trainers.openrlhf, prompt_key="prompt")),
    Reading("OpenRLHF", "ultrafeedback", trainers.openrlhf),
    Reading("Axolotl", "conversational", trainers.axolotl_argilla_chat),
    Reading("Axolotl", "conversational-explicit", partial(trainers.axolotl_default, field_messages="prompt")),
    Reading("Axolotl", "text", partial(trainers.axolotl_default, field_messages="prompt")),
    Reading("Axolotl", "sharegpt", partial(trainers.axolotl_default, field_messages="conversations")),
    Reading("LLaMA-Factory", "llama-factory", trainers.llama_factory),  # type: ignore[arg-type]  # gets its info below
    Reading("LLaMA-Factory", "llama-factory-alpaca", trainers.llama_factory),  # type: ignore[arg-type]
    Reading("torchtune", "conversational", trainers.torchtune),
    Reading("torchtune", "text", trainers.torchtune_paired),
    Reading("torchtune", "ultrafeedback", trainers.torchtune),
    Reading("NeMo-RL", "nemo-rl", trainers.nemo_rl),
    Reading("NeMo-RL", "text", trainers.nemo_rl_binary),
    Reading("open-instruct", "conversational", trainers.open_instruct),
    Reading("open-instruct", "ultrafeedback", trainers.open_instruct),
    Reading("verl", "text", trainers.verl_reward, raw=True),
    Reading("RewardBench", "rewardbench", trainers.rewardbench),
    Reading("RewardBench", "conversational", trainers.rewardbench_own, cannot=frozenset(READ_BY_PLACE)),
    Reading("fairseq2", "fairseq2", trainers.fairseq2, raw=True),
]
"""Every trainer and every format of pairs that is meant for it."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = written(tmp_path_factory.mktemp("run"), "preferences", pairs())
    return written(place, "judge_sft", judge_sft())


@pytest.fixture(scope="module")
def loaded(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[dict[str, Any]]]:
    import datasets

    @cache
    def of(form: str) -> list[dict[str, Any]]:
        folder = export(ran, form).folder
        kept = tmp_path_factory.mktemp("cache")
        rows: list[dict[str, Any]] = datasets.load_dataset(str(folder), split="train", cache_dir=str(kept)).to_list()
        return rows

    return of


def reader(reading: Reading, ran: Path) -> Callable[[Mapping[str, Any]], Seen]:
    """How a row is read, with what stands beside the rows."""
    if reading.trainer != "LLaMA-Factory":
        return reading.read
    info = json.loads((ran / "exports" / "preferences" / reading.form / "dataset_info.json").read_text())
    return partial(trainers.llama_factory, info=info["preferences_train"])


def expected(name: str, *, raw: bool) -> Seen:
    prompt = PROMPTS[name]
    return Seen(prompt[0]["content"] if raw else prompt, f"good, {name}", f"bad, {name}")


def ids(form: str) -> Iterator[str]:
    """The samples that a format holds, in their order."""
    return (name for name in PROMPTS if name in HOLDS[form])


@pytest.mark.parametrize("reading", TABLE, ids=str)
def test_the_trainer_finds_the_prompt_and_the_answers(reading: Reading, ran: Path, loaded: Any) -> None:
    rows = loaded(reading.form)
    read = reader(reading, ran)
    for name, row in zip(ids(reading.form), rows, strict=True):
        if name in reading.cannot:
            with pytest.raises((Refused, AssertionError)):
                assert read(row) == expected(name, raw=reading.raw)
        else:
            assert read(row) == expected(name, raw=reading.raw), name


@pytest.mark.parametrize(
    ("form", "read"),
    [
        ("ultrafeedback", trainers.trl),
        ("text", trainers.openrlhf),
        ("text", trainers.axolotl_argilla_chat),
        ("text", trainers.rewardbench_own),
        ("conversational-explicit", trainers.torchtune),
        ("conversational-explicit", trainers.open_instruct),
        ("conversational-explicit", trainers.nemo_rl_binary),
        ("sharegpt", trainers.trl),
    ],
)
def test_a_format_that_is_meant_for_others_is_not_read_right(form: str, read: Any, loaded: Any) -> None:
    """What the table would not see, it could not hold: these loaders refuse the layout or lose its prompt."""
    with pytest.raises((Refused, AssertionError, KeyError)):
        assert read(loaded(form)[0]) == expected("one", raw=False)


def test_llama_factory_would_skip_what_is_left_out(ran: Path, loaded: Any) -> None:
    loaded("llama-factory")
    info = json.loads((ran / "exports" / "preferences" / "llama-factory" / "dataset_info.json").read_text())
    odd = {"conversations": PROMPTS["twice"], "chosen": {"role": "assistant", "content": "a"}}
    with pytest.raises(Refused, match="abnormal"):
        trainers.llama_factory({**odd, "rejected": odd["chosen"]}, info["preferences_train"])


def test_axolotl_puts_an_empty_system_message_where_there_is_none(loaded: Any) -> None:
    for name, row in zip(ids("axolotl-reward"), loaded("axolotl-reward"), strict=True):
        first = [] if name == "system" else [{"role": "system", "content": ""}]
        found = trainers.axolotl_bradley_terry(row)
        assert found == Seen([*first, *PROMPTS[name]], f"good, {name}", f"bad, {name}")


def test_verl_reads_its_prompts(loaded: Any) -> None:
    rows = loaded("verl")
    assert [trainers.verl_prompts(row) for row in rows] == list(PROMPTS.values())
    assert [row["extra_info"]["index"] for row in rows] == list(range(len(PROMPTS)))


def test_single_responses_and_judgments_are_prompt_and_completion(loaded: Any) -> None:
    """TRL 1.16, docs/dataset_formats: unpaired preference is prompt, completion and a boolean label; prompt-completion has
    no label. Both conversational.
    """
    for place, name in enumerate(PROMPTS):
        better, worse = loaded("kto")[2 * place : 2 * place + 2]
        assert (better["prompt"], worse["prompt"]) == (PROMPTS[name], PROMPTS[name])
        assert [better["label"], worse["label"]] == [True, False]
        assert [better["completion"][0]["content"], worse["completion"][0]["content"]] == [
            f"good, {name}",
            f"bad, {name}",
        ]
        judged = loaded("judge-sft")[place]
        assert judged["prompt"] == PROMPTS[name]
        assert judged["completion"] == [{"role": "assistant", "content": f"judged, {name}"}]
    assert [(row["src"], row["tgt"]) for row in loaded("fairseq2-sft")] == [
        (PROMPTS["one"][0]["content"], "judged, one")
    ]
    assert [row["prompt"] for row in loaded("prompt-only")] == list(PROMPTS.values())


# --- the page ---------------------------------------------------------------------------------


def lines_of_the_page() -> set[tuple[str, str]]:
    """Trainer and format of each line of the page's table."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in DOCS.splitlines() if line.startswith("| ")
    ]
    return {(row[1].partition(" (")[0], row[0].strip("`")) for row in cells if row[0].startswith("`")}


def test_the_page_has_every_line_of_the_table_and_no_other() -> None:
    own = {("TRL", form) for form in ("prompt-only", "kto", "judge-sft")}
    own |= {("Axolotl", "axolotl-reward"), ("verl", "verl"), ("fairseq2", "fairseq2-sft")}
    assert lines_of_the_page() == {(one.trainer, one.form) for one in TABLE} | own


def test_the_page_names_every_format_and_every_other_word() -> None:
    assert set(names()) <= set(re.findall(r"`([\w-]+)`", DOCS))
    for word, (form, config) in ALIASES.items():
        assert find(word).name == form
        assert find(word).configs[0] == config
