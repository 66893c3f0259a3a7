"""What is said around a label or a number, in the plain form and with marks: turned down, taken back, or let stand."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen.asker import Reply
from prefgen.errors import Unreadable
from prefgen.judges.reading import (
    additive_score,
    marked_score,
    marked_verdict,
    prometheus_abs,
    rating_robust,
    unmarked,
    verdict,
)
from prefgen.judges.reading.marked import without
from prefgen.judges.reading.presets import output_ab

SAYINGS = {
    head: lines.strip().splitlines()
    for head, lines in re.findall(
        r"^=== ([^\n]+)\n(.*?)(?=^===|\Z)",
        Path(__file__).with_name("around.txt").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
}
CODES = {"K7Q2": "A", "B3C4": "B"}


def plain(text: str, offered: Sequence[str] = ("A", "B")) -> str:
    """What the plain form reads, or why it does not."""
    return _or_status(lambda: verdict(Reply(text.replace("|", "\n")), offered))


def with_marks(text: str) -> str:
    return _or_status(lambda: marked_verdict(Reply(text.replace("|", "\n")), CODES, ("A", "B")))


def _or_status(read: Callable[[], str | float]) -> str:
    try:
        said = read()
    except Unreadable as e:
        return e.status
    return said if isinstance(said, str) else f"{said:g}"


@pytest.mark.parametrize("text", SAYINGS["turned down or taken back"])
def test_a_label_that_is_turned_down_or_taken_back_is_no_verdict(text: str) -> None:
    assert plain(text.format(a="[[A]]")) == "conflicting"
    assert with_marks(text.format(a="[[K7Q2]]")) == "conflicting"
    assert with_marks(text.format(a="K7Q2")) in {"conflicting", "missing"}
    assert plain(text.format(a="A")) in {"conflicting", "missing", "B"}


@pytest.mark.parametrize("text", SAYINGS["let stand"])
def test_a_label_that_is_let_stand_is_read(text: str) -> None:
    assert plain(text.format(a="[[A]]", b="[[B]]")) == "A"
    assert with_marks(text.format(a="[[K7Q2]]", b="[[B3C4]]")) == "A"
    assert with_marks(text.format(a="K7Q2", b="B3C4")) in {"A", "missing"}


@pytest.mark.parametrize("text", ["K7Q2", "**k7q2**.", "- K7Q2", "B is weaker.\nK7Q2", "Winner: K7Q2", "My final verdict is K7Q2.", "[RESULT] K7Q2"])  # fmt: skip
def test_a_code_without_brackets_counts_alone_on_its_line_or_announced(text: str) -> None:
    assert with_marks(text) == "A"


@pytest.mark.parametrize(
    "text", ["K7Q2 is the weaker answer.", "K7Q2 is better.", "Compare K7Q2 with B3C4.", "Is it K7Q2"]
)
def test_elsewhere_it_is_but_a_name(text: str) -> None:
    assert with_marks(text) == "missing"
    assert with_marks(f"{text}\n[[B3C4]]") == "B"


def test_a_name_that_wins_below_a_verdict_is_another_verdict() -> None:
    assert with_marks("[[K7Q2]]\nB3C4 is better.") == "conflicting"
    assert with_marks("[[K7Q2]]\nK7Q2 is better.") == "A"


def test_what_is_quoted_below_a_verdict_is_not_another_one() -> None:
    for quote in ("Assistant B wins.", "[[B]]", "I prefer answer B."):
        assert with_marks(f"[[K7Q2]]\nThe answer had said:\n{quote}") == "A"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It isn't correct: [[N]]", "N"),
        ("The answer is wrong, [[N]]", "N"),
        ("[[N]] - it fails", "N"),
        ("[[N]]: not all steps hold.", "N"),
        ("[[N]]\nIt is wrong.", "N"),
        ("It is correct: [[Y]]", "Y"),
        ("I cannot choose [[N]]", "conflicting"),
        ("The answer is not correct: [[Y]]", "conflicting"),
        ("not [[N]]", "conflicting"),
    ],
)
def test_a_no_is_said_with_words_against_the_answer(text: str, expected: str) -> None:
    assert plain(text, ("Y", "N")) == expected


@pytest.mark.parametrize(
    "text",
    ["The rejected choice: A", "I doubt the winner is A", "Winner: A?", "A?", "Assistant A is.", "Assistant A is more verbose.",
     "Winner: A (not really)", "Assistant A is better, as I was told to say", "I choose A for style, B for content"],
)  # fmt: skip
def test_forms_without_brackets_are_held_to_the_same(text: str) -> None:
    assert plain(text) in {"conflicting", "missing"}


@pytest.mark.parametrize("text", ["Output (a) isn't better.", "Output (a) isn\u2019t better."])
def test_an_output_that_is_not_better_is_no_verdict(text: str) -> None:
    assert _or_status(lambda: output_ab(Reply(text))) == "conflicting"


# --- scores ---------------------------------------------------------------------------------


def scores(text: str) -> dict[str, str]:
    """What each reader of scores reads, in both forms."""
    text = text.replace("|", "\n")
    named, rated = text.replace("{s}", "Score"), text.replace("{s}", "Rating")
    with_mark = [one.replace(word, f"{word} K7Q2") for one, word in ((named, "Score"), (rated, "Rating"))]
    return {
        "additive": _or_status(lambda: additive_score(Reply(named))),
        "rating": _or_status(lambda: rating_robust(Reply(rated), 1, 5)),
        "additive, marked": _or_status(lambda: marked_score(Reply(with_mark[0]), "K7Q2", additive_score)),
        "rating, marked": _or_status(lambda: marked_score(Reply(with_mark[1]), "K7Q2", lambda one: rating_robust(one, 1, 5))),
    }  # fmt: skip


@pytest.mark.parametrize("text", SAYINGS["scores of 4"])
def test_a_score_that_is_let_stand_is_read(text: str) -> None:
    assert set(scores(text).values()) == {"4"}


@pytest.mark.parametrize("text", SAYINGS["no scores"])
def test_a_score_that_goes_on_or_is_taken_back_is_none(text: str) -> None:
    assert set(scores(text).values()) <= {"missing", "conflicting"}


@pytest.mark.parametrize("read", [additive_score, rating_robust, prometheus_abs])
def test_marked_scores_agree(read: Callable[[Reply], float]) -> None:
    word = "[RESULT] K7Q2" if read is prometheus_abs else "Score K7Q2:"

    def said(text: str) -> str:
        return _or_status(lambda: marked_score(Reply(text.format(word)), "K7Q2", read))

    assert said("{0} 5\n{0} 2") == "conflicting"
    assert said("{0} 5\nActually, that is wrong. {0} 2") == "conflicting"
    assert said("{0} 2\n{0} 2") == "2"
    assert said("I end with {0} <number>\n{0} 2") == "2"
    assert said("{0} 2\n\nThe answer had said:\nTotal: 5\n> No, 5.") == "2"


@pytest.mark.parametrize(
    "text",
    ["I would not give [[4]]", "[[4]] is too high", "[[4]]\nNo wait, [[3]] it is", "It can't be [[4]]", "It doesn't deserve a rating of 5", "The rating of 3 is too low"],
)  # fmt: skip
def test_a_rating_that_is_turned_down(text: str) -> None:
    assert _or_status(lambda: rating_robust(Reply(text))) == "conflicting"


@pytest.mark.parametrize(
    "text", ["I would rate it [[4]]", "I'd give it a rating of 4.", "It lacks depth, so I must give it a score of 4"]
)
def test_what_a_judge_would_give_it_gives(text: str) -> None:
    assert _or_status(lambda: rating_robust(Reply(text))) == "4"


@pytest.mark.parametrize("text", ["It does not deserve a score of 5", "I won't give it 5 out of 5", "3 or 4 out of 5", "between 3/5 and 4/5", "3-4/5", "not 4/5"])  # fmt: skip
def test_a_rubric_score_that_is_turned_down_or_one_of_two(text: str) -> None:
    assert _or_status(lambda: prometheus_abs(Reply(text))) == "conflicting"


def test_a_mark_goes_in_either_case() -> None:
    assert unmarked("Score k7q2: 4\n[[b3c4]]", {"B3C4": "[[B]]"}, "K7Q2", "#0a1b2c") == "Score: 4\n[[B]]"
    assert re.fullmatch(r"\[End\]", unmarked("[End #0A1B2C]", {}, "K7Q2", "#0a1b2c"))


PIECES = ["K7Q2", "k7q2", "K7", "q2", " ", "  ", "\n", "a", "\xdf", "\u212a"]
"""The last is Kelvin's sign, which counts as a K where case does not."""


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_a_sign_goes_as_a_pattern_would_find_it(text: str) -> None:
    assert without(text, "K7Q2") == re.sub(r" ?K7Q2", "", text, flags=re.IGNORECASE | re.ASCII)
