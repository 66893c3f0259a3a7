"""What a reply cost is never nothing because nobody said it, and nothing that was paid leaves the ledger."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from prefgen import Recipe
from prefgen import plan as planning
from prefgen.errors import BudgetReached, RecipeError
from prefgen.llm.budget import Budget
from prefgen.llm.client import Client
from prefgen.llm.journal import Journal
from prefgen.llm.outcome import Outcome, Tally
from prefgen.llm.request import Model, Price, Request
from tests.servers import AnthropicServer, Body, OpenAIServer, Response, Server, chat, message

PRICE: Price = {"input": 1_000.0, "output": 10_000.0}
SERVERS = {"openai": OpenAIServer, "anthropic": AnthropicServer}
WORDS = "yes it is"


def without(usage: Any) -> Callable[[str], Callable[[Body], Response]]:
    """A server that says this of its tokens."""

    def of(kind: str) -> Callable[[Body], Response]:
        def answer(body: Body) -> Response:
            whole = chat([WORDS] * body.get("n", 1), body) if kind == "openai" else message(WORDS, body)
            return Response({name: value for name, value in (whole | {"usage": usage}).items() if value != "gone"})

        return answer

    return of


class Asked:
    """What came of questions to a server: outcomes, the tally, and what budget and journal say was spent."""

    def __init__(self, server: Server, kind: str, home: Path, *, draws: int = 1, max_cost: float = 3.0) -> None:
        self.outcomes: list[Sequence[Outcome] | BaseException] = []
        self.tally = Tally()
        model = Model(f"{kind}/m", base_url=server.base_url, max_tokens=100, price=PRICE)
        asyncio.run(self._ask(model, home / "journal.sqlite", draws, Budget(None, max_cost)))

    async def _ask(self, model: Model, path: Path, draws: int, budget: Budget) -> None:
        journal = Journal(path)
        client = Client(journal, {}, budget)
        for n in range(8):
            request = Request(model, [{"role": "user", "content": f"question {n}?"}])
            found = await asyncio.gather(client.draw(request, range(draws), self.tally), return_exceptions=True)
            self.outcomes += found
        self.spent, self.kept = budget.spent, journal.spent()
        await client.close()
        journal.close()

    @property
    def stopped(self) -> bool:
        return any(isinstance(one, BudgetReached) for one in self.outcomes)


@pytest.mark.parametrize(
    "usage", ["gone", None, {}, {"prompt_tokens": None, "input_tokens": None}, "none", [1]], ids=repr
)
@pytest.mark.parametrize("kind", SERVERS)
def test_replies_of_untold_tokens_cost_the_most_that_they_can(kind: str, usage: Any, tmp_path: Path) -> None:
    with SERVERS[kind](without(usage)(kind)) as server:
        found = Asked(server, kind, tmp_path)
    assert found.stopped
    assert len(server.requests) == found.tally.untold == 2, "the third could pass the limit"
    assert 2.0 < found.spent < 3.0
    assert found.spent == found.kept == pytest.approx(found.tally.dollars)


def test_tokens_with_a_point_are_tokens(tmp_path: Path) -> None:
    with OpenAIServer(without({"prompt_tokens": 100.0, "completion_tokens": 50.0})("openai")) as server:
        found = Asked(server, "openai", tmp_path, max_cost=100)
    assert (found.tally.prompt_tokens, found.tally.completion_tokens, found.tally.untold) == (800, 400, 0)


def test_reasoning_that_stands_in_the_total_alone_is_paid(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 75}
    with OpenAIServer(without(usage)("openai")) as server:
        found = Asked(server, "openai", tmp_path, max_cost=100)
    assert found.tally.completion_tokens == 8 * 65


def test_a_broken_choice_among_whole_ones_is_paid_and_booked(tmp_path: Path) -> None:
    def answer(body: Body) -> Response:
        whole = chat([WORDS] * body.get("n", 1), body)
        if body.get("n", 1) > 1:
            whole["choices"][0]["finish_reason"] = "error"
        return Response(whole)

    with OpenAIServer(answer) as server:
        found = Asked(server, "openai", tmp_path, draws=2, max_cost=1_000)
    assert len(server.requests) == 16, "the broken ones were asked again"
    assert found.kept == pytest.approx(found.tally.dollars) == pytest.approx(found.spent)


def test_what_is_given_up_in_flight_is_booked_as_the_most_that_it_can_cost(tmp_path: Path) -> None:
    async def never(request: Request, seed: int) -> str:
        begun.set()
        await asyncio.sleep(3600)
        return "late"

    async def go() -> float:
        journal = Journal(tmp_path / "journal.sqlite")
        client = Client(journal, {"it": never}, budget)
        request = Request(Model("fake/it", max_tokens=100, price=PRICE), [{"role": "user", "content": "why?"}])
        work = asyncio.create_task(client.draw(request, [0], Tally()))
        await begun.wait()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        journal.close()
        return budget.spent

    begun, budget = asyncio.Event(), Budget(None, 3.0)
    spent = asyncio.run(go())
    again = Journal(tmp_path / "journal.sqlite")
    assert 1.0 < spent == again.spent() < 3.0
    again.close()


@pytest.mark.parametrize(
    "extra", [{"max_tokens": 50_000}, {"model": "dear"}, {"n": 8}, {"max_tokens": None}, {"tools": []}]
)
def test_a_limit_of_money_does_not_go_with_what_may_cost_more(extra: Body) -> None:
    models = {"it": {"use": "openai/gpt-4.1-mini", "max_tokens": 10, "extra": extra}}
    with pytest.raises(RecipeError, match=f"it: max_cost is set, and what a request costs with {next(iter(extra))} in"):
        planning.make(Recipe(name="r", models=models, steps={}, max_cost=3), keys=False)


def test_a_limit_of_money_goes_with_sampling_of_ones_own() -> None:
    models = {
        "it": {"use": "openai/gpt-4.1-mini", "max_tokens": 10, "extra": {"seed": None, "reasoning_effort": "low"}}
    }
    assert planning.make(Recipe(name="r", models=models, steps={}, max_cost=3), keys=False).models["it"]


def test_a_list_price_holds_where_all_addresses_are_the_providers() -> None:
    urls = ["https://api.openai.com/v1", "http://127.0.0.1:9/v1"]
    models = {"it": {"use": "openai/gpt-4.1-mini", "max_tokens": 10, "base_urls": urls}}
    with pytest.raises(RecipeError, match=r"what openai/gpt-4\.1-mini costs is not known"):
        planning.make(Recipe(name="r", models=models, steps={}, max_cost=3), keys=False)
    assert planning.make(Recipe(name="r", models=models, steps={}), keys=False).models["it"]
