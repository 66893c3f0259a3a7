"""Judges as a library: places in, places out, and a failure is never a vote."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import prefgen.judges
from prefgen.errors import RecipeError, RowFailed
from prefgen.judges import AllTrueJudge, BinaryJudge, PairJudge, RankJudge
from prefgen.llm.request import Request
from tests.marks import unmarked
from tests.servers import OpenAIServer


def shown(request: Request) -> tuple[str, str]:
    """The two answers that a judge is shown."""
    text = request.messages[-1]["content"]
    a = text.partition("[The Start of Assistant A's Answer]\n")[2].partition("\n[The End")[0]
    b = text.partition("[The Start of Assistant B's Answer]\n")[2].partition("\n[The End")[0]
    return a, b


@unmarked
def longer(request: Request, seed: int) -> str:
    a, b = shown(request)
    return "[[A]]" if len(a) > len(b) else "[[B]]"


def says(text: str) -> Any:
    return unmarked(lambda request, seed: text)


PROMPTS = [f"question {i}" for i in range(20)]
PAIRS = [["long answer", "short"] if i % 3 else ["short", "long answer"] for i in range(20)]
BETTER = [0 if i % 3 else 1 for i in range(20)]


@pytest.mark.parametrize("orders", ["one", "both"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_better_completion_is_named_by_its_place(orders: Any, shuffle: bool) -> None:
    assert PairJudge(longer, orders=orders).judge(PROMPTS, PAIRS, shuffle) == BETTER


def test_a_judge_that_looks_at_the_place_alone() -> None:
    always_a = says("[[A]]")
    drawn = PairJudge(always_a).judge(PROMPTS, PAIRS)
    assert set(drawn) == {0, 1}
    assert PairJudge(always_a, seed=1).judge(PROMPTS, PAIRS) != drawn
    assert PairJudge(always_a).judge(PROMPTS, PAIRS, shuffle_order=False) == [0] * 20
    assert PairJudge(always_a, orders="both").judge(PROMPTS, PAIRS) == [-1] * 20


def test_what_cannot_be_read_and_what_fails_is_no_vote() -> None:
    def refuses(request: Request, seed: int) -> str:
        raise (
            RowFailed("content_filter", "not this one")
            if "question 3" in request.messages[-1]["content"]
            else RowFailed("x", "y")
        )

    def some(request: Request, seed: int) -> str:
        return "[[A]]" if "question 1\n" in request.messages[-1]["content"] else "I cannot say."

    assert PairJudge(unmarked(some)).judge(PROMPTS[:3], PAIRS[:3], shuffle_order=False) == [-1, 0, -1]
    assert PairJudge(refuses).judge(PROMPTS[:3], PAIRS[:3]) == [-1] * 3


def test_samples_vote() -> None:
    def by_draw(request: Request, seed: int) -> str:
        return f"[[{next(said)}]]"

    said = iter("AABAB")
    assert PairJudge(unmarked(by_draw), n=3).judge(PROMPTS[:1], PAIRS[:1], shuffle_order=False) == [0]
    assert PairJudge(unmarked(by_draw), n=2).judge(PROMPTS[:1], PAIRS[:1], shuffle_order=False) == [-1]


@unmarked
def scores(request: Request, seed: int) -> str:
    text = request.messages[-1]["content"].partition("[Response]\n")[2].partition("\n[End of")[0]
    return f"Score: {text}"


def test_ranks_go_from_best_to_worst() -> None:
    judge = RankJudge(scores)
    assert judge.judge(["a", "b", "c"], [["1", "5", "3"], ["4", "2"], []]) == [[1, 2, 0], [0, 1], []]
    assert judge.judge(["a"], [["1", "none", "3"]]) == [[-1, -1, -1]]


def test_equal_scores_are_ordered_by_the_seed() -> None:
    found = {tuple(RankJudge(scores, seed=seed).judge(["a"], [["2", "2"]])[0]) for seed in range(12)}
    assert found == {(0, 1), (1, 0)}


@unmarked
def checks(request: Request, seed: int) -> str:
    text = request.messages[-1]["content"]
    right = "Known to be Correct" not in text or text.count("gold") == 2
    return "[[Y]]" if right and "bad" not in text else "[[N]]" if "unclear" not in text else "Hm."


def test_binary_judges() -> None:
    judge = BinaryJudge(checks)
    assert judge.judge(["q"] * 3, ["good", "bad", "bad and unclear"]) == [1, 0, -1]
    assert judge.judge(["q"] * 2, ["gold", "other"], ["gold", "gold"]) == [1, 0]


def test_all_true() -> None:
    judges = [BinaryJudge(says(f"[[{said}]]")) for said in "YYN"]
    assert AllTrueJudge(judges[:2]).judge(["q"], ["c"]) == [1]
    assert AllTrueJudge(judges).judge(["q"], ["c"]) == [0]
    assert AllTrueJudge([*judges, BinaryJudge(says("?"))]).judge(["q"], ["c"]) == [-1]
    with pytest.raises(ValueError, match="judges must be one at least"):
        AllTrueJudge([])


def test_conversations_are_judged_by_their_last_turn() -> None:
    talk = [{"role": "user", "content": "hi"}]
    pair: Sequence[Any] = [
        [{"role": "assistant", "content": "much longer"}],
        [{"role": "assistant", "content": "short"}],
    ]
    assert PairJudge(longer).judge([talk], [pair]) == [0]


def test_where_a_loop_runs_and_where_none_does() -> None:
    async def cell() -> list[int]:
        found: list[int] = await PairJudge(longer).ajudge(PROMPTS, PAIRS)
        return found

    async def sync_in_a_cell() -> list[int]:
        found: list[int] = PairJudge(longer).judge(PROMPTS, PAIRS)
        return found

    assert asyncio.run(cell()) == asyncio.run(sync_in_a_cell()) == PairJudge(longer)(PROMPTS, PAIRS) == BETTER


def test_a_journal_asks_once(tmp_path: Path) -> None:
    calls: list[int] = []

    def counted(request: Request, seed: int) -> str:
        calls.append(seed)
        return longer(request, seed)

    for _ in range(2):
        assert PairJudge(counted, journal=tmp_path / "j.sqlite").judge(PROMPTS, PAIRS) == BETTER
    assert len(calls) == 20


def test_a_real_sdk_on_loopback() -> None:
    with OpenAIServer(lambda body: "Verdict: [[A]]") as server:
        judge = PairJudge({"use": "openai/x", "base_url": server.base_url}, guard=False)
        assert judge.judge(["q"], [["a", "b"]], shuffle_order=False) == [0]


@pytest.mark.parametrize(
    ("prompts", "completions", "words"),
    [
        (["a"], [["x"]], "prompt 0 has 1 completions; give a list of 2"),
        (["a"], ["xy"], "prompt 0 has text, not a list"),
        (["a", "b"], [["x", "y"]], "2 prompts, but completions of 1"),
    ],
)
def test_what_is_not_a_pair(prompts: list[str], completions: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PairJudge(longer).judge(prompts, completions)


def test_what_is_wrong_is_told_before_anything_is_asked() -> None:
    with pytest.raises(RecipeError, match="no provider 'opnai'; did you mean 'openai'"):
        PairJudge("opnai/x")
    with pytest.raises(RecipeError, match="compare has no setting 'm'"):
        PairJudge(longer, m=3)


def test_nothing_of_nothing() -> None:
    assert PairJudge(longer).judge([], []) == []
    assert RankJudge(scores).judge([], []) == []
    assert BinaryJudge(checks).judge([], []) == []
    with pytest.raises(AttributeError, match="no 'Judge'"):
        prefgen.judges.Judge  # noqa: B018
