import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.judges.correct import correct

ROW: Row = {"prompt_id": "p", "id": "p.0", "prompt": [{"role": "user", "content": "2 + 2?"}], "response": "4"}


def test_a_verdict_with_and_without_a_reference() -> None:
    judge = correct(model="m", guard=False)
    (made,) = judge.read(ROW, Reply("Right. [[Y]]", model="m/x", id="k"))
    assert set(made) == set(correct.makes)
    assert (made["correct"], made["response_id"]) == (True, "p.0")
    assert "Known to be Correct" not in judge.ask(ROW).messages[-1]["content"]
    assert "four" in judge.ask({**ROW, "reference": "four"}).messages[-1]["content"]
    assert judge.needed() == {"id", "prompt", "response"}


@pytest.mark.parametrize("text", ["Yes.", "[[A]]", "[[Y]] or [[N]]"])
def test_what_is_no_verdict(text: str) -> None:
    with pytest.raises(Unreadable):
        correct(model="m", guard=False).read(ROW, Reply(text))
