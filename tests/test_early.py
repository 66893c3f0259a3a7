"""Runs that end before their prompts do: money, or enough. What they leave is a beginning of what the whole run makes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import do, run
from prefgen.errors import BudgetReached, RecipeError
from prefgen.folders import journal_of
from prefgen.llm.journal import Journal
from prefgen.llm.request import Completion, Request, Usage
from prefgen.recipe import Recipe
from prefgen.run import Run
from tests.fakes import writes

PROMPTS = [{"prompt": f"why {n}?"} for n in range(60)]
PRICE = {"input": 1.0, "output": 1.0}
"""Dollars per million tokens."""


async def costly(request: Request, seed: int) -> Completion:
    """Sixty tokens each, in some order of arrival; a prompt that four draws share is counted at each of them."""
    for _ in range(seed % 5):
        await asyncio.sleep(0)
    written = writes(request, seed)
    return Completion(written if isinstance(written, str) else written.text, usage=Usage(20, 40))


def recipe(write: str = "preferences", **more: Any) -> Recipe:
    steps = {
        "prompts": do("load", PROMPTS),
        "responses": do("answer", "prompts", model="it", n=4),
        "scored": do("score", "responses", model="it"),
        "means": do("mean", "scored"),
        "pairs": do("best_worst", "means"),
    }
    models = {"it": {"use": "fake/it", "price": PRICE, "max_tokens": 40}}
    return Recipe(name="mine", steps=steps, models=models, write={write: "pairs"}, **more)


def made(folder: Path, of: Recipe, **how: Any) -> Run:
    return run(of, folder, fakes={"it": costly}, **how)


def table(folder: Path, name: str = "pairs") -> list[Any]:
    return pl.read_parquet(folder / "tables" / f"{name}.parquet").rows()


def spent(folder: Path) -> float:
    journal = Journal(journal_of(folder))
    try:
        return journal.spent()
    finally:
        journal.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    made(folder, recipe())
    return folder


@pytest.mark.parametrize("side_by_side", [1, 4, 64])
def test_a_limit_of_money_is_kept_and_what_is_finished_is_written(
    whole: Path, tmp_path: Path, side_by_side: int
) -> None:
    limit = spent(whole) / 3
    with pytest.raises(BudgetReached, match="that --max-cost allows"):
        made(tmp_path, recipe(max_cost=limit), side_by_side=side_by_side, shard=1)
    assert limit * 0.5 < spent(tmp_path) <= limit
    rows = table(tmp_path)
    assert all(row in table(whole) for row in rows)
    assert len(rows) > len(table(whole)) / 6
    manifest = json.loads((tmp_path / "run.json").read_text())
    assert manifest["status"] == "BudgetReached"
    assert manifest["dataset"]["preferences"] == {"train": len(rows)}


def test_what_earlier_runs_spent_counts_and_more_money_goes_on(whole: Path, tmp_path: Path) -> None:
    for share in (0.3, 0.3, 0.6):
        with pytest.raises(BudgetReached):
            made(tmp_path, recipe(max_cost=spent(whole) * share))
        assert spent(tmp_path) <= spent(whole) * share
    made(tmp_path, recipe(max_cost=spent(whole) * 3))
    assert table(tmp_path) == table(whole)
    assert spent(tmp_path) == pytest.approx(spent(whole))


@pytest.mark.parametrize(("side_by_side", "shard"), [(1, 1), (8, 3), (64, None), (2, 60)])
def test_a_target_ends_the_run_at_the_same_prompt_however_the_work_is_cut(
    whole: Path, tmp_path: Path, side_by_side: int, shard: int | None
) -> None:
    done = made(tmp_path, recipe(target={"kept": 17}), side_by_side=side_by_side, shard=shard)
    assert done.configs["preferences"] == {"train": 17}
    assert all(count.tally.cached == 0 for count in done.counts.values()), "nothing was known"
    assert table(tmp_path) == table(whole)[:17]
    begun = {row[0] for row in table(tmp_path, "responses")}
    assert begun == {row[0] for row in table(whole, "responses")[: 4 * len(begun)]}
    if (side_by_side, shard) != (2, 60):
        assert spent(tmp_path) < spent(whole)


def test_a_target_that_is_not_reached_takes_all(whole: Path, tmp_path: Path) -> None:
    made(tmp_path, recipe(target={"kept": 1000, "of": "scored"}))
    assert table(tmp_path) == table(whole)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"kept": 0}, "kept is 0"),
        ({"kept": 5, "of": "pears"}, "no table 'pears'; did you mean 'pairs'?"),
        ({"kept": 5, "of": ["pairs"]}, "no table ['pairs']"),
        ({"kept": 5, "off": "pairs"}, "has no 'off'; did you mean 'of'?"),
        ({"kept": 5, "of": "prompts"}, "prompts is made whole"),
    ],
)
def test_a_target_that_cannot_be_is_told_before_anything_is_sent(
    target: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as caught:
        made(tmp_path, recipe(target=target))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            {"use": "openai/some-model", "base_url": "http://127.0.0.1:9/v1", "max_tokens": 9},
            "is not known; say its price",
        ),
        ({"use": "fake/it", "price": PRICE}, "how long its replies may be is not; say max_tokens"),
    ],
)
def test_money_is_limited_only_where_it_can_be_counted(model: dict[str, Any], said: str, tmp_path: Path) -> None:
    wrong = Recipe(name="mine", steps=recipe().steps, models={"it": model}, max_cost=1.0)
    with pytest.raises(RecipeError) as caught:
        made(tmp_path, wrong)
    assert said in str(caught.value)
