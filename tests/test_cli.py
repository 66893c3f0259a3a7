"""The command line as a person meets it: real processes, exit codes, what goes to stdout and what to stderr."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from prefgen import __version__
from tests.commands import commanded
from tests.servers import OpenAIServer, Response

ROOT = Path(__file__).parent.parent


def prefgen(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "cli.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_help_names_every_command() -> None:
    said = prefgen("--help")
    assert said.returncode == 0
    commands = (
        "run",
        "plan",
        "push",
        "verify",
        "replay",
        "batches",
        "append",
        "export",
        "formats",
        "show",
        "view",
        "marks",
        "recipes",
        "verbs",
        "models",
    )
    for command in (*commands, "schema"):
        assert command in said.stdout


@pytest.mark.parametrize("group", ["recipes", "verbs", "models"])
def test_a_group_alone_is_its_list(group: str) -> None:
    assert prefgen(group).stdout == prefgen(group, "list").stdout != ""


def test_recipes_list_show_copy(tmp_path: Path) -> None:
    assert "self-taught-evaluators" in prefgen("recipes").stdout
    assert prefgen("recipes", "show", "quickstart").stdout == (ROOT / "recipes" / "quickstart.yaml").read_text()
    copied = prefgen("recipes", "copy", "quickstart", str(tmp_path / "mine"))
    assert copied.returncode == 0
    assert (tmp_path / "mine" / "data" / "prompts.jsonl").exists()
    for name in ("quickstart", "self-rewarding", "self-taught-evaluators"):  # what is the same may stand there already
        assert prefgen("recipes", "copy", name, str(tmp_path / "mine")).returncode == 0
        assert prefgen("plan", str(tmp_path / "mine" / f"{name}.yaml"), cwd=tmp_path).returncode == 0
    assert "schema=schemas/recipe.json" in (tmp_path / "mine" / "quickstart.yaml").read_text()
    (tmp_path / "mine" / "quickstart.yaml").write_text("mine")
    again = prefgen("recipes", "copy", "quickstart", str(tmp_path / "mine"))
    assert (again.returncode, "is there already" in again.stderr) == (1, True)


def test_verbs_list_and_show() -> None:
    listed = prefgen("verbs").stdout
    for verb in ("load", "answer", "perturb", "compare", "likelihood", "best_worst", "balance", "first_agreeing"):
        assert f"  {verb} " in listed
    shown = prefgen("verbs", "show", "length_control").stdout
    assert "2407.19594" in shown
    assert "rho" in shown
    assert "looks at the columns\n  prompt_id, response, score\n" in shown
    assert "looks at the columns\n  those that of names\n" in prefgen("verbs", "show", "max_length").stdout
    shown = prefgen("verbs", "show", "likelihood").stdout
    assert "list of mean, difference, channel" in shown
    assert "{data, at_least, over_baseline, split, take} or null" in shown
    stop = prefgen("verbs", "show", "race").stdout
    assert "sees\n  all rows with one prompt_id\n\nlooks at the columns\n  prompt_id, score\n\nsettings\n  z " in stop
    both = prefgen("verbs", "show", "majority").stdout
    assert both.index("  undecided ") < both.index("stop: majority\n") < both.index("  risk             number or null")
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


SET = [
    ("steps.pairs.min_gap=-1", "--set steps.pairs.min_gap: pairs: best_worst: min_gap must be"),
    ("models.it=", "--set models.it: responses: no model 'it'"),
    ("max_cost=-1", "--set max_cost: max_cost is -1; it should be dollars, 0 or more"),
    ("steps.prompts.take=-1", "--set steps.prompts.take: prompts: take is -1; take 1 or more"),
    ("steps.scores=", "--set steps.scores: pairs: no table 'scores'"),
]


def test_what_is_set_by_hand_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    path = recipe(tmp_path, "http://127.0.0.1:9/v1")
    for (code, out, told), (_, words) in zip(
        commanded([(tmp_path, ["plan", path.name, "--set", one]) for one, _ in SET]), SET, strict=True
    ):
        assert (code, out) == (2, "")
        assert told.startswith(f"error: {words}")


def test_a_wrong_setting_of_a_source_hides_nothing_below_it(tmp_path: Path) -> None:
    text = recipe(tmp_path, "127.0.0.1:9").read_text()
    for right, wrong in (
        ("prompts.jsonl}", "prompts.jsonl, tkae: 3}"),
        ("mean: judgments", "mean: responses"),
        ("preferences: pairs", "preferences: judgments"),
    ):
        text = text.replace(right, wrong)
    (tmp_path / "bad.yaml").write_text(text)
    ((code, _, told),) = commanded([(tmp_path, ["plan", "bad.yaml"])])
    assert (code, {int(line.split(":")[2]) for line in told.splitlines()}) == (2, {2, 4, 7, 9})
    assert "has no setting 'tkae'; did you mean 'take'?" in told


def test_a_missing_key_does_not_wait_for_a_source_that_is_far_away(tmp_path: Path) -> None:
    """The dataset is on the Hub, which this process cannot reach, and need not: nothing is said of it."""
    text = recipe(tmp_path, "http://127.0.0.1:9/v1").read_text().replace("prompts.jsonl", "nobody/no.such-data")
    (tmp_path / "far.yaml").write_text(text.replace(', base_url: "http://127.0.0.1:9/v1"', ""))
    ((code, _, told),) = commanded(
        [(tmp_path, ["run", "far.yaml"])], HF_ENDPOINT="http://127.0.0.1:9", OPENAI_API_KEY=""
    )
    assert (code, len(told.splitlines())) == (2, 1)
    assert "needs a key in OPENAI_API_KEY, which is not set" in told


def test_the_version_is_told_at_once() -> None:
    assert prefgen("--version").stdout == f"prefgen {__version__}\n"


def test_plan_counts_the_calls_of_the_quickstart(tmp_path: Path) -> None:
    said = prefgen("plan", "quickstart", "--json", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    planned = json.loads(said.stdout)
    assert planned["responses"]["most"] == 12
    assert planned["judgments"]["most"] == 96
    assert not (tmp_path / "runs").exists()


RECIPE = """\
models:
  it: {{use: openai/it, base_url: "{url}", concurrency: 4, rpm: 60000}}
steps:
  prompts: {{load: prompts.jsonl}}
  responses: {{answer: prompts, model: it, n: 2}}
  judgments: {{score: responses, model: it, guard: false}}
  scores: {{mean: judgments}}
  pairs: {{best_worst: scores}}
write: {{preferences: pairs}}
"""


def recipe(folder: Path, url: str) -> Path:
    lines = (json.dumps({"prompt": f"question {n}?"}) for n in range(20))
    (folder / "prompts.jsonl").write_text("\n".join(lines))
    (folder / "mine.yaml").write_text(RECIPE.format(url=url))
    return folder / "mine.yaml"


def written(body: dict[str, Any]) -> list[str]:
    """Two answers to a question; each answer's score is that of its number."""
    asked = body["messages"][-1]["content"]
    if "Score:" in asked:
        return [f"Score: {asked.count('longer')}"]
    return ["a longer answer", "an answer"][: body.get("n", 1)]


def test_a_run_prints_its_dataset_on_stdout_and_json_where_asked(tmp_path: Path) -> None:
    with OpenAIServer(written) as server:
        path = recipe(tmp_path, server.base_url)
        said = prefgen("run", str(path), cwd=tmp_path)
        again = prefgen("run", str(path), "--json", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "runs/mine/dataset: preferences 20, preferences_text 20" in said.stdout
    assert "1. question 0?" in said.stdout
    about = json.loads(again.stdout)
    assert about["dataset"] == {"preferences": {"train": 20}, "preferences_text": {"train": 20}}
    assert sum(step["spent"]["calls"] for step in about["steps"]) == 0


def test_ctrl_c_keeps_what_is_in_flight_and_the_same_command_goes_on(tmp_path: Path) -> None:
    with OpenAIServer(written, latency=0.3) as server:
        path = recipe(tmp_path, server.base_url)
        command = [sys.executable, str(ROOT / "cli.py"), "run", str(path)]
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as child:
            deadline = time.monotonic() + 60
            while len(server.requests) < 6 and child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            child.send_signal(signal.SIGINT)
            said = child.communicate(timeout=60)[1]
        assert child.returncode == 130
        assert "waiting for 4 requests in flight" in said
        assert "error: " not in said
        assert "stopped; what was received is kept, and the same command goes on from here" in said
        assert "Traceback" not in said
        server.latency = 0.0
        assert prefgen("run", str(path), cwd=tmp_path).returncode == 0
        asked = len(server.requests)
        assert prefgen("run", str(path), "--out", "fresh", cwd=tmp_path).returncode == 0
        assert asked == len(server.requests) - asked


FAULTS = [
    (404, {"message": "The model `it` does not exist"}, 4, "no model 'it'"),
    (401, {"message": "Incorrect API key provided"}, 4, "set one that is valid"),
    (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, 4, "add credit"),
]


@pytest.mark.parametrize(("status", "error", "code", "words"), FAULTS, ids=[str(fault[0]) for fault in FAULTS])
def test_what_stops_a_run_is_told_in_one_line(
    status: int, error: dict[str, str], code: int, words: str, tmp_path: Path
) -> None:
    with OpenAIServer(lambda body: Response({"error": error}, status)) as server:
        said = prefgen("run", str(recipe(tmp_path, server.base_url)), "-q", cwd=tmp_path)
    assert (said.returncode, said.stdout) == (code, "")
    assert len(said.stderr.splitlines()) == 1
    assert words in said.stderr


def test_a_missing_key_is_told_before_anything_is_read(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI")}
    command = [sys.executable, str(ROOT / "cli.py"), "run", "self-rewarding"]
    said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert said.returncode == 2
    assert "needs a key in OPENAI_API_KEY, which is not set" in said.stderr
    assert not (tmp_path / "runs").exists()


def test_some_failed_requests_leave_a_dataset_and_their_own_exit_code(tmp_path: Path) -> None:
    def refusing(body: dict[str, Any]) -> Any:
        odd = "question 7?" in body["messages"][-1]["content"]
        return Response({"error": {"message": "I will not", "code": "content_filter"}}, 400) if odd else written(body)

    with OpenAIServer(refusing) as server:
        said = prefgen("run", str(recipe(tmp_path, server.base_url)), cwd=tmp_path)
    assert said.returncode == 5, said.stderr
    assert "preferences 19" in said.stdout
    assert "2 failed (content_filter)" in said.stdout
    words = "refused (400): I will not; see runs/mine/tables/responses.dropped.parquet"
    assert re.search(rf"responses: 2 failed \(content_filter\), the first: .*{re.escape(words)}", said.stderr)
    assert "again" not in said.stderr, "it would be refused again"


def test_what_failed_in_passing_is_worth_another_try(tmp_path: Path) -> None:
    def garbled(body: dict[str, Any]) -> Any:
        odd = "question 7?" in body["messages"][-1]["content"]
        return Response(b"<html>", 200) if odd else written(body)

    with OpenAIServer(garbled) as server:
        said = prefgen("run", str(recipe(tmp_path, server.base_url)), cwd=tmp_path)
    assert (said.returncode, "run the same command again" in said.stderr) == (5, True)
    assert re.search(r"responses: 2 failed \(bad_body\), the first: .*no JSON came", said.stderr)


def test_a_budget_has_its_own_exit_code(tmp_path: Path) -> None:
    with OpenAIServer(written) as server:
        said = prefgen("run", str(recipe(tmp_path, server.base_url)), "--max-calls", "3", "-q", cwd=tmp_path)
        assert len(server.requests) == 3
    assert (said.returncode, said.stderr) == (3, "error: 3 requests sent, the limit of --max-calls\n")


@pytest.mark.slow
def test_a_replay_says_what_is_and_what_would_have_been(tmp_path: Path) -> None:
    """With no server: on stdout one line where all is equal, else rows and money; JSON where asked."""
    with OpenAIServer(written) as server:
        path = recipe(tmp_path, server.base_url)
        assert prefgen("run", str(path), "-q", cwd=tmp_path).returncode == 0
    place = tmp_path / "runs" / "mine"
    same = prefgen("replay", "runs/mine", cwd=tmp_path)
    assert (same.returncode, same.stdout, same.stderr) == (0, "replayed: 3 files, byte for byte equal, 0 calls\n", "")
    other = prefgen("replay", "runs/mine", "--set", "steps.pairs.min_gap=1.5", "--out", "kept", cwd=tmp_path)
    assert other.returncode == 0, other.stderr
    assert "responses  40 → 40      180 → 180  ? → ?" in other.stdout
    assert "note: ?: what these replies cost was not known" in other.stdout
    assert "dataset/preferences: 20 gone, 0 new, 0 changed" in other.stdout
    assert len([line for line in other.stdout.splitlines() if line.endswith(" gone")]) == 20
    assert (tmp_path / "kept" / "dataset" / "README.md").exists()
    told = json.loads(prefgen("replay", "runs/mine", "--set", "steps.pairs.min_gap=1.5", "--json", cwd=tmp_path).stdout)
    assert (told["changed"], told["tables"]["pairs"], len(told["rows"])) == (True, [20, 0], 20)
    assert told["steps"][0]["now"]["unpriced"] == told["steps"][0]["now"]["replies"]
    assert told["rows"][0]["columns"]["chosen"][0][-1]["content"] == "a longer answer"
    more = prefgen("replay", "runs/mine", "--set", "steps.judgments.n=2", cwd=tmp_path)
    assert "left out of before and now: 20 prompts with draws that are not in the journal" in more.stdout
    assert "to ask: 40 draws at least (judgments 40), 40 at most" in more.stdout
    assert "at a price that is not known" in more.stdout
    (place / "dataset" / "README.md").write_text("mine")
    differs = prefgen("replay", "runs/mine", cwd=tmp_path)
    assert differs.returncode == 1
    assert "dataset/README.md differs" in differs.stdout
    wrong = prefgen("replay", "runs/mine", "--set", "steps.prompts.take=2", cwd=tmp_path)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    assert "a replay keeps the rows that its run took" in wrong.stderr
    nowhere = prefgen("replay", "runs", cwd=tmp_path)
    assert (nowhere.returncode, nowhere.stderr) == (
        1,
        "error: runs: no run is here; name a folder of one, such as runs/quickstart\n",
    )
    assert {path.name for path in place.iterdir()} == {
        ".charts", ".lock", "dataset", "files", "journal.sqlite", "recipe.yaml", "report.html", "run.json", "tables",
    }  # fmt: skip
