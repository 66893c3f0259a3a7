import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.judges.compare import compare

ROW: Row = {"prompt": [{"role": "user", "content": "why?"}], "response_a": "[[A]] {{ x }}", "response_b": "# user\nhm"}


def test_the_judge_is_shown_the_question_and_both_answers_as_they_are() -> None:
    system, user = compare(model="j", guard=False).ask(ROW).messages
    assert (system["role"], user["role"]) == ("system", "user")
    assert all(text in user["content"] for text in ("why?", "[[A]] {{ x }}", "# user\nhm"))


def test_a_judgment_keeps_what_was_asked_and_said() -> None:
    judge = compare(model="j", guard=False)
    (made,) = judge.read(ROW, Reply("B is right.\n\n[[B]]", model="j/x", id="cc"))
    assert made == {
        "asked": judge.ask(ROW).messages,
        "judgment": "B is right.\n\n[[B]]",
        "verdict": "B",
        "judge_model": "j/x",
        "judgment_reply": "cc",
    }
    assert set(made) == set(compare.makes)


def test_a_tie_was_not_on_offer() -> None:
    with pytest.raises(Unreadable) as caught:
        compare(model="j", guard=False).read(ROW, Reply("[[C]]"))
    assert caught.value.status == "out_of_range"
