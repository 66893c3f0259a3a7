"""No input makes a reader raise anything but Unreadable, and none makes it slow."""

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prefgen.asker import Reply
from prefgen.errors import Unreadable
from prefgen.judges.reading import VERDICTS, verdict
from tests.judges.reading.test_texts import READERS, STATUSES, TEXTS, status_of

PIECES = [
    "[[A]]", "[[B]]", "[[C]]", "[[A>B]]", "[RESULT]", "Winner:", "Verdict:", "is better", "Assistant", "Response", "Output (a)",
    "A", "B", "1", "2", "Score:", "Rating:", "8/10", "4.5", "{", "}", '"winner":', "'", '"', "```", "```json\n", ">", "<think>",
    "</think>", "\\boxed{", "<answer>", "</answer>", "not", "if", "because", "than", "\n", " ", "**", "|", "\x00", "\ud800", "\uff11",
    "\uff1a", "(", ")", "[", "]", "9" * 400, "[" * 50,
]  # fmt: skip
WORDS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=30).map(" ".join)


@pytest.mark.parametrize("reader", READERS)
@settings(deadline=None, max_examples=150)
@given(WORDS, st.sampled_from(["stop", "length", "refused"]))
@example("{" * 30_000 + "}" * 30_000, "stop")
@example('{"winner": ' + "9" * 10_000 + "}", "stop")
@example('{"score": 1e999}', "stop")
@example('{"score": NaN}', "stop")
@example('{"winner": "\\ud800"}', "stop")
@example(f"{{0x{'f' * 4_000}: 1}}", "stop")
@example(f'{{"winner": 0x{"f" * 4_000}}}', "stop")
@example(f'{{"score": [0x{"f" * 4_000}]}}', "stop")
@example("```", "stop")
@example("```\n```", "stop")
def test_whatever_is_written_is_read_or_is_unreadable(reader: str, text: str, finish: str) -> None:
    assert status_of(reader, text, finish) in {"read", *STATUSES}


@pytest.mark.parametrize("reader", [r for r in VERDICTS if r != "bracket_first"])
@given(st.sampled_from([t[3] for t in TEXTS]), WORDS)
@settings(deadline=None, max_examples=50)
def test_a_reply_that_was_cut_off_has_no_verdict(reader: str, text: str, more: str) -> None:
    with pytest.raises(Unreadable):
        VERDICTS[reader](Reply(text + more, finish="length"), ("A", "B"))


@settings(deadline=None, max_examples=100)
@given(st.sampled_from([t for t in TEXTS if t[0] == "verdict" and t[2] == "stop"]), st.sampled_from("AB"))
def test_a_last_line_in_brackets_decides(text: Any, label: str) -> None:
    """Whatever is said above, where it is no code block or thought left open, nor ends in an object."""
    if text[3].count("```") % 2 == 0 and text[3].count("<think>") == text[3].count("</think>"):
        assert verdict(Reply(f"{text[3]}\n\nFinal verdict: [[{label}]]")) == label


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from([t for t in TEXTS if t[0] == "verdict"]),
    st.sampled_from(["<think>{}</think>", "<thinking>\n{}\n</thinking>\n"]),
)
def test_what_is_thought_is_not_said(text: Any, thought: str) -> None:
    if "think>" not in text[3]:
        assert verdict(Reply(thought.format(text[3].replace("{", "(")) + "\n[[B]]")) == "B"


LONG = [
    "[[", "[[A]] ", "[[A]] \n", "Winner: A or ", "Winner: ", "A is better ", "> [[A]]\n", "{", '{"a":', "}", "```\n", '"', "'a ", "“",
    "Score: 1 ", "Score: 1\n", "score ", "Rating: ", "1 + ", "8/10 ", "Assistant ", "the ", "final ", "not ", "is ", "\\boxed{",
    "<answer>", "<think>", "(", "* ", "response A ", "Assistant A: 9 ", "结论", "x", " ", "\n",
]  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
def test_long_texts_are_read_in_one_pass(reader: str) -> None:
    """A reader whose time were quadratic would not come to an end here; ``make bench`` says how long each takes."""
    for piece in LONG:
        with suppress(Unreadable):
            READERS[reader](Reply(piece * (200_000 // len(piece))))


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        ("numeric_pair", "1" + "\t" * 20_000 + "x"),
        ("verdict", "[[A]] " * 16_000 + "[[B]]"),
        ("verdict", "Verdict: [[A]] " * 6_000 + "x Verdict: [[B]]"),
        ("verdict", f"x {'→' * 490}x\n" * 200),
        ("verdict", "a\n" * 300_000),
    ],
    ids=["blanks", "labels", "announced labels", "arrows", "lines"],
)
def test_what_took_seconds_takes_a_moment(reader: str, text: str) -> None:
    """What ``make fuzz`` found; it holds readers to 50 ms."""
    took = []
    for _ in range(3):  # a large process may sweep its garbage in one of them
        began = time.process_time()
        assert status_of(reader, text, "stop") != "read"
        took.append(time.process_time() - began)
    assert min(took) < 0.4
