"""Whole runs in batches: the same dataset as online, at half the price, and what the command line says of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from prefgen import Recipe, do, run
from prefgen.llm.request import Request
from prefgen.run import estimates
from prefgen.stages import Progress
from tests.llm.batch_servers import AnthropicBatchServer, Batched, OpenAIBatchServer, Twist
from tests.llm.test_batch import FAST, PRICE
from tests.spoken import spoken

QUIET = type(FAST)(**{**vars(FAST), "quiet": 0.1})


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-secret-secret-secret")
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


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
