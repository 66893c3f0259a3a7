from collections.abc import Sequence
from typing import Any

import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.judges.aspects import MEANINGS, aspects, ratings

PARTS = ("response_id", "response", "response_model", "response_reply")
ROW: Row = {
    "prompt_id": "p",
    "id": "p",
    "prompt": [{"role": "user", "content": "Why?"}],
    "candidates": [
        dict(zip(PARTS, (f"p.{k}", f"text {k} {{{{ x }}}}", f"m{k}", f"j{k}"), strict=True)) for k in (2, 0)
    ],
}


def blocks(*said: object) -> str:
    return "\n\n".join(f"Text: {n}\nRating: {one}\nRationale: because {n}." for n, one in enumerate(said, 1))


def replies(said: Sequence[Sequence[object]]) -> list[Reply]:
    return [Reply(blocks(*one), model="j/x", id=f"r{k}") for k, one in enumerate(said)]


def test_one_request_for_each_aspect_with_all_texts_in_it() -> None:
    judge = aspects(model="j", guard=False)
    asks = judge.asks(ROW)
    assert len(asks) == 4
    for ask, (aspect, meaning) in zip(asks, MEANINGS.items(), strict=True):
        (user,) = ask.messages
        assert "[Text 1]\ntext 2 {{ x }}" in user["content"]
        assert "[Text 2]\ntext 0 {{ x }}" in user["content"]
        assert meaning in user["content"]
        assert ("N/A" in user["content"]) == (aspect == "honesty")
    assert judge.needed() == {"prompt", "candidates"}


def test_each_response_gets_its_own_ratings_and_their_mean() -> None:
    said = [(4, 5), ("N/A", 3), (2, 5), (3, 1)]
    first, second = aspects(model="j", guard=False).read_all(ROW, replies(said))
    assert set(first) == set(aspects.makes)
    assert (first["response_id"], second["response_id"]) == ("p.2", "p.0")
    assert [first[a] for a in MEANINGS] == [4, None, 2, 3]
    assert [second[a] for a in MEANINGS] == [5, 3, 5, 1]
    assert (first["score"], second["score"]) == (3.0, 3.5)
    assert first["judgment_replies"] == ["r0", "r1", "r2", "r3"]
    assert first["judge_model"] == "j/x"


@pytest.mark.parametrize(
    "text",
    [
        blocks(4, 5),
        "#### Output\n\n" + blocks("4/5", "5/5"),
        blocks("**4**", "[5]"),
        "Text: 2\nRating: 5\nRationale: x\n\nText: 1\nRating: 4\nRationale: y",
        "**Text 1**\nRating: 4\n\n**Text 2**\nRating: 5",
        "<think>" + blocks(1, 1) + "</think>" + blocks(4, 5),
    ],
)
def test_other_ways_to_write_them(text: str) -> None:
    assert ratings(Reply(text), 2, "helpfulness") == [4, 5]


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [
        ("Both are fine.", "stop", "missing"),
        (blocks(4), "stop", "conflicting"),
        (blocks(4, 5, 3), "stop", "conflicting"),
        (blocks(4, 5) + "\n\n" + blocks(4, 5), "stop", "conflicting"),
        (blocks(4, "3 or 4"), "stop", "conflicting"),
        (blocks(4, 6), "stop", "out_of_range"),
        (blocks(4, 0), "stop", "out_of_range"),
        (blocks(4, "N/A"), "stop", "out_of_range"),
        (blocks(4, 5), "length", "truncated"),
        ("", "stop", "empty"),
        ("No.", "refused", "refused"),
    ],
)
def test_what_is_no_rating(text: str, finish: str, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        ratings(Reply(text, finish=finish), 2, "helpfulness")
    assert caught.value.status == status


def test_half_a_point_is_no_whole_number() -> None:
    with pytest.raises(Unreadable):
        ratings(Reply(blocks(4, "4.5")), 2, "helpfulness")


def test_a_text_that_nothing_was_said_of_is_not_scored() -> None:
    with pytest.raises(Unreadable):
        aspects(model="j", guard=False, among=["honesty"]).read_all(ROW, replies([("N/A", 3)]))


@pytest.mark.parametrize("some", [[], ["beauty"]])
def test_known_aspects(some: Any) -> None:
    with pytest.raises(ValueError, match="among must be some of"):
        aspects(model="j", guard=False, among=some)
