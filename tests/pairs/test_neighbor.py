import math
from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.asker import MESSAGES
from prefgen.pairs.neighbor import BLOCK, nearest, neighbor


def table(asked: list[str], texts: list[str] | None = None) -> pl.DataFrame:
    rows = [
        {
            "prompt_id": f"p{i}",
            "id": f"p{i}.0",
            "prompt": [{"role": "user", "content": text}],
            "category": "c",
            "response": texts[i] if texts else f"answer {i}",
            "response_model": f"m{i}",
            "truncated": False,
            "response_reply": f"key{i}",
        }
        for i, text in enumerate(asked)
    ]
    schema: dict[str, Any] = {
        "prompt_id": pl.String,
        "id": pl.String,
        "prompt": MESSAGES,
        "category": pl.String,
        "response": pl.String,
        "response_model": pl.String,
        "truncated": pl.Boolean,
        "response_reply": pl.String,
    }
    return pl.DataFrame(rows, schema=schema)


CAKES = ["How do I bake a chocolate cake?", "How do I bake a carrot cake?", "Why is the sky blue?", "Is the sky grey?"]


def test_the_reject_answers_the_most_similar_other_prompt() -> None:
    made = neighbor(table(CAKES))
    assert made["neighbor_prompt_id"].to_list() == ["p1", "p0", "p3", "p2"]
    assert made.row(0, named=True) == {
        "prompt_id": "p0",
        "id": "p0.0-p1.0",
        "prompt": [{"role": "user", "content": CAKES[0]}],
        "category": "c",
        "chosen": "answer 0",
        "chosen_model": "m0",
        "chosen_reply": "key0",
        "neighbor_prompt_id": "p1",
        "rejected": "answer 1",
        "rejected_model": "m1",
        "rejected_reply": "key1",
        "similarity": pytest.approx(cosine(*vectors(CAKES)[:2]), abs=2e-6),
    }


def test_only_the_first_response_of_a_prompt_is_used() -> None:
    more = table(CAKES).with_columns(id=pl.concat_str(pl.col("prompt_id"), pl.lit(".1")), response=pl.lit("another"))
    rows = pl.concat([table(CAKES), more])
    assert neighbor.marked(rows)["dropped"].to_list() == [None] * 4 + ["not the prompt's first response"] * 4
    assert neighbor(rows).equals(neighbor(table(CAKES)))


def test_a_prompt_that_is_too_near_is_passed_over() -> None:
    asked = ["bake a cake now", "bake a cake now", "bake a bread", "zzz"]
    made = neighbor(table(asked))
    assert made["neighbor_prompt_id"].to_list() == ["p2", "p2", "p0"]
    assert neighbor(table(asked), max_similarity=1)["neighbor_prompt_id"].to_list() == ["p1", "p0", "p0"]


def test_each_reason() -> None:
    far = "no other prompt near enough"
    assert neighbor.marked(table(["a b", "a c", "d"]))["dropped"].to_list() == [None, None, far]
    assert neighbor.marked(table(["a b", "a c", "d"]), min_similarity=0.8)["dropped"].to_list() == [far] * 3
    assert neighbor.marked(table(["a b", "a c"], ["same", "same "]))["dropped"].to_list() == ["equal texts"] * 2
    silent = table(["a b", "a c"]).with_columns(response=pl.Series([None, "x"]))
    assert neighbor.marked(silent)["dropped"].to_list() == ["no response"] * 2


@pytest.mark.parametrize("how", [(-0.1, 0.9), (0.9, 0.5)])
def test_bounds_without_sense_are_refused(how: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="0 <= min_similarity <= max_similarity"):
        neighbor(table(CAKES), min_similarity=how[0], max_similarity=how[1])


def test_one_prompt_and_none_have_no_neighbour() -> None:
    for few in (table([]), table(["alone"]), table(["", ""]), table(["\U0001f600", "?!"])):
        made = neighbor(few)
        assert made.is_empty()
        assert made.schema == neighbor(table(CAKES)).schema
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="response"):
        neighbor(table([]).drop("response"))


def test_the_last_user_message_is_what_is_compared() -> None:
    turns = [
        [{"role": "system", "content": "x"}, {"role": "user", "content": "zzz"}, {"role": "assistant", "content": "y"},
         {"role": "user", "content": CAKES[0]}],
        [{"role": "user", "content": CAKES[1]}, {"role": "assistant", "content": "q"}],
        [{"role": "user", "content": "zzz"}],
        [{"role": "system", "content": "zzz"}],
    ]  # fmt: skip
    rows = table(CAKES).with_columns(prompt=pl.Series(turns, dtype=MESSAGES))
    assert neighbor(rows)["neighbor_prompt_id"].to_list() == ["p1", "p0"]


def test_prompts_may_be_plain_text() -> None:
    rows = [{"prompt_id": i, "id": str(i), "prompt": text, "response": str(i)} for i, text in enumerate(CAKES)]
    assert [pair["neighbor_prompt_id"] for pair in neighbor(rows)] == [1, 0, 3, 2]


def test_scripts_without_spaces_have_words_too() -> None:
    made = neighbor(table(["\u5929\u7a7a\u662f\u84dd\u8272", "\u5929\u7a7a\u662f\u7070\u8272", "\u86cb\u7cd5"]))
    assert made["neighbor_prompt_id"].to_list() == ["p1", "p0"]


def test_of_equally_near_ones_the_first_is_taken() -> None:
    assert [place for place, _ in nearest(["a x", "a y", "a z", "a w"], 1.0, 0.0)] == [1, 0, 0, 0]


def test_blocks_do_not_show() -> None:
    texts = [f"{i % 40} {i % 17} {i % 13}" for i in range(2 * BLOCK + 3)]
    found, vector = nearest(texts, 1.0, 0.0), vectors(texts)
    for i in (0, BLOCK - 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 2):
        others = [0.0 if j == i else cosine(vector[i], other) for j, other in enumerate(vector)]
        assert found[i] == (others.index(max(others)), max(others))


def test_it_sees_the_whole_table() -> None:
    assert neighbor.whole


def vectors(texts: list[str]) -> list[dict[str, float]]:
    """As the docstring writes it, word by word."""
    words = [Counter("".join(c if c.isalnum() else " " for c in text.lower()).split()) for text in texts]
    shown_in = Counter(word for counted in words for word in counted)
    rare = {word: 1 + math.log((1 + len(texts)) / (1 + times)) for word, times in shown_in.items()}
    return [{word: (1 + math.log(times)) * rare[word] for word, times in counted.items()} for counted in words]


def cosine(a: dict[str, float], b: dict[str, float]) -> float:
    both = sum(v * b.get(w, 0.0) for w, v in a.items())
    return round(both / math.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values())), 6)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=6).map(" ".join), min_size=2, max_size=8),
    st.sampled_from([0.5, 0.9, 1.0]),
    st.sampled_from([0.0, 0.3]),
)
def test_no_other_prompt_is_nearer(texts: list[str], highest: float, lowest: float) -> None:
    vector = vectors(texts)
    for i, (place, near) in enumerate(nearest(texts, highest, lowest)):
        others = {j: cosine(vector[i], other) for j, other in enumerate(vector) if j != i}
        fit = {j: c for j, c in others.items() if 0 < c <= highest and c >= lowest}
        if place is None or near is None:
            assert all(min(abs(c - highest), abs(c - lowest)) < 2e-6 for c in fit.values())
        else:
            assert near == pytest.approx(others[place], abs=2e-6)
            assert near == pytest.approx(max(fit.values(), default=near), abs=2e-6)
