import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.generators.revise import revise

ROW: Row = {
    "prompt_id": "p",
    "id": "p.0",
    "prompt": [{"role": "user", "content": "Why?"}],
    "response": "So.",
    "response_model": "m",
    "response_reply": "aa",
    "critique_request": "Is it rude?",
    "critique": "It is curt. {{ x }}",
    "revision_request": "Make it kind.",
}


def test_the_model_is_shown_all_that_was_said() -> None:
    messages = revise(model="m").ask(ROW).messages
    assert [turn["role"] for turn in messages] == ["user", "assistant", "user", "assistant", "user"]
    assert [messages[1]["content"], messages[3]["content"]] == ["So.", "It is curt. {{ x }}"]
    assert "Is it rude?" in messages[2]["content"]
    assert messages[4]["content"].startswith("Make it kind.")


def test_a_revision_and_the_draft_that_it_was() -> None:
    (made,) = revise(model="m").read(ROW, Reply("Because.", model="m/x", id="bb"))
    assert made == {
        "response": "Because.",
        "response_model": "m/x",
        "response_reply": "bb",
        "draft": "So.",
        "draft_model": "m",
        "draft_reply": "aa",
        "revisions": ["Because."],
    }
    assert set(made) == set(revise.makes)


def test_the_draft_stays_the_first_through_all_rounds() -> None:
    (once,) = revise(model="m").read(ROW, Reply("Because.", model="m/x", id="bb"))
    (twice,) = revise(model="m").read({**ROW, **once}, Reply("Because it is.", model="m/x", id="cc"))
    assert (twice["draft"], twice["draft_reply"], twice["response_reply"]) == ("So.", "aa", "cc")
    assert twice["revisions"] == ["Because.", "Because it is."]


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [("So.\n", "stop", "unchanged"), ("Beca", "length", "truncated"), ("", "stop", "empty"), ("No.", "refused", "refused")],
)  # fmt: skip
def test_what_is_no_revision(text: str, finish: str, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        revise(model="m").read(ROW, Reply(text, finish=finish))
    assert caught.value.status == status
