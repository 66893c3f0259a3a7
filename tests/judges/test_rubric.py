from typing import Any

import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.judges.rubric import SCORES, rubric

ROW: Row = {"id": "p.3", "prompt": [{"role": "user", "content": "Why?"}], "response": "So. {{ x }}"}
OWN: Row = {**ROW, "criterion": "Is it kind?", **{name: f"{name}." for name in SCORES}}
GIVEN: Any = {"criterion": "Is it true?", "scores": ["no", "hardly", "partly", "mostly", "yes"]}


def test_the_recipes_rubric() -> None:
    judge = rubric(model="j", guard=False, **GIVEN)
    (user,) = judge.ask(ROW).messages
    for text in ("Why?", "So. {{ x }}", "Is it true?", "Score 1: no", "Score 5: yes"):
        assert text in user["content"]
    assert "would get a 5" not in user["content"]
    assert judge.needed() == {"id", "prompt", "response"}


def test_each_rows_own_rubric_and_reference() -> None:
    judge = rubric(model="j", guard=False)
    (user,) = judge.ask({**OWN, "reference": "Because it is."}).messages
    for text in ("Is it kind?", "Score 1: score_1.", "Because it is."):
        assert text in user["content"]
    assert judge.needed() == {"id", "prompt", "response", "criterion", *SCORES}


def test_the_recipes_rubric_goes_before_the_rows() -> None:
    (user,) = rubric(model="j", guard=False, **GIVEN).ask(OWN).messages
    assert "Is it true?" in user["content"]
    assert "Is it kind?" not in user["content"]


def test_a_score() -> None:
    judge = rubric(model="j", guard=False, **GIVEN)
    (made,) = judge.read(ROW, Reply("Mostly true. [RESULT] 4", model="j/x", id="cc"))
    assert made == {
        "response_id": "p.3",
        "asked": judge.ask(ROW).messages,
        "judgment": "Mostly true. [RESULT] 4",
        "score": 4.0,
        "judge_model": "j/x",
        "judgment_reply": "cc",
    }
    assert set(made) == set(rubric.makes)


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [
        ("Good.", "stop", "missing"),
        ("Goo", "length", "truncated"),
        ("Good. [RESULT] 6", "stop", "out_of_range"),
        ("", "stop", "empty"),
        ("No.", "refused", "refused"),
    ],
)
def test_what_is_no_score(text: str, finish: str, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        rubric(model="j", guard=False, **GIVEN).read(ROW, Reply(text, finish=finish))
    assert caught.value.status == status


@pytest.mark.parametrize(
    "settings", [{"criterion": "x"}, {"scores": ["a"] * 5}, {"criterion": "x", "scores": ["a"] * 4}]
)
def test_a_rubric_is_whole(settings: Any) -> None:
    with pytest.raises(ValueError, match="must be given together, with five scores"):
        rubric(model="j", guard=False, **settings)
