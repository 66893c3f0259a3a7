"""A run as a whole: what it promises of crashes, repetition, limits and errors. Real SDKs, loopback servers."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import do, load, run
from prefgen.errors import BudgetReached, Interrupted, ProviderError, RecipeError, RunError
from prefgen.folders import journal_of, locked
from prefgen.llm.journal import Journal
from prefgen.llm.request import Request
from prefgen.recipe import Recipe
from prefgen.rows import by_prompt
from prefgen.run import Run, estimates
from prefgen.sources.load import load as load_prompts
from tests.fakes import writes
from tests.servers import AnthropicServer, OpenAIServer
from tests.spoken import spoken

ROOT = Path(__file__).parent.parent
STE = ROOT / "recipes" / "self-taught-evaluators.yaml"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def faked(**settings: str) -> Recipe:
    overrides = [f"models.{model}.use=fake/it" for model in ("writer", "judge")]
    return load(STE, [*overrides, *(f"{key}={value}" for key, value in settings.items())])


def test_neither_concurrency_nor_shards_change_a_byte(tmp_path: Path) -> None:
    found = []
    for shard, side_by_side in ((1, 1), (3, 8), (500, 64)):
        done = run(
            faked(), tmp_path / f"{shard}", fakes={"it": writes}, take=20, shard=shard, side_by_side=side_by_side
        )
        found.append(contents(done.dataset) | contents(done.folder / "tables"))
    assert found[0] == found[1] == found[2]


def test_a_run_against_a_loopback_server_by_base_url_alone(tmp_path: Path) -> None:
    with OpenAIServer(spoken) as server:
        recipe = load(STE, [f"models.{model}.base_url={server.base_url}" for model in ("writer", "judge")])
        done = run(recipe, tmp_path / "run", take=5)
    assert done.configs["preferences"] == {"train": 5}
    assert done.configs["judge_sft"]["train"] > 0


def test_a_run_against_a_server_that_speaks_anthropic(tmp_path: Path) -> None:
    said: list[str] = []
    with AnthropicServer(spoken) as server:
        models = [f"models.{model}.use=anthropic/claude-test" for model in ("writer", "judge")]
        urls = [f"models.{model}.base_url={server.base_url}" for model in ("writer", "judge")]
        done = run(load(STE, [*models, *urls]), tmp_path / "run", take=5, say=said.append)
    assert done.configs["preferences"] == {"train": 5}
    assert any("temperature" in words for words in said)


def test_kill_9_repeats_no_more_than_was_in_flight_and_changes_no_byte(tmp_path: Path) -> None:
    """The server counts requests; the killed run's journal counts what was kept."""
    with OpenAIServer(spoken, latency=0.02) as server:
        command = [
            sys.executable,
            str(ROOT / "tests" / "crash.py"),
            str(STE),
            str(tmp_path / "killed"),
            server.base_url,
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        child = subprocess.Popen(command, env=environment)
        deadline = time.monotonic() + 60
        while len(server.requests) < 60 and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        before = len(server.requests)
        subprocess.run(command, env=environment, check=True)
        in_all = len(server.requests)
        undisturbed = [*command[:3], str(tmp_path / "whole"), server.base_url]
        subprocess.run(undisturbed, env=environment, check=True)
        alone = len(server.requests) - in_all
    in_flight = 64 * 2  # the cap of each of the two models
    assert 0 <= in_all - alone <= min(before, in_flight)
    assert contents(tmp_path / "killed" / "dataset") == contents(tmp_path / "whole" / "dataset")


def test_a_pilot_is_found_again_by_the_full_run(tmp_path: Path) -> None:
    pilot = run(faked(), tmp_path / "run", fakes={"it": writes}, take=4)
    whole = run(faked(), tmp_path / "run", fakes={"it": writes}, take=10)
    spent = sum(count.tally.calls for count in pilot.counts.values())
    fresh = run(faked(), tmp_path / "fresh", fakes={"it": writes}, take=10)
    calls = [sum(count.tally.calls for count in done.counts.values()) for done in (whole, fresh)]
    assert calls[0] == calls[1] - spent


def test_max_calls_ends_cleanly_and_the_run_goes_on(tmp_path: Path) -> None:
    with pytest.raises(BudgetReached, match="7 requests"):
        run(faked(), tmp_path / "run", fakes={"it": writes}, take=10, max_calls=7)
    manifest = json.loads((tmp_path / "run" / "take-10" / "run.json").read_text())
    assert manifest["status"] == "BudgetReached"
    done = run(faked(), tmp_path / "run", fakes={"it": writes}, take=10)
    assert done.configs["preferences"] == {"train": 10}
    assert sum(count.tally.cached for count in done.counts.values()) >= 7


def test_a_dead_server_is_told_in_words(tmp_path: Path) -> None:
    with OpenAIServer(spoken) as server:
        gone = server.base_url
    recipe = load(STE, [f"models.{model}.base_url={gone}" for model in ("writer", "judge")])
    with pytest.raises(ProviderError, match=r"127\.0\.0\.1"):
        run(recipe, tmp_path / "run", take=2)


def test_a_missing_key_is_found_before_any_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RecipeError) as caught:
        run(load(STE), tmp_path / "run")
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert all("self-taught-evaluators.yaml:" in line and "OPENAI_API_KEY" in line for line in lines)
    assert not (tmp_path / "run").exists()


def test_two_runs_never_write_one_folder(tmp_path: Path) -> None:
    with locked(tmp_path / "run"), pytest.raises(RunError, match="another run"):
        run(faked(), tmp_path / "run", fakes={"it": writes}, take=2)


def test_estimates_before_and_after(tmp_path: Path) -> None:
    recipe = load(STE, [f"models.{model}.base_url=http://127.0.0.1:9/v1" for model in ("writer", "judge")])
    guessed = estimates(recipe, tmp_path / "run", take=10)
    assert (guessed["responses"].least, guessed["responses"].most) == (10, 10)
    assert (guessed["judgments"].least, guessed["judgments"].most) == (20, 300)
    assert not (tmp_path / "run").exists()


def test_a_prompt_goes_on_while_others_wait(tmp_path: Path) -> None:
    """Shards are of few prompts, and none waits for the slowest row of a step that another shard is in."""
    seen: list[str] = []

    def told(request: Request, seed: int) -> Any:
        seen.append("judged" if "Rate an answer" in request.messages[-1]["content"] else "answered")
        return writes(request, seed)

    steps = {
        "prompts": do(load_prompts, [{"prompt": f"why {n}?"} for n in range(100)]),
        "responses": do("answer", "prompts", model="it"),
        "judgments": do("score", "responses", model="it"),
    }
    models = {"it": {"use": "fake/it", "concurrency": 2}}
    recipe = Recipe(name="mine", steps=steps, models=models, canaries={"share": 0})
    run(recipe, tmp_path, fakes={"it": told}, side_by_side=4)
    assert seen.index("judged") < 50
    assert len(seen) == 200


def test_a_pilot_does_not_replace_the_dataset(tmp_path: Path) -> None:
    whole = run(faked(), tmp_path, fakes={"it": writes}, take=None)
    before = contents(whole.dataset)
    pilot = run(faked(), tmp_path, fakes={"it": writes}, take=2)
    assert pilot.folder == tmp_path / "take-2"
    assert pilot.configs["preferences"] == {"train": 2}
    assert sum(count.tally.calls for count in pilot.counts.values()) == 0
    assert contents(whole.dataset) == before
    assert "# --take 2\n" in (pilot.dataset / "README.md").read_text()


def test_tables_of_an_older_recipe_go(tmp_path: Path) -> None:
    steps = {"prompts": do(load_prompts, [{"prompt": "why?"}]), "old": do("answer", "prompts", model="it")}
    recipe = Recipe(name="mine", steps=steps, models={"it": {"use": writes}})
    run(recipe, tmp_path)
    run(replace(recipe, steps={"prompts": steps["prompts"], "new": steps["old"]}), tmp_path)
    assert {path.name.split(".")[0] for path in (tmp_path / "tables").iterdir()} == {"prompts", "new"}


def test_a_run_in_a_notebook(tmp_path: Path) -> None:
    """Where a loop runs already, as in a notebook's cell."""

    async def cell() -> Run:
        return run(faked(), tmp_path, fakes={"it": writes}, take=2)

    assert asyncio.run(cell()).configs["preferences"] == {"train": 2}


def test_what_is_in_flight_is_kept_where_a_table_cannot_be_written(tmp_path: Path) -> None:
    sent: list[int] = []

    async def slow(request: Request, seed: int) -> Any:
        sent.append(seed)
        await asyncio.sleep(0.2 if len(sent) > 3 else 0)
        return writes(request, seed)

    @by_prompt
    def breaks(rows: pl.DataFrame) -> pl.DataFrame:
        if rows.height:
            raise OSError("no space")
        return rows

    rows = [{"prompt": f"why {n}?"} for n in range(40)]
    steps = {"prompts": do(load_prompts, rows), "said": do("answer", "prompts", model="it"), "kept": do(breaks, "said")}
    with pytest.raises(RunError, match="kept: breaks failed: OSError: no space"):
        run(Recipe(name="mine", steps=steps, models={"it": {"use": slow, "concurrency": 8}}), tmp_path)
    journal = Journal(journal_of(tmp_path))
    assert 3 < len(sent) < 40
    assert len(journal) == len(sent)
    journal.close()


def test_ctrl_c_is_heard_while_a_verb_computes(tmp_path: Path) -> None:
    def stops(rows: pl.DataFrame) -> pl.DataFrame:
        if rows.height:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)
        return rows

    steps = {
        "prompts": do(load_prompts, [{"prompt": "why?"}]),
        "kept": do(stops, "prompts"),
        "again": do(stops, "kept"),
    }
    with pytest.raises(Interrupted):
        run(Recipe(name="mine", steps=steps), tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "Interrupted"
    assert (tmp_path / "recipe.yaml").read_text().startswith("recipe: mine\n")
