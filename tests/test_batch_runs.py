"""Whole runs in batches: the same dataset as online, at half the price, and what the command line says of them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from prefgen import Recipe, do, replay, run
from prefgen.batches import batches
from prefgen.door import finished
from prefgen.errors import ProviderError, RunError
from prefgen.llm.request import Request
from prefgen.progress import Progress
from prefgen.run import estimates
from tests.llm.batch_servers import AnthropicBatchServer, Batched, OpenAIBatchServer, Twist
from tests.llm.test_batch import FAST, PRICE, keys
from tests.spoken import spoken

__all__ = ["keys"]  # a fixture of theirs, for each test here
QUIET = type(FAST)(**{**vars(FAST), "quiet": 0.1})


def recipe(server: Batched, **more: Any) -> Recipe:
    provider = "openai" if isinstance(server, OpenAIBatchServer) else "anthropic"
    it = {"use": f"{provider}/it", "base_url": server.base_url, "batch": True, "max_tokens": 100, "price": PRICE}
    steps = {
        "prompts": do("load", [{"prompt": f"why {n}?"} for n in range(5)]),
        "responses": do("answer", "prompts", model="writer", n=2),
        "pairs": do("perturb", "responses", model="writer"),
        "orders": do("both_orders", "pairs"),
        "judgments": do("compare", "orders", model="judge", n=3, stop="first_agreeing"),
        "agreed": do("verdict_agreement", "judgments"),
    }
    models = {"writer": {"use": "fake/it"}, "judge": it}
    write = {"preferences": "pairs", "judgments": "judgments"}
    return Recipe(**{"name": "batched", "steps": steps, "models": models, "write": write, **more})


def fake(request: Request, seed: int) -> str:
    return spoken({"messages": list(request.messages), "seed": seed})


def data(folder: Path) -> dict[str, bytes]:
    """A dataset, but for its card: that says what it cost."""
    found = [path for path in (folder / "dataset").rglob("*") if path.is_file() and path.name != "README.md"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("kind", [OpenAIBatchServer, AnthropicBatchServer], ids=["openai", "anthropic"])
def test_a_dataset_is_the_same_in_batches_and_online(kind: type[Batched], tmp_path: Path) -> None:
    """Judgments go in rounds, each of which is a batch; the writer has no batches, and is asked online."""
    with kind(spoken) as server:
        server.looks, said, progress = 1, list[str](), Progress()
        online = run(recipe(server), tmp_path / "online", fakes={"it": fake})
        how: dict[str, Any] = {"batch": QUIET, "say": said.append, "progress": progress}
        batched = run(recipe(server), tmp_path / "batched", fakes={"it": fake}, **how)
        assert data(online.folder) == data(batched.folder) != {}
        assert server.batches
        both = [run_of.counts["judgments"].tally for run_of in (online, batched)]
        assert both[1].dollars == both[0].dollars / 2 > 0
        assert both[1].batched == both[1].calls
        told = json.loads((batched.folder / "run.json").read_text())
        assert told["costs"]["batched"] == both[1].batched
        assert f"{both[1].batched} replies came in batches" in (batched.dataset / "README.md").read_text()
        assert f"note: {server_use(server)} is asked in batches, at half price: each round may take up to a day" in said
        assert "note: fake/it has no batches, and is asked online" in said
        before = server.paid.total()
        again = run(recipe(server), tmp_path / "batched", fakes={"it": fake})
        assert data(again.folder) == data(online.folder)
        assert server.paid.total() == before


def server_use(server: Batched) -> str:
    return "openai/it" if isinstance(server, OpenAIBatchServer) else "anthropic/it"


def test_an_estimate_is_of_half_the_price(tmp_path: Path) -> None:
    with OpenAIBatchServer(spoken) as server:
        whole, half = (
            estimates(recipe(server, models={"writer": _it(server), "judge": _it(server)}), tmp_path / "r", batch=batch)
            for batch in (False, True)
        )
        assert half["judgments"].dollars == (whole["judgments"].dollars or 0) / 2 > 0
        assert not server.calls


def _it(server: Batched) -> dict[str, Any]:
    return {"use": "openai/it", "base_url": server.base_url, "batch": True, "max_tokens": 100, "price": PRICE}


def test_a_target_is_the_same_in_batches(tmp_path: Path) -> None:
    with OpenAIBatchServer(spoken, looks=1) as server:
        of = recipe(server, target={"kept": 4, "of": "pairs"})
        online = run(of, tmp_path / "online", fakes={"it": fake})
        batched = run(of, tmp_path / "batched", fakes={"it": fake}, batch=QUIET)
        assert data(online.folder) == data(batched.folder) != {}


def test_rounds_of_a_batch_that_expires_come_to_the_same(tmp_path: Path) -> None:
    with OpenAIBatchServer(spoken, looks=1) as server:
        online = run(recipe(server), tmp_path / "online", fakes={"it": fake})
        server.twists = [Twist(expire=3)]
        batched = run(recipe(server), tmp_path / "batched", fakes={"it": fake}, batch=QUIET)
        assert data(online.folder) == data(batched.folder) != {}


def test_with_a_limit_of_money_a_first_round_tells_what_the_rest_costs(tmp_path: Path) -> None:
    """Not 4, 8, 16 … prompts, at a day each."""
    with OpenAIBatchServer(spoken, looks=1) as server:
        steps = {
            "prompts": do("load", [{"prompt": f"why {n}?"} for n in range(130)]),
            "responses": do("answer", "prompts", model="it", n=2),
        }
        of = Recipe(
            name="money", steps=steps, models={"it": _it(server)}, write={"responses": "responses"}, max_cost=1e5
        )
        done = run(of, tmp_path, batch=type(FAST)(**{**vars(FAST), "quiet": 0.5}))
        assert done.counts["responses"].rows_out == 260
        sizes = [len(batch.lines) for batch in server.batches]
        assert sum(sizes) == 130
        assert 96 <= sizes[0] <= 104  # whole shards
        assert len(sizes) == 2


def test_a_card_tells_of_the_batches_of_its_own_rows(tmp_path: Path) -> None:
    """Not of all that its journal holds: a pilot's replay would be another one once the whole run is made."""
    with OpenAIBatchServer(spoken, looks=1) as server:
        of = recipe(server, models={"writer": _it(server), "judge": _it(server)})
        server.twists = [Twist(errors={0: (529, {"error": {"message": "busy"}})})]
        pilot = run(of, tmp_path, take=2, batch=QUIET)
        told = json.loads((pilot.folder / "run.json").read_text())["costs"]
        assert told["batched"] == told["total"]["replies"]
        whole = run(of, tmp_path, batch=QUIET)
        costs = json.loads((whole.folder / "run.json").read_text())["costs"]
        assert costs["batched"] == costs["total"]["replies"] > told["batched"]
        assert replay(pilot.folder).equal
        other = run(recipe(server, models=of.models, seed=7), tmp_path)
        assert "batched" not in json.loads((other.folder / "run.json").read_text())["costs"]


def test_a_reply_that_came_online_after_its_batch_brought_none_is_no_batch_s(tmp_path: Path) -> None:
    with OpenAIBatchServer(spoken, looks=1) as server:
        steps = {
            "prompts": do("load", [{"prompt": f"why {n}?"} for n in range(5)]),
            "responses": do("answer", "prompts", model="it"),
        }
        of = Recipe(name="part", steps=steps, models={"it": _it(server)}, write={"responses": "responses"})
        server.twists = [Twist(cancel=3)]
        with pytest.raises(ProviderError, match="was cancelled"):
            run(of, tmp_path, batch=QUIET)
        done = run(of, tmp_path)
        costs = json.loads((done.folder / "run.json").read_text())["costs"]
        assert (costs["batched"], costs["total"]["replies"]) == (3, 5)


def test_results_that_are_here_are_not_let_go_of(tmp_path: Path) -> None:
    """They are paid for, and a run that was ended before it read them left them on disk."""
    from prefgen.llm.batch import ledger
    from prefgen.llm.batch.ending import told
    from prefgen.llm.batch.protocol import Line
    from prefgen.llm.journal import Journal
    from prefgen.llm.request import Model

    async def forgotten() -> Sequence[str]:
        journal = Journal(tmp_path / "journal.sqlite")
        record = ledger.Record(ledger.new_tag(), Model("openai/it"), [Line((b"k" * 32,), 1.0)])
        await ledger.note(journal, record, "intent")
        await ledger.note(journal, record, "saved")
        path = ledger.saved_at(journal, record)
        path.parent.mkdir()
        path.write_bytes(b"{}\n")
        journal.close()
        return await told(tmp_path / "journal.sqlite", cancel=False, forget=True)

    (line,) = asyncio.run(forgotten())
    assert "its results are here already" in line
    journal = Journal(tmp_path / "journal.sqlite")
    assert len(ledger.unfinished(journal)) == 1
    journal.close()


def test_a_plan_tells_of_what_is_under_way(tmp_path: Path) -> None:
    from prefgen.llm.batch import ledger
    from prefgen.llm.batch.protocol import Line
    from prefgen.llm.journal import Journal
    from prefgen.llm.request import Model

    async def begun() -> None:
        journal = Journal(tmp_path / "journal.sqlite")
        record = ledger.Record(ledger.new_tag(), Model("openai/it"), [Line((b"k" * 32,), 1.0)])
        await ledger.note(journal, record, "intent")
        journal.close()

    asyncio.run(begun())
    with OpenAIBatchServer(spoken) as server:
        said = list[str]()
        estimates(recipe(server, models={"writer": _it(server), "judge": _it(server)}), tmp_path, say=said.append)
        line = "note: under way, and counted as still to ask: a batch of 1 request at openai/it: 0 done"
        assert line in said
        assert not server.calls


def test_where_a_connection_breaks_in_a_run_its_own_words_are_told(tmp_path: Path) -> None:
    """Not those of whoever asked whether a loop runs: work begun in an `except` has that error behind its own."""

    async def broken() -> None:
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own") as found:
        finished(broken())
    assert found.value.__context__ is None


# --- real processes -------------------------------------------------------------------------

ROOT = Path(__file__).parent.parent


def started(folder: Path, server: Batched, *more: str) -> "subprocess.Popen[str]":
    recipe = ROOT / "recipes" / "self-taught-evaluators.yaml"
    command = [sys.executable, str(ROOT / "tests" / "crash_batch.py"), str(recipe), str(folder), server.base_url, *more]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)


def ended(folder: Path, server: Batched, *more: str) -> int:
    """One process, to its end; its code."""
    with started(folder, server, *more) as child:
        child.communicate(timeout=120)
        return child.returncode


def stopped(folder: Path, server: Batched, how: signal.Signals) -> tuple[int, str]:
    """One process, stopped while a batch of its is under way."""
    server.looks, looks = 10**9, sum(batch.looks for batch in server.batches)
    child = started(folder, server)
    deadline = time.monotonic() + 120
    while sum(batch.looks for batch in server.batches) < looks + 2 and child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(how)
    said = child.communicate(timeout=60)[0]
    server.looks = 1
    return child.returncode, said


@pytest.mark.slow
def test_a_run_that_is_killed_or_stopped_again_and_again_comes_to_the_same(tmp_path: Path) -> None:
    with OpenAIBatchServer(spoken, looks=1) as server:
        assert ended(tmp_path / "online", server, "online") == 0
        expected, online = data(tmp_path / "online" / "take-6"), server.paid.copy()
        server.paid.clear()
        for how in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
            code, said = stopped(tmp_path / "batched", server, how)
            if how is signal.SIGINT:
                assert code == 130
                assert "it goes on there, and the same command collects it" in said
                assert "stopped; what was received is kept" in said
        assert ended(tmp_path / "batched", server) == 0
        assert data(tmp_path / "batched" / "take-6") == expected != {}
        assert server.all_paid() == online
        assert max(server.paid.values()) == 1


@pytest.mark.slow
def test_batches_are_looked_at_ended_and_let_go_of(tmp_path: Path) -> None:
    with OpenAIBatchServer(spoken) as server:
        stopped(tmp_path, server, signal.SIGKILL)
        server.looks = 10**9
        (line,) = batches(tmp_path)
        batch = server.batches[-1]
        assert line.startswith(f"{batch.id}: a batch of {len(batch.lines)} requests at openai/")
        assert line.endswith("is under way")
        assert ended(tmp_path, server, "online") == 1  # they would be paid twice
        assert batches(tmp_path, cancel=True)[0].endswith("is being cancelled; the next run brings in what it has")
        server.looks = 1
        assert ended(tmp_path, server, "online") == 0
        assert batches(tmp_path) == []
        assert server.paid.total() == len(server.paid)
        stopped(tmp_path / "other", server, signal.SIGKILL)
        assert "may be paid for again" in batches(tmp_path / "other", forget=True)[0]
        assert ended(tmp_path / "other", server, "online") == 0
    with pytest.raises(RunError, match="no run is here"):
        batches(tmp_path / "nowhere")
