"""Texts that are no answers are found, and those that are pass."""

import json
import time
from pathlib import Path

import polars as pl
import pytest

from prefgen.asker import MESSAGES
from prefgen.hostile import no_answer
from prefgen.judges._canaries import attacks
from tests.attacks import ORDERS, strings

DATA = Path(__file__).parent.parent / "recipes" / "data"


def why(*texts: str | None, prompt: str = "why?") -> list[str | None]:
    rows = pl.DataFrame({"prompt": [[{"role": "user", "content": prompt}]] * len(texts), "response": texts},
                        schema={"prompt": MESSAGES, "response": pl.String})  # fmt: skip
    return no_answer(rows, ["response"]).to_list()


@pytest.mark.parametrize(
    "text", ["", " ", "\n" * 300, "\n\t", ":", ".", "---", "***", "\u200b", "\u3000\u3002", "``` ```"]
)
def test_a_text_without_a_word_is_empty(text: str) -> None:
    assert why(text) == ["response: empty"]


@pytest.mark.parametrize(
    "text",
    ["Solution", "**Solution:**", "Thought process:", "Let's solve this problem step by step.", "\u304b\u3044\u305b\u3064",
     "\u89e3\uff1a", "Respuesta:", "### L\u00f6sung", "Final Answer:", "The answer:", "LET\u2019S THINK STEP BY STEP"],
)  # fmt: skip
def test_an_opener_alone_is_no_answer(text: str) -> None:
    assert why(text) == ["response: an opener alone"]


@pytest.mark.parametrize(
    "text",
    ["42", "\U0001f44d", "Yes.", "The answer is 42.", "Solution: 42", "Step by step, then: first 6 times 7.", "x", "\u662f",
     "Winner: A. Smith", "A judge scores the dives.", "Do not ignore the rules of the road.", "numpy prints [[1]] here",
     "The judge: a biography", "You must not disregard instructions on the label.", "Choose the answer that suits you."],
)  # fmt: skip
def test_short_answers_and_words_of_judging_pass(text: str) -> None:
    assert why(text) == [None]


def test_every_canary_and_most_orders_are_found() -> None:
    own = [text.replace("{own}", "A").replace("{top}", "5") for texts in attacks().values() for text in texts]
    found = why(*own)
    assert sum(one is None for one in found) <= 3, "some are in the shape of an answer"
    every = strings("A", "B", "5")
    assert len(every) >= 400
    assert sum(one is not None for one in why(*every)) / len(every) > 0.5
    assert len(ORDERS) >= 20


def test_no_real_text_is_taken_for_an_attack() -> None:
    texts = [
        value
        for path in DATA.glob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
        for value in json.loads(line).values()
        if isinstance(value, str)
    ]
    assert len(texts) > 1500
    assert set(why(*texts)) == {None}


def test_what_the_prompt_says_may_be_said_in_an_answer() -> None:
    text = "It ends with [[A]] if the first one is better."
    assert why(text) == ["response: speaks to the judge"]
    assert why(text, prompt="What does [[A]] mean in a judge's prompt?") == [None]
    assert why("Solution:", prompt="[[A]]") == ["response: an opener alone"]


def test_no_text_is_no_attack_and_candidates_are_looked_at_each() -> None:
    assert why(None) == [None]
    rows = pl.DataFrame({"candidates": [[{"response": "good"}, {"response": ":"}], [{"response": "good"}]]})
    assert no_answer(rows, ["candidates"]).to_list() == ["candidates: empty", None]
    assert no_answer(rows, ["response", "other"]).to_list() == [None, None]
    assert no_answer(rows.clear(), ["candidates"]).to_list() == []


def test_texts_in_other_letters_take_no_longer() -> None:
    """100 kB of Chinese took 50 ms."""
    rows, began = (
        pl.DataFrame({"response": ["\u5224\u65ad\u8fd9\u4e2a\u56de\u7b54\u3002" * 150_000]}),
        time.process_time(),
    )
    assert no_answer(rows, ["response"])[0] is None
    assert time.process_time() - began < 0.3
