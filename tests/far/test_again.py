"""What is done a second time: merges, slices and runs that go on; bytes, calls and money are those of once."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from prefgen import Recipe, do, load, run
from prefgen.engines.ray import Ray
from prefgen.errors import BudgetReached, RunError
from prefgen.far.merge import Merge
from prefgen.far.slices import Slice, run_slice
from prefgen.llm.journal import Attempt, Entry, Journal
from prefgen.llm.request import Completion, Request, Usage
from prefgen.llm.segments import Exporter, take_in
from tests.far.here import Inline, inline, own_scratch
from tests.far.test_slices import GATED, failing, same, two_stages
from tests.marks import unmarked

__all__ = ["own_scratch"]


@pytest.fixture(autouse=True)
def own_places(own_scratch: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prompts.jsonl").write_text("".join(f'{{"prompt": "what is {n % 30} and {n}?"}}\n' for n in range(50)))


@pytest.mark.parametrize("share", [0.4, 1.0])  # other rows everywhere, and in one range alone
def test_a_table_behind_a_barrier_is_laid_out_anew_where_it_changed(share: float, tmp_path: Path) -> None:
    """Requests fail, the table is laid out for slices, and then they are had after all."""
    two = two_stages()
    steps = {**two.steps, "some": do("class_cap", "first", by="response", share=share)}
    recipe = replace(two, steps=steps)
    fakes, meet = {"m": unmarked(failing(3))}, tmp_path / "meet"

    def slices() -> None:
        for n in (0, 1):
            run_slice(recipe, Slice(n, 2), meet, fakes=fakes)

    slices()
    for _ in range(2):
        with pytest.raises(RunError, match="some is whole now: run every shard again"):
            run(recipe, tmp_path / "merged", fakes=fakes, engine=Merge(meet))
        slices()
    merged = run(recipe, tmp_path / "merged", fakes=fakes, engine=Merge(meet))
    assert same(merged, run(recipe, tmp_path / "alone", fakes=fakes))


def test_a_second_merge_is_of_the_replies_that_the_first_one_kept(tmp_path: Path) -> None:
    Path("same.md").write_text("# user\n\nSay something.{{ '' if prompt else '' }}\n")
    steps = {
        "prompts": do("load", "prompts.jsonl"),
        "said": do("answer", "prompts", model="m", template=Path("same.md")),
    }
    recipe = Recipe(name="x", models={"m": {"use": "fake/m"}}, steps=steps, write={"responses": "said"})
    said: list[str] = []

    def other(request: Request, seed: int) -> str:
        said.append(f"thing {len(said)}")
        return said[-1]

    for n in (0, 1):
        run_slice(recipe, Slice(n, 2), tmp_path / "meet", fakes={"m": other})
    assert len(said) == 2
    for _ in range(2):
        merged = run(recipe, tmp_path / "merged", fakes={"m": other}, engine=Merge(tmp_path / "meet"))
        assert merged.table("said")["response"].n_unique() == 1
    assert len(said) == 2


def test_a_reply_too_many_is_booked_once_however_often_it_comes(tmp_path: Path) -> None:
    """A worker that was killed left it in a segment, and who went on with its journal exports all of that again."""
    home, worker = Journal(tmp_path / "home.sqlite"), Journal(tmp_path / "worker.sqlite")

    async def whole() -> None:
        await home.put([Entry(b"k" * 32, {"choice": 1}, 1, 1, 0.5, "m")])
        await worker.put([Entry(b"k" * 32, {"choice": 2}, 1, 1, 0.25, "m")])
        await worker.note(Attempt(b"a" * 32, "rate", "too fast", billed=True, dollars=0.125))
        for name in ("one", "two"):
            exporter = Exporter(worker.path)
            assert await take_in(home, name, exporter.next() or b"") == {b"k" * 32}
            exporter.close()

    asyncio.run(whole())
    assert home.spent() == 0.875
    home.close()
    worker.close()


class Dear:
    """A judge that is right, at a cent a call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, request: Request, seed: int) -> Completion:
        self.calls += 1
        return Completion(right(request, seed), usage=Usage(1, 10))


@unmarked
def right(request: Request, seed: int) -> str:
    return f"Score: {5 if 'zebra' in request.messages[-1]['content'] else 1}"


PRICE = {"max_tokens": 10, "price": {"input": 0, "output": 1000}}


def gated(cost: float | None = None) -> Recipe:
    """A gate of twelve cents, and sixteen more."""
    gold = [f'{{"prompt": "p{n}", "chosen": "zebra {n}", "rejected": "yak {n}"}}\n' for n in range(6)]
    Path("gold.jsonl").write_text("".join(gold))
    Path("gated.yaml").write_text(GATED)
    recipe = load("gated.yaml")
    return replace(recipe, models={"m": {**recipe.models["m"], **PRICE}}, max_cost=cost)


def test_a_gate_is_paid_out_of_a_slices_share(tmp_path: Path) -> None:
    model = Dear()
    with pytest.raises(BudgetReached):
        run_slice(gated(0.205), Slice(0, 1), "meet", fakes={"m": model})
    assert model.calls == 20
    with pytest.raises(BudgetReached, match=r"2 requests sent, the limit of --max-calls|14 requests"):
        run_slice(gated(), Slice(0, 1), "other", fakes={"m": model}, max_calls=14)
    assert model.calls == 34


def test_a_gate_is_paid_out_of_what_workers_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inline(monkeypatch)
    model = Dear()
    with pytest.raises(BudgetReached):
        run(gated(0.205), tmp_path / "run", fakes={"m": model}, engine=Ray(workers=2))
    assert model.calls == 20
    with pytest.raises(BudgetReached):
        run(gated(), tmp_path / "other", fakes={"m": model}, max_calls=14, engine=Ray(workers=2))
    assert model.calls == 34


def test_a_gate_that_takes_long_keeps_to_its_money(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inline(monkeypatch)
    monkeypatch.setattr("prefgen.far.cluster.PULSE", 0.01)
    model = Dear()

    async def slowly(request: Request, seed: int) -> Completion:
        await asyncio.sleep(0.05)
        return model(request, seed)

    recipe = gated(0.055)
    one = replace(recipe, models={"m": {**recipe.models["m"], "concurrency": 1}})
    with pytest.raises(BudgetReached):
        run(one, tmp_path / "run", fakes={"m": slowly}, engine=Ray(workers=2))
    assert model.calls == 5


def priced(cost: float | None = None) -> Recipe:
    """Fifty answers, a cent each."""
    steps = {"prompts": do("load", "prompts.jsonl"), "said": do("answer", "prompts", model="m")}
    models = {"m": {"use": "fake/m", **PRICE}}
    return Recipe(name="x", models=models, steps=steps, write={"responses": "said"}, max_cost=cost)


def test_money_of_slices_is_gone_for_the_rest(tmp_path: Path) -> None:
    model = Dear()
    run_slice(priced(), Slice(0, 2), tmp_path / "meet", fakes={"m": model})
    assert model.calls == 24
    with pytest.raises(BudgetReached):
        run(priced(0.305), tmp_path / "run", fakes={"m": model}, engine=Merge(tmp_path / "meet", rest=True))
    assert model.calls <= 30


def test_what_slices_made_is_merged_whatever_the_limit_is_by_now(tmp_path: Path) -> None:
    for n in (0, 1):
        run_slice(priced(), Slice(n, 2), tmp_path / "meet", fakes={"m": Dear()})
    for _ in range(2):
        merged = run(priced(0.1), tmp_path / "run", fakes={"m": Dear()}, engine=Merge(tmp_path / "meet"))
        assert merged.configs["responses"] == {"train": 50}


def test_money_of_a_run_that_was_killed_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its replies are on the storage, and not in the journal yet."""
    inline(monkeypatch)
    model, home = Dear(), tmp_path / "run"

    async def killed(*_: object) -> None:
        raise RunError("killed")

    with monkeypatch.context() as m:
        m.setattr("prefgen.far.taking.Taking.of_range", killed)
        with pytest.raises(RunError, match="killed"):
            run(priced(), home, fakes={"m": model}, engine=Ray(workers=1))
    paid = model.calls
    assert paid
    with pytest.raises(BudgetReached):
        run(priced(paid / 100 + 0.105), home, fakes={"m": model}, engine=Ray(workers=2))
    assert model.calls <= paid + 10


def test_a_folder_that_is_named_may_be_one_that_all_machines_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inline(monkeypatch)
    monkeypatch.setattr(Inline, "nodes", 2, raising=False)
    with pytest.raises(RunError, match="is a path of this machine, and the cluster has 2"):
        run(priced(), tmp_path / "run", fakes={"m": Dear()}, engine=Ray(workers=1))
    done = run(priced(), tmp_path / "run", fakes={"m": Dear()}, engine=Ray(workers=1, storage=tmp_path / "nfs"))
    assert done.configs["responses"] == {"train": 50}
