import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.judges.compare import compare
from prefgen.judges.rubric_compare import rubric_compare

ROW: Row = {
    "id": "p.0.ab",
    "prompt": [{"role": "user", "content": "Why?"}],
    "response_a": "So. {{ x }}",
    "response_b": "Because.",
}


def test_the_two_and_the_criterion() -> None:
    judge = rubric_compare(model="j", guard=False, criterion="Is it kind?")
    (user,) = judge.ask({**ROW, "reference": "Dear friend"}).messages
    for text in ("Why?", "[Response A]\nSo. {{ x }}", "[Response B]\nBecause.", "Is it kind?", "Dear friend"):
        assert text in user["content"]
    assert judge.needed() == {"prompt", "response_a", "response_b"}
    own = rubric_compare(model="j", guard=False)
    assert own.needed() == {"prompt", "response_a", "response_b", "criterion"}
    assert "Is it long?" in own.ask({**ROW, "criterion": "Is it long?"}).messages[0]["content"]


def test_a_verdict_has_the_columns_of_compare() -> None:
    judge = rubric_compare(model="j", guard=False, criterion="x")
    (made,) = judge.read(ROW, Reply("B says more. [RESULT] B", model="j/x", id="cc"))
    assert (made["verdict"], made["judge_model"], made["judgment_reply"]) == ("B", "j/x", "cc")
    assert made["asked"] == judge.ask(ROW).messages
    assert set(made) == set(rubric_compare.makes) == set(compare.makes)


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [("A is better.", "stop", "missing"), ("A", "length", "truncated"), ("", "stop", "empty"), ("No.", "refused", "refused")],
)  # fmt: skip
def test_what_is_no_verdict(text: str, finish: str, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        rubric_compare(model="j", guard=False, criterion="x").read(ROW, Reply(text, finish=finish))
    assert caught.value.status == status
