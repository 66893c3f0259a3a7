from pathlib import Path

import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.generators.perturb import END, GRAMMAR, MODIFIED, START, perturb

ROW: Row = {
    "prompt_id": "p",
    "id": "p.0",
    "prompt": [{"role": "user", "content": "Why is the sky blue?"}],
    "response": "Air scatters blue light most.",
    "response_model": "m",
    "response_reply": "aa",
}


def block(modified: str = "Why is the sea blue?", worse: str = "Water absorbs red light.") -> str:
    return f"{MODIFIED}\n{modified}\n{START}\n{worse}\n{END}"


def test_the_prompt_shows_question_and_answer_and_the_form() -> None:
    (message,) = perturb(model="w").ask(ROW).messages
    for text in ("Why is the sky blue?", "Air scatters blue light most.", MODIFIED, START, END):
        assert text in message["content"]


def test_a_block_makes_a_pair_whose_better_member_is_known() -> None:
    (made,) = perturb(model="w").read(ROW, Reply(f"Sure.\n{block()}\nDone.", model="w/x", id="bb"))
    assert made == {
        "modified_prompt": "Why is the sea blue?",
        "chosen": "Air scatters blue light most.",
        "chosen_model": "m",
        "chosen_reply": "aa",
        "rejected": "Water absorbs red light.",
        "rejected_model": "w/x",
        "rejected_reply": "bb",
    }
    assert set(made) == set(perturb.makes)


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [
        ("I would rather not.", "stop", "missing"),
        (block().replace(START, ""), "stop", "missing"),
        (block().replace(END, ""), "stop", "missing"),
        (block().replace(END, ""), "length", "truncated"),
        (block(worse=""), "stop", "empty"),
        (block(modified=" "), "stop", "empty"),
        (block(modified="<the new question>"), "stop", "missing"),
        (block(worse="<your answer to the new question>"), "stop", "missing"),
        (block(modified="why is the SKY blue"), "stop", "unchanged"),
        (block(worse="Air scatters blue light most!"), "stop", "unchanged"),
        (block() + "\n" + block(modified="Why is grass green?"), "stop", "conflicting"),
        ("", "stop", "empty"),
        ("No.", "refused", "refused"),
    ],
)
def test_the_rejection_rules(text: str, finish: str, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        perturb(model="w").read(ROW, Reply(text, finish=finish))
    assert caught.value.status == status


def test_one_block_said_twice_is_one_block() -> None:
    assert perturb(model="w").read(ROW, Reply(f"{block()}\n\n{block()}"))


def test_a_constrained_ask_carries_the_form_as_a_grammar() -> None:
    held = perturb(model="w", constrained=True)
    assert held.ask(ROW).grammar == GRAMMAR
    assert held.wants() == {"grammar"}
    assert perturb(model="w").ask(ROW).grammar is None


@pytest.mark.parametrize(
    ("before", "after"),
    [("What is 2+2?", "What is 2-2?"), ("Solve x > 3", "Solve x < 3"), ("कि", "की"), ("1.5", "15"), ("no", '{"a": 1}')],
)
def test_a_sign_makes_a_difference(before: str, after: str) -> None:
    row = {**ROW, "prompt": [{"role": "user", "content": before}], "response": before}
    assert perturb(model="w").read(row, Reply(block(modified=after, worse=after)))


def test_the_instruction_is_also_the_last_turn_of_a_conversation() -> None:
    row = {**ROW, "prompt": [{"role": "system", "content": "Be brief."}, *ROW["prompt"]]}
    with pytest.raises(Unreadable, match="is the instruction"):
        perturb(model="w").read(row, Reply(block(modified="Why is the sky blue?")))


def test_a_prompt_file_s_own_placeholders_are_known(tmp_path: Path) -> None:
    own = tmp_path / "own.md"
    own.write_text("Change {{ prompt }} and {{ response }}: <what else to ask>")
    with pytest.raises(Unreadable, match="placeholder"):
        perturb(model="w", template=own).read(ROW, Reply(block(modified="[What else to ask]")))
