from typing import Any

import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.generators.classify import CATEGORIES, classify

ROW: Row = {"prompt_id": "p", "id": "p", "prompt": [{"role": "user", "content": "Prove it. {{ x }}"}]}


def lines(category: str = "coding", complexity: str = "7", length: str = "long") -> str:
    return f"Category: {category}\nComplexity: {complexity}\nLength: {length}"


def test_the_prompt_shows_the_instruction_and_what_is_on_offer() -> None:
    (user,) = classify(model="m").ask(ROW).messages
    assert "Prove it. {{ x }}" in user["content"]
    assert all(f"- {category}\n" in user["content"] for category in CATEGORIES)
    assert "to 10 " in user["content"]
    (own,) = classify(model="m", categories=["red", "blue"], scale=5).ask(ROW).messages
    assert "- red\n- blue" in own["content"]
    assert "to 5 " in own["content"]
    assert classify(model="m").needed() == {"prompt"}


def test_three_lines() -> None:
    (made,) = classify(model="m").read(ROW, Reply(lines(), model="m/x", id="cc"))
    assert made == {
        "category": "coding",
        "complexity": 7,
        "length_class": "long",
        "classified_by": "m/x",
        "classify_reply": "cc",
    }
    assert set(made) == set(classify.makes)


@pytest.mark.parametrize(
    "text",
    [
        "Here it is:\n\n" + lines(),
        lines("**Coding**", "7/10", "LONG."),
        "- **Category:** coding\n- **Complexity:** 7\n- **Length:** long",
        "<think>Category: other</think>\n" + lines(),
        lines() + "\n" + lines(),
    ],
)
def test_other_ways_to_write_them(text: str) -> None:
    (made,) = classify(model="m").read(ROW, Reply(text))
    assert (made["category"], made["complexity"], made["length_class"]) == ("coding", 7, "long")


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [
        ("It is about code.", "stop", "missing"),
        ("Category: coding\nComplexity: 7", "stop", "missing"),
        ("Category: coding\nCompl", "length", "truncated"),
        ("Category: coding\nComplexity: 7\nLength: lon", "length", "truncated"),
        (lines("cooking"), "stop", "out_of_range"),
        (lines(complexity="11"), "stop", "out_of_range"),
        (lines(complexity="0"), "stop", "out_of_range"),
        (lines(complexity="7 or 8"), "stop", "out_of_range"),
        (lines(complexity="high"), "stop", "out_of_range"),
        (lines(length="endless"), "stop", "out_of_range"),
        (lines() + "\nCategory: other", "stop", "conflicting"),
        ("", "stop", "empty"),
        ("No.", "refused", "refused"),
    ],
)
def test_what_is_no_class(text: str, finish: str, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        classify(model="m").read(ROW, Reply(text, finish=finish))
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"categories": ["one"]}, "categories must be two"),
        ({"categories": ["a", "A"]}, "and differ"),
        ({"scale": 1}, "scale must be 2"),
    ],
)
def test_what_makes_no_sense(settings: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        classify(model="m", **settings)
