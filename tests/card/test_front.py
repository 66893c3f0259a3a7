"""Front matter: read by the Hub's own client and by `datasets`, with nothing in it that the Hub does not know."""

import re
from typing import Any

import pytest
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard, DatasetCardData
from huggingface_hub.repocard import metadata_load

from prefgen import Recipe, do
from prefgen.card import card
from prefgen.card.front import default, front, sources
from prefgen.card.licences import LICENCES, languages, licence

KEYS = {
    "pretty_name", "license", "license_name", "language", "language_details", "annotations_creators", "language_creators",
    "multilinguality", "source_datasets", "task_categories", "size_categories", "tags", "configs",
}  # fmt: skip
"""Of the Hub's specification of dataset cards, what we write; base_model is a key of model cards."""
CONFIGS = {"judgments": {"train": 90}, "preferences": {"train": 1200, "test": 60}, "preferences_text": {}}


def recipe(**more: Any) -> Recipe:
    return Recipe(
        name="mine", **{"steps": {"prompts": do("load", "x.jsonl")}, "models": {"it": {"use": "fake/it"}}, **more}
    )


def read(**more: Any) -> dict[str, Any]:
    """The front matter of a card as the Hub's client reads it."""
    text = card(recipe(**more), "recipe: mine", CONFIGS, [])
    return fields(DatasetCard(text).data)


def fields(data: Any) -> dict[str, Any]:
    return dict(data.to_dict())


def test_the_hub_s_client_reads_what_was_said(tmp_path: Any) -> None:
    text = card(recipe(license="Apache-2.0", language=["en"]), "recipe: mine", CONFIGS, [])
    (tmp_path / "README.md").write_text(text)
    told = metadata_load(tmp_path / "README.md")
    assert told is not None
    assert told == fields(DatasetCard(text).data)
    assert set(told) <= KEYS
    assert (told["pretty_name"], told["license"], told["language"]) == ("mine", "apache-2.0", ["en"])
    assert told["size_categories"] == ["1K<n<10K"], "of all splits of the default config"
    assert told["tags"][:2] == ["llm-as-a-judge", "preference"]
    assert {"dpo", "rlaif", "synthetic", "prefgen"} <= set(told["tags"])
    assert fields(DatasetCardData(**told)).items() >= told.items()


def test_configs_are_valid_to_the_loader_with_one_default_and_no_empty_split() -> None:
    written = {"judgments": {"train": 90}, "preferences": {"train": 1200, "test": 60}}
    text = card(recipe(), "recipe: mine", {**CONFIGS, "preferences": {"train": 1200, "test": 60, "validation": 0}}, [])
    found = MetadataConfigs.from_dataset_card_data(DatasetCard(text).data)
    assert found.get_default_config_name() == "preferences"
    assert {name: [one["split"] for one in of["data_files"]] for name, of in found.items()} == {
        name: list(splits) for name, splits in written.items()
    }
    assert found["preferences"]["data_files"][1] == {"split": "test", "path": "preferences/test-*.parquet"}
    assert default({"results": {"train": 1}, "judgments": {"train": 1}}) == "results"


@pytest.mark.parametrize(
    ("rows", "size"),
    [
        (1, "n<1K"),
        (999, "n<1K"),
        (1_000, "1K<n<10K"),
        (99_999, "10K<n<100K"),
        (1_000_000, "1M<n<10M"),
        (10_000_000, "10M<n<100M"),
    ],
)
def test_the_classes_of_size_are_the_hub_s(rows: int, size: str) -> None:
    assert f"size_categories:\n- {size}\n" in front(recipe(), {"preferences": {"train": rows}})
    assert f"'{size}'" in " ".join(str(DatasetCardData.__doc__).split())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", {}),
        ("MIT", {"license": "mit"}),
        (" cc-by-4.0 ", {"license": "cc-by-4.0"}),
        ("My Own Licence, v2", {"license": "other", "license_name": "my-own-licence-v2"}),
        ("https://evil.example/x", {"license": "other", "license_name": "https-evil.example-x"}),
        ("---", {"license": "other", "license_name": "custom"}),
        ("许可", {"license": "other", "license_name": "custom"}),
    ],
)
def test_a_licence_is_an_id_of_the_hub_s_or_other_with_a_name(said: str, told: dict[str, str]) -> None:
    assert licence(said) == told
    assert {key: value for key, value in read(license=said).items() if key.startswith("license")} == told
    assert told.get("license", "mit") in LICENCES


def test_a_card_without_a_licence_says_how_to_say_one() -> None:
    text = card(recipe(), "recipe: mine", CONFIGS, [])
    assert "No licence is stated. Say one in the recipe, by the Hub's id: `license: cc-by-4.0`." in text
    named = card(recipe(license="My Own v2"), "recipe: mine", CONFIGS, [])
    assert "Licence: My Own v2. Its text belongs in a file LICENSE beside this one." in named


def test_languages_are_codes_and_what_is_none_is_told_in_words() -> None:
    assert languages(["en", "pt-BR", "yue", "code", "English", "xx", "xx-YY", "en-US"]) == (
        ["en", "pt", "yue", "code"],
        ["pt-BR", "en-US"],
        ["English", "xx", "xx-YY"],
    )
    told = read(language=["en-US", "English"])
    assert (told["language"], told["language_details"], told["multilinguality"]) == (["en"], ["en-US"], ["monolingual"])
    assert "`English`, which is no code of ISO 639" in card(recipe(language=["English"]), "x", CONFIGS, [])
    assert "language" not in read()


def test_datasets_on_the_hub_that_sources_name_are_named() -> None:
    steps = {
        "a": do("load", "HuggingFaceH4/ultrafeedback_binarized"),
        "b": do("load_pairs", "nvidia/HelpSteer3", config="preference"),
        "c": do("load", "data/prompts.jsonl"),
        "d": do("load", [{"prompt": "why?"}]),
        "e": do("answer", "a", model="it"),
    }
    assert sources(recipe(steps=steps)) == ["HuggingFaceH4/ultrafeedback_binarized", "nvidia/HelpSteer3"]
    assert read(steps=steps)["source_datasets"] == ["HuggingFaceH4/ultrafeedback_binarized", "nvidia/HelpSteer3"]
    assert read()["source_datasets"] == ["original"]


def test_the_papers_are_links_to_arxiv_and_nothing_else_is() -> None:
    text = card(recipe(paper="arXiv:2407.19594, after 2401.10020v3; DOI 10.1234/5678.91011"), "x", CONFIGS, [])
    links = re.findall(r"\]\((.*?)\)", text)
    assert links == ["https://arxiv.org/abs/2407.19594", "https://arxiv.org/abs/2401.10020v3"]
