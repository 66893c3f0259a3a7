import sys
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.filters import near_duplicates
from prefgen.filters._bulk import edges
from prefgen.filters._groups import lots, related
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


@settings(deadline=None, max_examples=20)
@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8).map(" ".join), min_size=1, max_size=30))
def test_lots_on_the_disk_change_nothing(texts: list[str]) -> None:
    """Numbers in lots lead to the same texts, and texts that hang together are in one lot."""
    verb, rows = sys.modules["prefgen.filters.near_duplicates"], prompts(*texts).lazy()
    held, laid = (edges(lambda: [pl.Series(texts, dtype=pl.String)], 0.5, 1, most=most) for most in (1000, 5))
    assert {*map(frozenset, laid.T.tolist())} == {*map(frozenset, held.T.tolist())}
    if laid.size:
        places, groups = np.unique(laid).tolist(), related(laid).to_list()
        assert {*groups} <= {*places} == {*np.unique(held).tolist()}
        assert all(groups[places.index(a)] == groups[places.index(b)] for a, b in held.T)
    found = {most: list(lots(rows, ["prompt"], laid, most)) for most in (1000, -1)}
    assert len(found[1000]) <= 1
    assert sum(lot.height for lot in found[-1]) == len(np.unique(laid))
    told = {
        most: pl.concat([verb.repeats(lot, 0.5, 1) for lot in lots]).sort("place")
        for most, lots in found.items()
        if lots
    }
    assert not told or told.get(1000, told[-1]).equals(told[-1])


def test_texts_that_hang_together_are_in_one_lot() -> None:
    number = pl.int_range(40_000, eager=True)
    texts = pl.select(pl.format("a{} b{} c{} {}", *[number % 20_000] * 3, number)).to_series()
    ends = edges(lambda: [texts], 0.4, 1)
    assert (related(ends) == number % 20_000).all()
    rows = texts.alias("prompt").to_frame().with_columns(id=number.cast(pl.String)).lazy()
    first, *more = [{*(lot["place"] % 20_000).to_list()} for lot in lots(rows, ["prompt"], ends)]
    assert len(more) > 1
    assert all(first.isdisjoint(other) for other in more)
