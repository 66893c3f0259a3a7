"""The command line as a person meets it: real processes, exit codes, what goes to stdout and what to stderr."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def prefgen(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "cli.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_help_names_every_command() -> None:
    said = prefgen("--help")
    assert said.returncode == 0
    for command in ("run", "plan", "recipes", "verbs", "schema", "models"):
        assert command in said.stdout


def test_recipes_list_show_copy(tmp_path: Path) -> None:
    assert "self-taught-evaluators" in prefgen("recipes").stdout
    assert prefgen("recipes", "show", "quickstart").stdout == (ROOT / "recipes" / "quickstart.yaml").read_text()
    copied = prefgen("recipes", "copy", "quickstart", str(tmp_path / "mine"))
    assert copied.returncode == 0
    assert (tmp_path / "mine" / "data" / "prompts.jsonl").exists()
    again = prefgen("recipes", "copy", "quickstart", str(tmp_path / "mine"))
    assert (again.returncode, "is there already" in again.stderr) == (1, True)


def test_verbs_list_and_show() -> None:
    listed = prefgen("verbs").stdout
    for verb in ("load", "answer", "perturb", "compare", "likelihood", "best_worst", "balance", "first_agreeing"):
        assert f"  {verb} " in listed
    shown = prefgen("verbs", "show", "length_control").stdout
    assert "2407.19594" in shown
    assert "rho" in shown
    wrong = prefgen("verbs", "show", "comprae")
    assert (wrong.returncode, wrong.stderr) == (2, "error: no verb 'comprae'; did you mean 'compare'?\n")


def test_schema_is_json_on_stdout() -> None:
    assert json.loads(prefgen("schema").stdout)["title"] == "A prefgen recipe"


def test_an_unknown_recipe_is_told_with_the_nearest_name() -> None:
    said = prefgen("run", "quickstrat")
    assert (said.returncode, said.stderr) == (2, "error: no recipe 'quickstrat'; did you mean 'quickstart'?\n")


def test_a_file_that_is_not_there() -> None:
    said = prefgen("run", "nothing.yaml")
    assert said.returncode == 2
    assert said.stderr.startswith("error: nothing.yaml: no such file")


@pytest.mark.parametrize("command", ["run", "plan"])
def test_errors_of_a_recipe_are_lines_without_a_traceback(command: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("steps:\n  prompts: {laod: x.jsonl}\n  pairs: {both_orders: promtps}\n")
    said = prefgen(command, str(bad))
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.splitlines() == [
        f"error: {bad}:2: prompts: no verb 'laod'; did you mean 'load'?",
        f"error: {bad}:3: pairs: no table 'promtps'; did you mean 'prompts'?",
    ]


def test_plan_counts_the_calls_of_the_quickstart(tmp_path: Path) -> None:
    said = prefgen("plan", "quickstart", "--json", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    planned = json.loads(said.stdout)
    assert planned["responses"]["most"] == 12
    assert planned["judgments"]["most"] == 96
    assert not (tmp_path / "runs").exists()
