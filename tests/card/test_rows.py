"""Real rows in the card: cut where they are long, and text wherever they hold something else."""

import json

import polars as pl
import pytest
from markdown_it import MarkdownIt

from prefgen import Recipe
from prefgen.card.page import Page
from prefgen.card.rows import CHARACTERS, ITEMS, rows
from prefgen.configs import preferences
from tests.hostile import HALVES, STEERS, STRINGS


def fences(text: str) -> list[str]:
    """The blocks of a section in which nothing else is than blocks, their captions and a heading."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    kinds = {one.type for token in tokens for one in (token, *(token.children or ()))}
    assert kinds <= {
        "heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "text", "code_inline", "fence",
    }  # fmt: skip
    assert {token.info for token in tokens if token.type == "fence"} <= {"json"}
    return [token.content for token in tokens if token.type == "fence"]


@pytest.mark.parametrize("text", [*STRINGS, *HALVES], ids=range(len(STRINGS) + len(HALVES)))
def test_a_row_of_hostile_text_stays_in_its_block_and_is_all_there(text: str) -> None:
    row = {"prompt": text, "chosen": [{"role": "user", "content": text}], "score": None}
    (block,) = fences(rows({"preferences": [row]}))
    assert not STEERS.search(block)
    if len(text) <= CHARACTERS:
        assert json.loads(block) == row


def test_what_is_cut_is_counted_and_a_conversation_keeps_its_end() -> None:
    talk = [{"role": "user", "content": str(n)} for n in range(9)]
    (block,) = fences(rows({"preferences": [{"long": "x" * (CHARACTERS + 1234), "talk": talk, "few": talk[:ITEMS]}]}))
    shown = json.loads(block)
    assert shown["long"] == "x" * CHARACTERS + " … [1,234 more characters]"
    assert shown["talk"] == [*talk[:2], "… [6 more]", talk[-1]]
    assert shown["few"] == talk[:ITEMS]


TALK = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


def pairs(prompts: list[list[str]]) -> pl.DataFrame:
    """Pairs whose prompts have these turns."""
    ids = [f"p{n}" for n in range(len(prompts))]
    asked = [[{"role": "user", "content": turn} for turn in prompt] for prompt in prompts]
    made = {"prompt_id": ids, "id": ids, "prompt": asked, "chosen": ["xxx"] * len(ids), "rejected": ["u"] * len(ids)}
    return preferences(pl.DataFrame(made, schema_overrides={"prompt": TALK}))


@pytest.mark.parametrize("cut", [1, 2, 9])
def test_the_first_two_rows_of_each_config_however_they_come(cut: int) -> None:
    some = pairs([["a", "b"], ["q"], ["r"], ["s"]])
    page = Page(Recipe(name="mine", steps={}), "x", [], {"judges": {}, "authors": [], "pairs": {}})
    gone_by = [*page.noting("preferences", (some[n : n + cut] for n in range(0, 4, cut)))]
    assert pl.concat(gone_by).equals(some)
    assert next(page.noting("judgments", pl.DataFrame({"x": []}))).is_empty()
    assert page.beside() == {}
    assert page.reports["pairs"] == {
        "pairs": 4, "chosen_characters": 3.0, "rejected_characters": 1.0, "longer": page.reports["pairs"]["longer"],
    }  # fmt: skip
    assert [row["pair_id"] for row in page.examples["preferences"]] == ["p0", "p1"]
    assert [row["prompt"] for row in page.examples["preferences_text"]] == ["q", "r"]
    text = page.readme({"preferences": {"train": 4}, "preferences_text": {"train": 3}, "judgments": {}})
    assert text.count("```json") - text.count("hf_hub_url") == 4
    assert "Of `judgments`" not in text
