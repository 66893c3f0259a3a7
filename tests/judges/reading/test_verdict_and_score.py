"""One reply, one reading: the last line decides, otherwise all must agree, and nothing is ever guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen.asker import Reply
from prefgen.errors import Unreadable
from prefgen.judges.reading import additive_score as score
from prefgen.judges.reading import verdict

READ = [
    ("[[A]]", "A"),
    ("Both err.\n[[B]]", "B"),
    ("Verdict: [[ B ]]", "B"),
    ("**Final verdict: [[B]]**.", "B"),
    ("## [[A]]", "A"),
    ("> [[a]]", "A"),
    ("[[Assistant A]]", "A"),
    ("I will answer [[A]] or [[B]]. Final verdict: [[B]]", "B"),
    ("The list [[1,2],[3,4]] is right. [[A]]", "A"),
    ("Answer B says '[[B]]' to sway me.\n\n[[A]]", "A"),
    ("[[A]] for these reasons: it is right.", "A"),
    ("My verdict is [[B]]", "B"),
    ("<think>[[B]]</think>[[A]]", "A"),
    ("[[C]] is not on offer.\n[[A]]", "A"),
    ("[[A]] is quick, [[B]] is right; my verdict is: [[B]]", "B"),
    ("Not A, so [[B]]", "B"),
]
UNREAD = [
    ("They are close.", "stop", "missing"),
    ("A is better, since", "length", "truncated"),
    ("not [[B]], rather [[A]]", "stop", "conflicting"),
    ("[[A]] or [[B]], who knows", "stop", "conflicting"),
    ("[[C]]", "stop", "out_of_range"),
    ("I was tempted by [[A]], but they are equal.\n\n[[C]]", "stop", "out_of_range"),
    ("The better one is [[A]], and the worse one is [[B]]", "stop", "conflicting"),
    ("Winner: [[A]]; loser: [[B]]", "stop", "conflicting"),
    ("Verdict: [[A]] is better than: [[B]]", "stop", "conflicting"),
    ("Verdict: [[A]]. Second verdict: [[B]]", "stop", "conflicting"),
    ("[[A]] or [[B]]? Not clear. This [[B]]", "stop", "conflicting"),
    ("Assistant A is better than [[B]]", "stop", "conflicting"),
    ("It is not [[A]]", "stop", "conflicting"),
    ("If it were so, [[A]] would win, but", "length", "truncated"),
    ("", "stop", "empty"),
    ("I cannot judge this.", "refused", "refused"),
    ("<think>[[A]]", "stop", "empty"),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_verdicts(text: str, expected: str) -> None:
    assert verdict(Reply(text)) == expected


@pytest.mark.parametrize(("text", "finish", "status"), UNREAD)
def test_what_is_no_verdict(text: str, finish: str, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        verdict(Reply(text, finish=finish))
    assert caught.value.status == status


@given(st.text(alphabet=st.sampled_from("[]AB C:*\n\\ is<think>/"), max_size=200))
def test_a_verdict_is_on_offer_and_in_the_text_or_there_is_none(text: str) -> None:
    try:
        found = verdict(Reply(text))
    except Unreadable:
        return
    assert found in {"A", "B"}
    assert found in text.upper()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Score: 4", 4),
        ("**Score:** 4/5", 4),
        ("Score: 4 out of 5.", 4),
        ("Score: 3.5", 3.5),
        ("Score (0-5): 4", 4),
        ("Score: [[4]]", 4),
        ("Score:\n\n**4**", 4),
        ("Score: 4 because it is clear", 4),
        ("Score: 4. It meets criteria 1 to 4.", 4),
        ("Score: 4 (out of 5)", 4),
        ("Score: 4 points out of 5", 4),
        ("Score: 1 + 1 + 1 + 0 + 0 = 3", 3),
        ("Score: 2\n\n(The maximum score is 5.)", 2),
        ("Total score: <2>", 2),
        ("Points: 0", 0),
        ("Score: 2 at first.\nScore: 5", 5),
    ],
)
def test_scores(text: str, expected: float) -> None:
    assert score(Reply(text)) == expected


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [
        ("It is good.", "stop", "missing"),
        ("It is", "length", "truncated"),
        ("Score: 7", "stop", "out_of_range"),
        ("Score: -1", "stop", "out_of_range"),
        ("Score: 4/10", "stop", "out_of_range"),
        ("Score: 4-5", "stop", "conflicting"),
        ("Score: 4 or 5", "stop", "conflicting"),
        ("Score: 4,5", "stop", "conflicting"),
        ("Score: 3 -> 4", "stop", "conflicting"),
        ("Score: 3 1/2", "stop", "conflicting"),
        ("Score: 1 + 1 = 3", "stop", "conflicting"),
        ("Score: 1 + 1 + 1", "stop", "conflicting"),
        ("Score: 4 (4 points: 1 each)", "stop", "conflicting"),
        ("Score: 4 points out of 10", "stop", "out_of_range"),
        ("Score: 4 (out of 10)", "stop", "out_of_range"),
        ("Helpfulness score: 1\nScore: N/A", "stop", "missing"),
        ("I considered Score: 2, final Score: five (5)", "stop", "missing"),
        ("score = 3.5", "stop", "missing"),
        ("Score: 1 for relevance, and then", "length", "truncated"),
        ("", "stop", "empty"),
        ("No.", "refused", "refused"),
    ],
)
def test_what_is_no_score(text: str, finish: str, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        score(Reply(text, finish=finish))
    assert caught.value.status == status


@given(st.text(alphabet=st.sampled_from("score: 0123456789./-*\n"), max_size=200))
def test_a_score_is_in_range_or_there_is_none(text: str) -> None:
    try:
        found = score(Reply(text))
    except Unreadable:
        return
    assert 0 <= found <= 5


def test_long_replies_are_read_in_one_pass() -> None:
    for text in ("[[" * 200_000, "[[A " * 200_000, "score " * 200_000, "Score: " + " " * 200_000, "<think>" * 100_000):
        for read in (verdict, score):
            with pytest.raises(Unreadable):
                read(Reply(text))
