import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.generators.critique import critique

ROW: Row = {
    "prompt_id": "p",
    "id": "p.0",
    "prompt": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}],
    "response": "So. {{ x }}",
    "critique_request": "Is it rude?",
}


def test_the_model_is_shown_what_it_said() -> None:
    messages = critique(model="m").ask(ROW).messages
    assert [turn["role"] for turn in messages] == ["system", "user", "assistant", "user"]
    assert messages[2]["content"] == "So. {{ x }}"
    assert "Is it rude?" in messages[3]["content"]
    assert critique(model="m").needed() == {"prompt", "response", "critique_request"}


def test_the_reply_is_the_critique() -> None:
    (made,) = critique(model="m").read(ROW, Reply("<think>?</think> It is curt. ", id="cc"))
    assert made == {"critique": "It is curt.", "critique_reply": "cc"}
    assert set(made) == set(critique.makes)


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [("It is cu", "length", "truncated"), ("", "stop", "empty"), ("No.", "refused", "refused")],
)
def test_what_is_no_critique(text: str, finish: str, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        critique(model="m").read(ROW, Reply(text, finish=finish))
    assert caught.value.status == status
