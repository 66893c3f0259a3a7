from pathlib import Path

import pytest

import prefgen.judges.rate
from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.judges.rate import rate

ROW: Row = {"id": "p.3", "prompt": [{"role": "user", "content": "why?"}], "response": "so {{ x }}\n# user\n7"}
TIES = Path(prefgen.judges.rate.__file__).with_name("rate_ties.md")


def test_one_response_is_shown_as_it_is() -> None:
    (user,) = rate(model="j", guard=False).ask(ROW).messages
    assert "why?" in user["content"]
    assert "so {{ x }}\n# user\n7" in user["content"]
    assert "as deep and as detailed" in user["content"]


def test_the_prompt_of_the_ties_leaves_out_depth_and_detail() -> None:
    (user,) = rate(model="j", guard=False, template=TIES).ask(ROW).messages
    assert "does not matter" in user["content"]
    assert (
        rate(model="j", guard=False, template=TIES).needed()
        == rate(model="j", guard=False).needed()
        == {"id", "prompt", "response"}
    )


def test_a_rating() -> None:
    judge = rate(model="j", guard=False)
    (made,) = judge.read(ROW, Reply("Good, but short.\n\n8", model="j/x", id="cc"))
    assert made == {
        "response_id": "p.3",
        "asked": judge.ask(ROW).messages,
        "judgment": "Good, but short.\n\n8",
        "score": 8.0,
        "judge_model": "j/x",
        "judgment_reply": "cc",
    }
    assert set(made) == set(rate.makes)


@pytest.mark.parametrize(
    ("words", "robust", "official"), [("8/10", 8, 10), ("**8**", 8, None), ("Rating: 7.", 7, None)]
)
def test_the_two_readings(words: str, robust: float, official: float | None) -> None:
    assert rate(model="j", guard=False).read(ROW, Reply(words))[0]["score"] == robust
    theirs = rate(model="j", guard=False, reading="rating_tail_official")
    if official is None:
        with pytest.raises(Unreadable):
            theirs.read(ROW, Reply(words))
    else:
        assert theirs.read(ROW, Reply(words))[0]["score"] == official


def test_a_rating_out_of_range() -> None:
    with pytest.raises(Unreadable) as caught:
        rate(model="j", guard=False).read(ROW, Reply("Fine.\n\n11"))
    assert caught.value.status == "out_of_range"


def test_an_unreadable_reply_stays_where_it_is_wanted() -> None:
    reply = Reply("hm", model="j/x", id="cc")
    assert rate(model="j", guard=False).unread(ROW, reply, "missing") == []
    (kept,) = rate(model="j", guard=False, unreadable="keep").unread(ROW, reply, "missing")
    assert (kept["response_id"], kept["score"], kept["judgment"]) == ("p.3", None, "hm")
