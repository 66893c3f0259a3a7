"""Batches through the real SDKs, against servers that speak both protocols."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from prefgen.errors import BudgetReached, Interrupted, PrefgenError, ProviderError, RunError
from prefgen.llm.batch.gather import Batches
from prefgen.llm.batch.protocol import Settings
from prefgen.llm.budget import Budget
from prefgen.llm.client import Client, Shut
from prefgen.llm.journal import Journal
from prefgen.llm.outcome import Outcome, Tally
from prefgen.llm.request import Model, Request
from tests.llm.batch_servers import AnthropicBatchServer, Batched, OpenAIBatchServer, Twist

FAST = Settings(quiet=0.02, patience=0.2, first=0.005, rare=0.01, growth=1.2, grace=0.01, lost=1.0)
PRICE = {"input": 1e6, "output": 2e6}
"""Dollars a token, so that sums are whole numbers."""


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-secret-secret-secret")
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def answer(body: dict[str, Any]) -> list[str]:
    said = body["messages"][-1]["content"]
    return [f"{said} {body.get('seed', 0)} {i}" for i in range(body.get("n") or 1)]


SERVERS: Sequence[type[Batched]] = (OpenAIBatchServer, AnthropicBatchServer)


@pytest.fixture(params=SERVERS, ids=["openai", "anthropic"])
def server(request: pytest.FixtureRequest) -> Iterator[Batched]:
    with request.param(answer) as started:
        yield started


def model(server: Batched, **more: Any) -> Model:
    provider = "openai" if isinstance(server, OpenAIBatchServer) else "anthropic"
    how = {"base_url": server.base_url, "batch": True, "max_tokens": 50, "price": PRICE, **more}
    return Model(f"{provider}/it", **how)


def requests(of: Model, number: int) -> list[Request]:
    return [Request(of, [{"role": "user", "content": f"question {n}"}]) for n in range(number)]


Setup = Callable[[Client], None]


def ask(
    folder: Path, of: Sequence[Request], *, batch: bool | Settings = FAST, draws: int = 1, budget: Budget | None = None, tally: Tally | None = None, told: list[str] | None = None
) -> list[list[Outcome] | BaseException]:
    """The outcomes of all requests, each asked for at once, in one session of its own."""

    async def go() -> list[list[Outcome] | BaseException]:
        client = Client(Journal(folder / "j.sqlite"), budget=budget or Budget())
        client.budget.spent = client.journal.spent()
        client.batches = Batches(client, batch)
        counts = tally if tally is not None else Tally()
        try:
            await client.batches.open([one.model for one in of], (told if told is not None else []).append)
            found = await asyncio.gather(*(client.draw(one, range(draws), counts) for one in of), return_exceptions=True)
            return [client.reason if isinstance(one, Shut) and client.reason else one for one in found]
        finally:
            await client.close()
            client.journal.close()

    return asyncio.run(go())


def texts(found: Sequence[list[Outcome] | BaseException]) -> list[list[str]]:
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return [[o.completion.text if o.completion else str(o.failure) for o in one] for one in found if isinstance(one, list)]


def creates(server: Batched) -> int:
    return len(server.batches)


def test_requests_that_wait_together_are_one_batch(server: Batched, tmp_path: Path) -> None:
    tally, of = Tally(), requests(model(server), 5)
    batched = texts(ask(tmp_path, of, tally=tally))
    assert [one[0].split()[1] for one in batched] == list("01234")
    assert creates(server) == 1
    assert len(server.batches[0].lines) == 5
    assert (tally.calls, tally.batched, tally.cached) == (5, 5, 0)
    assert max(server.paid.values()) == 1
    again = Tally()
    assert texts(ask(tmp_path, of, tally=again, batch=False)) == batched
    assert (again.calls, again.cached, again.batched) == (0, 5, 0)
    assert not (tmp_path / "batches").exists() or not list((tmp_path / "batches").iterdir())


def test_a_batch_brings_what_online_brings_at_half_price(server: Batched, tmp_path: Path) -> None:
    one, two, of = Tally(), Tally(), requests(model(server), 4)
    online = texts(ask(tmp_path / "online", of, batch=False, draws=3, tally=one))
    batched = texts(ask(tmp_path / "batched", of, draws=3, tally=two))
    assert batched == online
    assert two.dollars == one.dollars / 2 > 0
    assert (two.prompt_tokens, two.completion_tokens) == (one.prompt_tokens, one.completion_tokens)
    keys = {side: set(Journal(tmp_path / side / "j.sqlite").store._one("SELECT group_concat(hex(key)) FROM reply")[0].split(",")) for side in ("online", "batched")}  # type: ignore[attr-defined]
    assert keys["online"] == keys["batched"]
