"""What is done a second time: merges, slices and runs that go on; bytes, calls and money are those of once."""

import asyncio
import tempfile
from pathlib import Path

import pytest

from prefgen import Recipe, do, load, run
from prefgen.errors import BudgetReached, RowFailed, RunError
from prefgen.far.merge import Merge
from prefgen.far.slices import Slice, run_slice
from prefgen.llm.journal import Attempt, Entry, Journal
from prefgen.llm.request import Completion, Request, Usage
from prefgen.llm.segments import Exporter, take_in
from tests.far.test_slices import GATED, same, two_stages
from tests.marks import unmarked


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    monkeypatch.chdir(tmp_path)
    Path("prompts.jsonl").write_text("".join(f'{{"prompt": "what is {n % 30} and {n}?"}}\n' for n in range(50)))


def test_a_table_behind_a_barrier_is_laid_out_anew_where_it_changed(tmp_path: Path) -> None:
    """Requests fail, the table is laid out for slices, and then they are had after all."""
    fails = {"left": 3}

    def model(request: Request, seed: int) -> Completion:
        if fails["left"]:
            fails["left"] -= 1
            raise RowFailed("content_filter", "no")
        return Completion(f"Score: {seed % 3}")

    fakes, meet = {"m": unmarked(model)}, tmp_path / "meet"

    def slices() -> None:
        for n in (0, 1):
            run_slice(two_stages(), Slice(n, 2), meet, fakes=fakes)

    slices()
    for _ in range(2):
        with pytest.raises(RunError, match="some is whole now: run every shard again"):
            run(two_stages(), tmp_path / "merged", fakes=fakes, engine=Merge(meet))
        slices()
    merged = run(two_stages(), tmp_path / "merged", fakes=fakes, engine=Merge(meet))
    assert same(merged, run(two_stages(), tmp_path / "alone", fakes=fakes))


def test_a_second_merge_is_of_the_replies_that_the_first_one_kept(tmp_path: Path) -> None:
    Path("same.md").write_text("# user\n\nSay something.{{ '' if prompt else '' }}\n")
    steps = {"prompts": do("load", "prompts.jsonl"), "said": do("answer", "prompts", model="m", template=Path("same.md"))}
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


def dear(request: Request, seed: int) -> Completion:
    """A cent each."""
    text = request.messages[-1]["content"]
    return Completion(f"Score: {5 if 'zebra' in text else 1}", usage=Usage(1, 10))


def gated(cost: float) -> Recipe:
    """A gate of twelve cents, and sixteen more."""
    gold = [f'{{"prompt": "p{n}", "chosen": "zebra {n}", "rejected": "yak {n}"}}\n' for n in range(6)]
    Path("gold.jsonl").write_text("".join(gold))
    price = "max_tokens: 10, price: {input: 0, output: 1000}"
    Path("gated.yaml").write_text(GATED.replace("use: fake/m", f"use: fake/m, {price}") + f"max_cost: {cost}\n")
    return load("gated.yaml")


def test_a_gate_is_paid_out_of_a_slices_share(tmp_path: Path) -> None:
    calls = []

    def counted(request: Request, seed: int) -> Completion:
        calls.append(seed)
        return dear(request, seed)

    with pytest.raises(BudgetReached):
        run_slice(gated(0.205), Slice(0, 1), "meet", fakes={"m": unmarked(counted)})
    assert len(calls) <= 20
