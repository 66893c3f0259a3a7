import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.generators.evaluation_plan import END, START, evaluation_plan

ROW: Row = {
    "prompt_id": "p",
    "id": "p.0",
    "prompt": [{"role": "user", "content": "Why?"}],
    "chosen": "c",
    "rejected": "r",
}


def plan(text: str) -> str:
    return f"{START}\n{text}\n{END}"


def test_the_responses_are_not_shown() -> None:
    part = evaluation_plan(model="m")
    (user,) = part.ask(ROW).messages
    assert "Why?" in user["content"]
    assert part.ask({**ROW, "chosen": "x", "rejected": "y"}) == part.ask(ROW)
    assert part.needed() == {"prompt"}


@pytest.mark.parametrize(
    "text",
    [
        plan("1. Look."),
        f"Well.\n{plan('1. Look.')}\nDone.",
        f"<think>{plan('no')}</think>{plan('1. Look.')}",
        plan("1. Look.") * 2,
    ],
)
def test_a_plan_stands_between_two_lines(text: str) -> None:
    (made,) = evaluation_plan(model="m").read(ROW, Reply(text, model="m/x", id="cc"))
    assert made == {"plan": "1. Look.", "plan_model": "m/x", "plan_reply": "cc"}
    assert set(made) == set(evaluation_plan.makes)


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [
        ("1. Look.", "stop", "missing"),
        (f"{START}\n1. Look.", "stop", "missing"),
        (f"{START}\n1. Lo", "length", "truncated"),
        (plan("1. Look.") + plan("2. Think."), "stop", "conflicting"),
        (plan(" "), "stop", "empty"),
        (plan("<the plan>"), "stop", "missing"),
        ("", "stop", "empty"),
        ("No.", "refused", "refused"),
    ],
)
def test_what_is_no_plan(text: str, finish: str, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        evaluation_plan(model="m").read(ROW, Reply(text, finish=finish))
    assert caught.value.status == status
