"""What people see of a replay: short, safe on a terminal, and no cost that is not known told as nought."""

from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from prefgen.differences import Change
from prefgen.display_replay import FEW, as_json, show
from prefgen.llm.offline import Bill
from prefgen.replayed import Most, Replay, Step

PLACE = Path("runs/mine")


def said(**what: Any) -> str:
    out = StringIO()
    show(Replay(PLACE, **what), Console(file=out, width=200, soft_wrap=True, highlight=False))
    return out.getvalue()


def test_without_a_change_there_is_one_line_or_the_files_and_why() -> None:
    assert said(files=5) == "replayed: 5 files, byte for byte equal, 0 calls\n"
    assert said(files=1) == "replayed: 1 file, byte for byte equal, 0 calls\n"
    assert said() == "replayed: this recipe writes no dataset, 0 calls\n"
    assert said(files=2, differ={"dataset/README.md": "differs"}, why=["prefgen was 1, and is 2"]) == (
        "replayed: 1 of 2 files is not as in runs/mine, 0 calls\n"
        "  dataset/README.md differs\n"
        "this may be why: prefgen was 1, and is 2\n"
    )


def test_bills_say_what_is_not_known() -> None:
    free, half, none = Bill(4, 10, 20, 0.5, 0), Bill(4, 10, 20, 0.5, 1), Bill(4, 10, 20, 0.0, 4)
    steps = [Step("a", (4, 4), free, half), Step("b", (4, 4), none, free, at_most=True)]
    text = said(changed=True, steps=steps, total=Step("", (8, 8), half, half, at_most=True))
    assert "0.5000 → 0.5000 + 1 of unknown price" in text
    assert "? → ≤0.5000" in text
    assert "note: ?: what these replies cost was not known" in text
    assert "note: ≤: replies that are not used now came in one request with others" in text


def test_rows_are_shown_short_and_cannot_steer_a_terminal() -> None:
    talk = [{"role": "user", "content": "why?"}, {"role": "assistant", "content": "so \x1b[31m" + "long " * 90}]
    other = [talk[0], {"role": "assistant", "content": talk[1]["content"] + "and more"}]
    columns = {"chosen": (talk, other), "score": (1 / 3, None), "judgment_replies": (["a", "b"], ["a"])}
    rows = [Change("dataset/preferences", "p\x1b]0;title\x07.1", "changed", columns)]
    rows += [Change("tables/judgments", f"{n}", "gone", {"id": (f"{n}", None)}) for n in range(FEW + 4)]
    text = said(changed=True, rows=rows, notes=["a \x1b[31mnote"])
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "dataset/preferences: 0 gone, 0 new, 1 changed (chosen 1, score 1, judgment_replies 1)" in text
    assert "…ng long → …ng long and more; score 0.333333 → -; judgment_replies 2 → 1 of them" in text
    assert f"tables/judgments: {FEW + 4} gone, 0 new, 0 changed" in text
    assert "… and 5 more; --json has all" in text
    assert len(as_json(Replay(PLACE, rows=rows))["rows"]) == FEW + 5


def test_what_is_not_known_is_told_with_what_it_may_cost() -> None:
    step = Step("judged", (0, 0), Bill(), Bill(), wanted=12)
    text = said(changed=True, steps=[step], left_out=3, wanted=12, most=Most(20, 1000, 500, None))
    assert "left out of before and now: 3 prompts with draws that are not in the journal" in text
    told = "12 draws at least (judged 12), 20 at most, ~1,000 tokens in, ≤500 out, at a price that is not known"
    assert f"to ask: {told}" in text
    assert "$0.2500 at most" in said(changed=True, left_out=1, wanted=2, most=Most(2, 10, 0, 0.25))
