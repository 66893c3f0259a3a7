"""The driver of ranges, with workers that are threads of this process: what it does when runs end early, when replies
are known, and when two workers had different ones.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import Recipe, do, run
from prefgen import plan as planning
from prefgen.configs import CONFIGS
from prefgen.errors import BudgetReached, ProviderError
from prefgen.far.cluster import OnRay, Replies
from prefgen.far.desk import Desk
from prefgen.far.shipment import shipment
from prefgen.far.taking import Taking
from prefgen.far.walk import FarWalk
from prefgen.llm.behind import known_keys
from prefgen.llm.budget import Budget
from prefgen.llm.client import Client
from prefgen.llm.journal import Journal
from prefgen.llm.request import Completion, Request, Usage
from prefgen.llm.terms import Account
from prefgen.progress import Progress
from prefgen.stages import make_tables
from prefgen.storage import Storage
from tests.far.here import Here, own_scratch

__all__ = ["own_scratch"]
Model = Callable[[Request, int], Any]


class Threads:
    """A cluster of threads."""

    def __init__(self, workers: int) -> None:
        self.workers, self.nodes = workers, 1

    async def run(self, work: Callable[..., Any], *args: Any, what: str) -> Any:
        return await asyncio.to_thread(work, *args)


@pytest.fixture(autouse=True)
def own_places(own_scratch: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prompts.jsonl").write_text("".join(f'{{"prompt": "what is {n}?"}}\n' for n in range(64)))


def answers(**more: Any) -> Recipe:
    steps = {
        "prompts": do("load", "prompts.jsonl"),
        "responses": do("answer", "prompts", model="m", n=2),
        "short": do("max_length", "responses", of="response", at_most=10),
    }
    model = {"use": "fake/m", "max_tokens": 10, "price": {"input": 0, "output": 1000.0}}
    return Recipe(name="answers", models={"m": model}, steps=steps, write={"responses": "short"}, **more)


def far(
    recipe: Recipe, home: Path, model: Model, *, max_calls: int | None = None
) -> tuple[Progress, Mapping[str, pl.DataFrame]]:
    """A run's tables, made by workers."""
    plan = planning.make(recipe, writers=CONFIGS, fakes={"m": model})
    home.mkdir(exist_ok=True)
    journal = Journal(home / "journal.sqlite")
    client = Client(journal, plan.fakes, Budget(max_calls, recipe.max_cost, spent=journal.spent()))
    limits = {"workers": 2, "max_calls": max_calls, "max_cost": recipe.max_cost}
    desk, known = Desk({**limits, "paid": journal.spent()}), known_keys(journal.path)
    replies = Replies(journal.path).find_all if len(known) else None
    shared = (shipment(plan, {}), Here(desk), replies, known)
    progress = Progress()

    async def whole() -> None:
        taking = Taking(plan, Storage(home / "ranges"), journal)
        ranges = OnRay(Threads(2), taking, client, plan, limits, shared)  # type: ignore[arg-type]
        heard = asyncio.create_task(ranges.hear())
        try:
            await make_tables(plan, client, home / "tables", progress=progress, walk=partial(FarWalk, ranges=ranges))
        finally:
            heard.cancel()
            await client.close()

    try:
        asyncio.run(whole())
    finally:
        journal.close()
    return progress, {name: pl.read_parquet(home / "tables" / f"{name}.parquet") for name in plan.steps}


def says(request: Request, seed: int) -> str:
    return f"it is {seed % 10 ** (1 + seed % 9)}"


def test_workers_make_the_tables_of_one_process(tmp_path: Path) -> None:
    alone = run(answers(), tmp_path / "alone", fakes={"m": says})
    progress, tables = far(answers(), tmp_path / "far", says)
    for name, table in tables.items():
        assert table.equals(alone.table(name)), name
        assert progress.counts[name] == alone.counts[name], name


def test_a_target_is_reached_at_the_same_prompt(tmp_path: Path) -> None:
    recipe = answers(target={"kept": 17, "of": "short"})
    alone = run(recipe, tmp_path / "alone", fakes={"m": says})
    progress, tables = far(recipe, tmp_path / "far", says)
    assert tables["short"].equals(alone.table("short"))
    assert tables["responses"].height < 128
    assert progress.counts["responses"].rows_out == tables["responses"].height


def test_what_the_journal_knows_is_asked_by_no_worker(tmp_path: Path) -> None:
    calls = []

    def counts(request: Request, seed: int) -> str:
        calls.append(seed)
        return says(request, seed)

    alone = run(answers(), tmp_path / "run", fakes={"m": counts})
    assert len(calls) == 128
    _, tables = far(answers(), tmp_path / "run", counts)
    assert len(calls) == 128
    assert tables["short"].equals(alone.table("short"))


def test_a_limit_of_money_is_never_passed(tmp_path: Path) -> None:
    """A reply costs a cent at the most: ten tokens at 1,000 dollars a million."""
    recipe = answers(max_cost=0.505)
    calls = []

    def counts(request: Request, seed: int) -> Completion:
        calls.append(seed)
        return Completion(says(request, seed), usage=Usage(1, 10))

    progress, tables = far(recipe, tmp_path / "far", counts)
    assert isinstance(progress.ended, BudgetReached)
    assert 40 <= len(calls) <= 50
    first = run(answers(), tmp_path / "alone", fakes={"m": says}).table("responses")
    made = tables["responses"]
    assert made.equals(first.filter(pl.col("prompt_id").is_in(made["prompt_id"].unique().implode())))


def test_a_limit_of_calls_is_kept_exactly(tmp_path: Path) -> None:
    calls = []

    def counts(request: Request, seed: int) -> str:
        calls.append(seed)
        return says(request, seed)

    progress, _ = far(answers(), tmp_path / "far", counts, max_calls=37)
    assert isinstance(progress.ended, BudgetReached)
    assert len(calls) == 2 * 37  # each asks for two draws


def test_of_two_replies_to_one_request_the_first_counts_for_all(tmp_path: Path) -> None:
    """Two prompts that ask the same, in different ranges, of a model that never says the same: one process asks once
    and both share it, and so it is in the tables here, whichever worker was first.
    """
    twice = Recipe(
        name="twice",
        models={"m": {"use": "fake/m"}},
        steps={
            "prompts": do("load", "prompts.jsonl"),
            "responses": do("answer", "prompts", model="m", template=tmp_path / "same.md"),
        },
        write={"responses": "responses"},
    )
    (tmp_path / "same.md").write_text("# user\n\nSay something.{{ '' if prompt else '' }}\n")
    said: list[str] = []

    def other(request: Request, seed: int) -> str:
        said.append(f"thing {len(said)}")
        return said[-1]

    _, tables = far(twice, tmp_path / "far", other)
    assert tables["responses"]["response"].n_unique() == 1
    assert len(said) > 1
    again = run(twice, tmp_path / "far", fakes={"m": other})
    assert again.table("responses").equals(tables["responses"])


def test_what_fails_in_one_range_is_what_is_told(tmp_path: Path) -> None:
    def breaks(request: Request, seed: int) -> str:
        if "what is 9?" in request.messages[-1]["content"]:
            raise ProviderError("the quota is spent")
        return says(request, seed)

    with pytest.raises(ProviderError, match="the quota is spent"):
        far(answers(), tmp_path / "far", breaks)


def test_what_a_lost_worker_was_lent_counts_in_the_next_run(tmp_path: Path) -> None:
    plan = planning.make(answers(max_cost=2.0), writers=CONFIGS, fakes={"m": says})
    journal, desk = Journal(tmp_path / "journal.sqlite"), Desk({"workers": 1, "max_cost": 2.0})
    worker, _ = desk.begin("a range")
    lent = desk.call("money", (worker, Account(), 1, 0.25, 0.5)).dollars
    desk.begin("a range")  # another one, in its place

    async def ended() -> None:
        taking, client = Taking(plan, Storage(tmp_path / "ranges"), journal), Client(journal, plan.fakes)
        await OnRay(Threads(1), taking, client, plan, {}, (None, Here(desk))).book()  # type: ignore[arg-type]

    asyncio.run(ended())
    assert journal.spent() == lent == 0.5
    journal.close()
