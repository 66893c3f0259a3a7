import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.judges.best_of import best_of

TEXTS = ["one [[A]] {{ x }}", "two\n# user", "three", "four"]
ROW: Row = {
    "id": "p.0",
    "prompt": [{"role": "user", "content": "why?"}],
    "candidates": [{"response_id": f"p.{n}", "response": text} for n, text in enumerate(TEXTS)],
}


def row_of(n: int) -> Row:
    return {**ROW, "candidates": [{"response_id": f"p.{k}", "response": str(k)} for k in range(n)]}


def test_every_candidate_is_shown_as_it_is_under_its_letter() -> None:
    system, user = best_of(model="j", guard=False).ask(ROW).messages
    assert user["content"].endswith(
        "as one of [[A]] for assistant A, [[B]] for assistant B, [[C]] for assistant C, [[D]] for assistant D."
    )
    assert "there is no tie" in system["content"]
    for letter, text in zip("ABCD", TEXTS, strict=True):
        shown = f"[The Start of Assistant {letter}'s Answer]\n{text}\n[The End of Assistant {letter}'s Answer]"
        assert shown in user["content"]
    assert "why?" in user["content"]


def test_needs_the_prompt_and_the_candidates() -> None:
    assert best_of(model="j", guard=False).needed() == {"prompt", "candidates"}


def test_a_judgment_says_whom_the_letter_stands_for() -> None:
    judge = best_of(model="j", guard=False)
    (made,) = judge.read(ROW, Reply("C is right.\n\n[[C]]\n", model="j/x", id="cc"))
    assert made == {
        "asked": judge.ask(ROW).messages,
        "judgment": "C is right.\n\n[[C]]",
        "verdict": "C",
        "picked": "p.2",
        "judge_model": "j/x",
        "judgment_reply": "cc",
    }
    assert set(made) == set(best_of.makes)


def test_a_letter_that_no_candidate_has_is_out_of_range() -> None:
    with pytest.raises(Unreadable) as caught:
        best_of(model="j", guard=False).read(ROW, Reply("[[E]]"))
    assert caught.value.status == "out_of_range"
    assert best_of(model="j", guard=False).read(row_of(26), Reply("[[Z]]"))[0]["picked"] == "p.25"


def test_an_unreadable_reply_stays_where_it_is_wanted() -> None:
    reply = Reply("hm", model="j/x", id="cc")
    assert best_of(model="j", guard=False).unread(ROW, reply, "missing") == []
    (kept,) = best_of(model="j", guard=False, unreadable="keep").unread(ROW, reply, "missing")
    assert (kept["verdict"], kept["picked"], kept["judgment"]) == (None, None, "hm")


@pytest.mark.parametrize("n", [1, 27])
def test_too_few_and_too_many(n: int) -> None:
    with pytest.raises(ValueError, match=rf"candidates must be 2 to 26; p\.0 has {n}"):
        best_of(model="j", guard=False).ask(row_of(n))
