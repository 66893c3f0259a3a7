import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.generators.new_prompts import new_prompts

ROW: Row = {"prompt_id": "s", "id": "s", "shots": ["Name a river.", "Say {{ x }}."]}


def read(text: str, finish: str = "stop", per_reply: int = 8) -> list[str]:
    made = new_prompts(model="m", per_reply=per_reply).read(ROW, Reply(text, finish=finish, model="m/x", id="cc"))
    assert all(set(row) == set(new_prompts.makes) for row in made)
    return [row["instruction"] for row in made]


def test_the_prompt_shows_the_examples_and_where_to_go_on() -> None:
    (user,) = new_prompts(model="m", per_reply=4).ask(ROW).messages
    assert "1. Name a river.\n\n2. Say {{ x }}." in user["content"]
    assert "Write 4 more" in user["content"]
    assert "at number 3" in user["content"]
    assert new_prompts(model="m").needed() == {"shots"}


@pytest.mark.parametrize(
    "text",
    [
        "3. Plan a walk.\n4. Sum 2 and 3.",
        "Sure!\n\n3) Plan a walk.\n\n4) Sum 2 and 3.\n",
        "1. Plan a walk.\n2. Sum 2 and 3.",
        "**3.** Plan a walk.\n**4.** Sum 2 and 3.",
        "Task 3: Plan a walk.\nTask 4: Sum 2 and 3.",
        "<think>3. No.\n4. No.</think>3. Plan a walk.\n4. Sum 2 and 3.",
        "3. Plan a walk.\n4. Sum 2 and 3.\n5. \n6.",
    ],
)
def test_a_numbered_list(text: str) -> None:
    assert read(text) == ["Plan a walk.", "Sum 2 and 3."]


def test_a_list_inside_an_item_is_no_item() -> None:
    assert read("3. Sort these:\n1. pear\n2. apple\n4. Name a lake.") == [
        "Sort these:\n1. pear\n2. apple",
        "Name a lake.",
    ]


def test_no_more_than_was_asked_for_and_of_a_cut_reply_not_the_last() -> None:
    text = "3. Plan a walk.\n4. Sum 2 and 3.\n5. Tell a jo"
    assert read(text, per_reply=1) == ["Plan a walk."]
    assert read(text, finish="length") == ["Plan a walk.", "Sum 2 and 3."]


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [
        ("Here is one: plan a walk.", "stop", "missing"),
        ("3. Plan a wa", "length", "truncated"),
        ("1. Name a river.\n2. Say {{ x }}.", "stop", "unchanged"),
        ("", "stop", "empty"),
        ("No.", "refused", "refused"),
    ],
)
def test_what_is_no_list(text: str, finish: str, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(text, finish)
    assert caught.value.status == status


def test_none_is_not_asked_for() -> None:
    with pytest.raises(ValueError, match="per_reply must be 1"):
        new_prompts(model="m", per_reply=0)
