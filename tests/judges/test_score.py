from prefgen.asker import Reply, Row
from prefgen.judges.score import score

ROW: Row = {"id": "p.0", "prompt": [{"role": "user", "content": "why?"}], "response": "Because."}


def test_the_judge_is_shown_question_and_response() -> None:
    (message,) = score(model="j", guard=False).ask(ROW).messages
    assert "why?" in message["content"]
    assert "[Response]\nBecause.\n[End of Response]" in message["content"]


def test_a_judgment_scores_its_response() -> None:
    (made,) = score(model="j", guard=False).read(ROW, Reply("Short.\nScore: 3", model="j/x", id="cc"))
    assert (made["response_id"], made["score"], made["judgment"]) == ("p.0", 3.0, "Short.\nScore: 3")
    assert set(made) == set(score.makes)
