import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.judges.meta_judge import meta_judge

ROW: Row = {
    "prompt_id": "p",
    "id": "p.0.0-1",
    "prompt": [{"role": "user", "content": "Why?"}],
    "response": "Because.",
    "first_id": "p.0.0",
    "second_id": "p.0.1",
    "judgment_a": "It answers.\n\n**Score:** 4/5",
    "judgment_b": "It says little, so Score: 2. The rest is fine.",
}


def said(*, mask_scores: bool = True) -> str:
    return meta_judge(model="m", guard=False, mask_scores=mask_scores).ask(ROW).messages[-1]["content"]


def test_scores_are_masked_unless_the_recipe_says_otherwise() -> None:
    assert "4/5" not in said()
    assert "It says little, so. The rest is fine." in said()
    assert "**Score:** 4/5" in said(mask_scores=False)


@pytest.mark.parametrize(
    ("judgment", "masked"),
    [
        ("Good.\nScore: 4", "Good."),
        ("Good.\nTotal score: <3>", "Good."),
        ("Good.\n**Score (0-5): 3.5**", "Good."),
        ("<think>Score: 5</think>Good. Final score is 5 out of 5", "Good."),
        ("One point for relevance: yes.", "One point for relevance: yes."),
        ("It scored well in 2023.", "It scored well in 2023."),
    ],
)
def test_what_is_masked_is_the_score_and_nothing_else(judgment: str, masked: str) -> None:
    text = meta_judge(model="m", guard=False).ask({**ROW, "judgment_a": judgment}).messages[-1]["content"]
    assert f"[Judgement A]\n{masked}".rstrip(".") in text
    assert not any(f"{label}: {n}" in text for label in ("Score", "score") for n in range(6))


def test_the_winner_is_a_verdict() -> None:
    judge = meta_judge(model="m", guard=False)
    (made,) = judge.read(ROW, Reply("A is thorough.\nWinner: Judgement B", model="m/x", id="k"))
    assert set(made) == set(meta_judge.makes)
    assert (made["verdict"], made["judge_model"], made["judgment_reply"]) == ("B", "m/x", "k")
    assert judge.needed() == {"first_id", "second_id", "prompt", "response", "judgment_a", "judgment_b"}


@pytest.mark.parametrize("text", ["Both are good.", "Winner: Judgement A or Judgement B", "Winner: neither"])
def test_what_is_no_verdict(text: str) -> None:
    with pytest.raises(Unreadable):
        meta_judge(model="m", guard=False).read(ROW, Reply(text))
