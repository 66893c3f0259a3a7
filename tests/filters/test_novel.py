import random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.asker import MESSAGES
from prefgen.filters import novel
from prefgen.filters.novel import words

SCHEMA: Any = {"prompt_id": pl.String, "id": pl.String, "prompt": MESSAGES, "instruction": pl.String, "part": pl.Int64}
VERB: Any = novel


def table(seeds: list[str], new: list[str | None]) -> pl.DataFrame:
    rows: list[Any] = [(f"s{i}", f"s{i}", [{"role": "user", "content": t}], None, 0) for i, t in enumerate(seeds)]
    rows += [("n", f"n{i}", None, text, 1) for i, text in enumerate(new)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def rouge_l(a: list[str], b: list[str]) -> float:
    """By its definition, with no library: F of the longest common subsequence."""
    lengths = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if x == y else max(lengths[i][j + 1], lengths[i + 1][j])
    return 2 * lengths[-1][-1] / (len(a) + len(b)) if a or b else 1.0


def test_seeds_are_compared_with_and_not_given_back() -> None:
    rows = table(["Name a river in France."], ["Name a river in Spain.", "Sum 2 and 3."])
    assert VERB.marked(rows)["dropped"].to_list() == ["was there before", "ROUGE-L over 0.7 to another", None]
    assert VERB.marked(rows)["detail"].to_list() == [None, "s0", None]
    made = novel(rows)
    assert made.columns == ["prompt_id", "id", "instruction", "rouge_l"]
    assert made["instruction"].to_list() == ["Sum 2 and 3."]


def test_exactly_the_limit_is_kept() -> None:
    """Four of five words in common is 0.8; seven of ten is 0.7."""
    seed, near = "a b c d e f g h i j", "a b c d e f g x y z"
    assert novel(table([seed], [near]))["rouge_l"].to_list() == pytest.approx([0.7])
    assert novel(table(["a b c d e"], ["a b c d x"])).is_empty()
    assert novel(table(["a b c d e"], ["a b c d x"]), at_most=0.8).height == 1


def test_a_text_without_words_or_none() -> None:
    rows = table([], [None, "Say it."])
    assert VERB.marked(rows)["dropped"].to_list() == ["no text", None]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=7).map(" ".join), max_size=4),
    st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=7).map(" ".join), max_size=8),
)
def test_it_is_what_comparing_all_with_all_says(seeds: list[str], new: list[str]) -> None:
    there, kept = [words(text) for text in seeds], []
    for text in new:
        if all(rouge_l(words(text), other) <= 0.7 + 1e-12 for other in there):
            there.append(words(text))
            kept.append(text)
    assert novel(table(seeds, [*new]))["instruction"].to_list() == kept


def test_a_limit_outside_0_to_1() -> None:
    with pytest.raises(ValueError, match="at_most must be from 0 to 1"):
        novel(table([], []), at_most=2)


def test_none_of_nothing() -> None:
    assert novel(table([], [])).schema == novel(table([], ["Say it."])).schema


def test_many_texts_are_compared_as_few_are() -> None:
    """Over several blocks, greedily and one by one."""
    chance = random.Random(0)
    new = [" ".join(chance.choices("abcdefgh", k=chance.randrange(1, 9))) for _ in range(600)]
    marked, kept = VERB.marked(table(["a b c d"], list(new))), [["a", "b", "c", "d"]]
    for text, score, reason in (
        marked.filter(pl.col("instruction").is_not_null()).select("instruction", "rouge_l", "dropped").rows()
    ):
        best = max(rouge_l(words(text), other) for other in kept)
        assert score == pytest.approx(best)
        assert (reason is None) == (best <= 0.7)
        if reason is None:
            kept.append(words(text))
    assert 256 < len(new) > len(kept) > 20
