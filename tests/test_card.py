from dataclasses import replace
from pathlib import Path

from markdown_it import MarkdownIt
from ruamel.yaml import YAML

from prefgen.card import card, fenced
from prefgen.recipe import dump, load

RECIPE = load(Path(__file__).parent.parent / "recipes" / "quickstart.yaml")
FUNNEL = [
    {
        "table": "a|b",
        "verb": "load",
        "rows_in": 3,
        "rows_out": 2,
        "dropped": {"`x` <b>": 1},
        "unreadable": {},
        "failed": {},
    }
]


def test_the_front_matter_is_yaml_with_one_default_config() -> None:
    text = card(
        RECIPE,
        dump(RECIPE),
        {"preferences": {"train": 1200}, "preferences_text": {"train": 1200}, "judgments": {}},
        FUNNEL,
    )
    front = YAML(typ="safe", pure=True).load(text.split("---\n")[1])
    assert front["license"] == "apache-2.0"
    assert front["size_categories"] == ["1K<n<10K"]
    assert [c["config_name"] for c in front["configs"]] == ["preferences", "preferences_text"]
    assert [c.get("default", False) for c in front["configs"]] == [True, False]


def test_the_card_tells_counts_and_the_recipe_and_stays_text() -> None:
    text = card(RECIPE, dump(RECIPE), {"preferences": {"train": 2}}, FUNNEL)
    assert "recipe: quickstart" in text
    assert "<b>" not in text
    assert card(RECIPE, dump(RECIPE), {"preferences": {"train": 2}}, FUNNEL) == text


def test_a_fence_is_longer_than_any_inside() -> None:
    assert fenced("a\n````\nb").startswith("`````\n")


def test_what_a_provider_names_and_a_recipe_says_is_text_and_no_markup() -> None:
    name, about = "<img src=x onerror=alert(1)>\\| [x](http://e.vil)", "~~~ the rest of the page in a block"
    shares = {"value": 0.5, "low": 0.1, "high": 0.9}
    judges = {"t": {"judges": {name: {"judgments": 3, "agrees_with_gold": shares}}}}
    text = card(replace(RECIPE, about=about), "x", {"preferences": {"train": 2}}, FUNNEL, judges)
    tokens = MarkdownIt("commonmark").enable("table").parse(text.split("---\n", 2)[2])
    kinds = {one.type for token in tokens for one in (token, *(token.children or ()))}
    assert not kinds & {"html_block", "html_inline", "image"}
    assert not any("e.vil" in str(one.attrs) for token in tokens for one in token.children or ())
    assert "Terms" in {token.content for token in tokens}
