import pytest

from prefgen.asker import Reply, Row
from prefgen.errors import Unreadable
from prefgen.generators.contrast import contrast

ROW: Row = {
    "prompt_id": "p",
    "id": "p",
    "prompt": [{"role": "user", "content": "Why?"}],
    "affix_better": "helpful",
    "affix_worse": "unhelpful",
}


def test_two_requests_that_differ_in_the_affix_alone() -> None:
    better, worse = contrast(model="m").asks(ROW)
    assert better.messages[0]["content"].replace("helpful", "unhelpful") == worse.messages[0]["content"]
    assert better.messages[1:] == worse.messages[1:] == ROW["prompt"]
    assert contrast(model="m").needed() == {"prompt", "affix_better", "affix_worse"}


def test_the_better_affix_is_chosen_unseen() -> None:
    (made,) = contrast(model="m").read_all(ROW, [Reply("Yes.", model="m/x", id="a"), Reply("No.", model="m/x", id="b")])
    assert made == {
        "chosen": "Yes.",
        "chosen_model": "m/x",
        "chosen_reply": "a",
        "rejected": "No.",
        "rejected_model": "m/x",
        "rejected_reply": "b",
    }
    assert set(made) == set(contrast.makes)


@pytest.mark.parametrize(
    ("better", "worse", "status"),
    [
        (Reply("Yes."), Reply("N", finish="length"), "truncated"),
        (Reply("Y", finish="length"), Reply("No."), "truncated"),
        (Reply("Yes."), Reply("Yes."), "unchanged"),
        (Reply("Yes."), Reply(""), "empty"),
        (Reply("", finish="refused"), Reply("No."), "refused"),
    ],
)
def test_what_is_no_pair(better: Reply, worse: Reply, status: str) -> None:
    with pytest.raises(Unreadable) as caught:
        contrast(model="m").read_all(ROW, [better, worse])
    assert caught.value.status == status
