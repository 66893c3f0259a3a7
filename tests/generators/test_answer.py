import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.generators.answer import answer

ROW: Row = {"prompt_id": "p", "id": "p", "prompt": [{"role": "user", "content": "why?"}]}


def test_the_prompt_is_asked_as_it_stands() -> None:
    talk = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "{{ x }}"}]
    assert list(answer(model="m").ask({**ROW, "prompt": talk}).messages) == talk


def test_a_reply_is_a_response_without_its_thinking() -> None:
    reply = Reply("<think>hm</think>\n Because. ", model="local/x", id="ab")
    expected = {"response": "Because.", "response_model": "local/x", "truncated": False, "response_reply": "ab"}
    assert answer(model="m").read(ROW, reply) == [expected]


def test_a_truncated_response_is_dropped_unless_the_recipe_keeps_it() -> None:
    cut = Reply("Because of", finish="length")
    with pytest.raises(Unreadable) as caught:
        answer(model="m").read(ROW, cut)
    assert caught.value.status == "truncated"
    assert answer(model="m", truncated="keep").read(ROW, cut)[0]["truncated"] is True


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(" \n"), "empty"),
        (Reply("", finish="length"), "truncated"),
        (Reply("No.", finish="refused"), "refused"),
        (Reply("<think>never closed"), "empty"),
    ],
)
def test_what_is_no_response(reply: Reply, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        answer(model="m").read(ROW, reply)
    assert caught.value.status == status
