from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.filters import near_duplicates
from prefgen.filters._shingles import jaccard, ngrams, words
from tests.filters.tables import pairs, why

NEAR = "nearly the same as an earlier one"
LONG = "one two three four five six seven eight nine ten eleven twelve"


def prompts(*texts: str | None) -> pl.DataFrame:
    ids = [f"p{i}" for i in range(len(texts))]
    return pl.DataFrame(
        {"prompt_id": ids, "id": ids, "prompt": texts}, schema=dict.fromkeys(("prompt_id", "id", "prompt"), pl.String)
    )


@pytest.mark.parametrize(
    ("texts", "reasons"),
    [
        ((LONG, LONG + " thirteen", "quite another one"), [None, NEAR, None]),
        ((LONG, LONG.upper() + "!"), [None, NEAR]),
        ((LONG, " ".join(reversed(LONG.split()))), [None, None]),
        (("", "", None), [None, None, None]),
        (("hi", "Hi."), [None, NEAR]),
        (("什么是人工智能", "什么是人工智能?"), [None, NEAR]),
    ],
)
def test_each_reason(texts: tuple[str | None, ...], reasons: list[str | None]) -> None:
    assert why(near_duplicates, prompts(*texts)) == reasons


def test_a_dropped_row_names_the_one_that_it_repeats() -> None:
    marked: Any = near_duplicates
    assert marked.marked(prompts(LONG, "other", LONG))["detail"].to_list() == [None, None, "p0"]


def test_conversations_and_pairs() -> None:
    talk = [[{"role": "user", "content": LONG}], [{"role": "user", "content": LONG}]]
    assert near_duplicates(prompts("a", "b").with_columns(prompt=pl.Series(talk))).height == 1
    rows = pairs((LONG, "x"), (LONG, "x"), (LONG, "another text that differs"))
    assert why(near_duplicates, rows, of=["chosen", "rejected"]) == [None, NEAR, None]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8).map(" ".join), max_size=12))
def test_it_is_what_comparing_all_with_all_says(texts: list[str]) -> None:
    """At a threshold of 0.5 the index looks for sets from 0.4 on; what it misses so near is rarer than one in 10,000."""
    kept: list[str] = []
    for text in texts:
        own = ngrams(words(text), 1)
        if not any(jaccard(own, ngrams(words(other), 1)) >= 0.5 for other in kept):
            kept.append(text)
    found = near_duplicates(prompts(*texts), threshold=0.5, ngram=1)["prompt"].to_list()
    assert found == kept


@pytest.mark.parametrize("wrong", [{"threshold": 0}, {"threshold": 1.1}, {"ngram": 0}])
def test_what_makes_no_sense(wrong: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        near_duplicates(prompts("a"), **wrong)
