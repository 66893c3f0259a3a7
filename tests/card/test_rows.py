"""Real rows in the card: cut where they are long, and text wherever they hold something else."""

import json

import polars as pl
import pytest
from markdown_it import MarkdownIt

from prefgen.card.rows import CHARACTERS, ITEMS, examples, rows
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


def test_two_rows_of_each_config_that_has_any() -> None:
    talk = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
    made = {
        "prompt_id": ["a", "b", "c"], "id": ["a.1", "b.1", "c.1"], "prompt": [[{"role": "user", "content": q}] for q in "qrs"],
        "chosen": ["x", "y", "z"], "rejected": ["u", "v", "w"],
    }  # fmt: skip
    pairs = preferences(pl.DataFrame(made, schema_overrides={"prompt": talk}))
    found = examples({"preferences": pairs, "judgments": pl.DataFrame({"x": []})})
    assert {config: len(some) for config, some in found.items()} == {"preferences": 2, "preferences_text": 2}
    assert [row["prompt"] for row in found["preferences_text"]] == ["q", "r"]
    assert rows({}) == ""
