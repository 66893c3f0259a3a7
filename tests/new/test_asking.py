"""Questions at a terminal: few, each with a default and a why, asked again where an answer will not do; and the command
without a terminal.
"""

import os
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from prefgen.errors import Interrupted, RecipeError, RunError
from prefgen.new.asking import Asking, Given
from tests.commands import ROOT, commanded

DATA = '{"instruction": "Why is the sky blue?", "output": "So."}\n'


def ask(lines: list[str], given: Given) -> tuple[object, str]:
    """What comes of these lines, and what was shown."""
    shown, left = StringIO(), iter(lines)

    def read() -> str:
        line = next(left, None)
        if line is None:
            raise EOFError
        return line

    asking = Asking(Console(file=shown, width=100, highlight=False), read)
    return asking.answers(given), shown.getvalue()


def test_without_an_answer_it_is_the_default_and_each_question_says_why(tmp_path: Path) -> None:
    answers, shown = ask([""] * 4, Given(out=tmp_path / "mine.yaml"))
    assert (
        answers
        == Given(
            recipe="self-taught-evaluators",
            models=["openai/gpt-4.1-mini"],
            judges=["openai/gpt-4.1-mini"],
            data="sample",
        ).answers()
    )
    asked = [line for line in shown.splitlines() if line.endswith("?")]
    assert asked == [
        "Which recipe?",
        "Which model writes (writer)?",
        "Which model judges (judge)?",
        "Where are the prompts?",
    ]
    assert shown.count(" > ") == len(asked)
    lines = shown.splitlines()
    assert all(lines[lines.index(one) + 1].startswith("  ") and lines[lines.index(one) + 1].strip() for one in asked)
    assert "best-of-n " in shown


def test_options_name_several_models_as_answers_do() -> None:
    given = Given(recipe="ultrafeedback", models=["openai/a, openai/b", "openai/c"], judges=["openai/d"], data="sample")
    assert (given.answers().models, given.answers().judges) == (["openai/a", "openai/b", "openai/c"], ["openai/d"])
    with pytest.raises(RecipeError, match="--model: '' is no model"):
        replace(given, models=["openai/a,,openai/b"]).answers()


def test_what_will_not_do_is_told_and_asked_again(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text(DATA)
    lines = [
        "rlcdd",
        "rlcd",
        "gpt-4",
        "opnai/x",
        "openai/x",
        "",
        str(tmp_path / "e.jsonl"),
        str(tmp_path / "d.jsonl"),
        "otput",
        "",
    ]
    answers, shown = ask(lines, Given(name="mine", out=tmp_path / "mine.yaml"))
    for said in (
        "did you mean 'rlcd'",
        "'gpt-4' is no model",
        "no provider 'opnai'",
        "did you mean 'd.jsonl'",
        "did you mean 'output'",
    ):
        assert said in " ".join(shown.split())
    assert getattr(answers, "models") == ["openai/x"]  # noqa: B009
    assert getattr(answers, "data").column == "instruction"  # noqa: B009


def test_what_is_given_is_not_asked(tmp_path: Path) -> None:
    given = Given(recipe="rlcd", models=["openai/x"], out=tmp_path / "mine.yaml")
    _, shown = ask([""], given)
    assert [line for line in shown.splitlines() if line.endswith("?")] == ["Where are the prompts?"]
    _, shown = ask([""], Given(recipe="panel", data="sample", out=tmp_path / "mine.yaml", judges=["openai/x"] * 3))
    assert [line for line in shown.splitlines() if line.endswith("?")] == ["Which model writes (writer)?"]


def test_a_file_that_is_there_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "rlcd.yaml").write_text("mine")
    with pytest.raises(RunError, match="is there already"):
        ask([""] * 5, Given(recipe="rlcd", out=tmp_path / "rlcd.yaml"))


def test_at_the_end_of_lines_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no more answers; nothing was written"):
        ask(["", ""], Given(out=tmp_path / "mine.yaml"))

    def interrupted() -> str:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="nothing was written"):
        Asking(Console(file=StringIO()), interrupted).answers(Given(out=tmp_path / "mine.yaml"))
    assert not list(tmp_path.iterdir())


# --- the command ----------------------------------------------------------------------------


AT_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
"""In a process of its own: one with threads had better not fork."""


def typed(lines: list[bytes], folder: Path) -> tuple[int, str]:
    """The command at a terminal of its own, its exit code and all that it showed: a line is typed when it asks."""
    command = [sys.executable, "-c", AT_A_TERMINAL, sys.executable, str(ROOT / "cli.py"), "new", "mine"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as child:
        assert child.stdin
        assert child.stdout
        shown = b""
        while more := child.stdout.read(4096):
            shown += more
            if shown.endswith(b" > ") and lines:
                child.stdin.write(lines.pop(0))
    return child.returncode, shown.decode()


def test_at_a_terminal_a_recipe_comes_of_a_few_answers_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text(DATA)
    answers = [b"rlcd\n", b"\n", b"\n", b"d.jsonl\n"]
    code, shown = typed([*answers, b"\x03"], tmp_path)
    assert (code, "nothing was written" in shown) == (130, True)
    assert [path.name for path in tmp_path.iterdir()] == ["d.jsonl"]
    code, shown = typed([*answers, b"\n"], tmp_path)
    assert code == 0
    assert "next: prefgen plan mine.yaml" in shown
    assert "prompt: instruction" in (tmp_path / "mine.yaml").read_text()


def test_the_command_line_says_all_without_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text(DATA)
    whole = ["new", "mine", "--paper", "2307.12950", "--model", "openai/gpt-4.1-mini", "--data", "d.jsonl"]
    said = commanded(
        [
            (tmp_path, whole),
            (tmp_path, ["plan", "mine.yaml"]),
            (tmp_path, whole),
            (tmp_path, [*whole, "--force", "--column", "output"]),
            (tmp_path, ["new", "--recipe", "rlcd"]),
            (tmp_path, ["new", "--recipe", "rlcd", "--model", "openai/x", "--data", "sample", "--column", "a"]),
            (
                tmp_path,
                ["new", "--recipe", "rewardbench", "--model", "openai/x", "--data", "d.jsonl", "--out", "x/y.yaml"],
            ),
        ]
    )
    assert said[0][:2] == (0, "mine.yaml\nschemas/recipe.json\n")
    assert "d.jsonl: taken from its column instruction (it has instruction, output)" in said[0][2]
    assert said[1][0] == 0
    assert said[2] == (
        1,
        "",
        "error: mine.yaml is there already; name another with --out, or write over it with --force\n",
    )
    assert said[3][0] == 0
    assert "prompt: output" in (tmp_path / "mine.yaml").read_text()
    cure = "without a terminal there is nobody to ask"
    assert said[4] == (2, "", f"error: prefgen new: --model and --data missing; {cure}\n")
    assert said[5] == (
        2,
        "",
        "error: --column: the data that comes with a recipe has its column; leave the option out\n",
    )
    assert said[6][0] == 2
    assert "reads its data with load_pairs" in said[6][2]
    assert not (tmp_path / "x").exists()
