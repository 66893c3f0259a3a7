"""Prompts flow one by one: none waits for another between two barriers, and verbs take those together that are ready."""

import asyncio
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import do
from prefgen import plan as planning
from prefgen.errors import Interrupted
from prefgen.flow import segments
from prefgen.framing import framed
from prefgen.llm.client import Client
from prefgen.llm.fake import Writer
from prefgen.llm.journal import Journal
from prefgen.llm.request import Request
from prefgen.planned import Plan
from prefgen.recipe import Recipe, Step
from prefgen.rows import by_prompt
from prefgen.stages import make_tables
from prefgen.together import Together, UnderWay, Unit
from tests.fakes import writes

PROMPTS = [{"prompt": f"question {i}?", "topic": "t"} for i in range(20)]


def plan_of(steps: dict[str, Step], writer: Writer = writes) -> Plan:
    source = {"prompts": do("load", PROMPTS, keep=["topic"])}
    return planning.make(
        Recipe(name="r", models={"m": {"use": "fake/it"}}, steps={**source, **steps}), fakes={"it": writer}
    )


def make(plan: Plan, folder: Path, **how: Any) -> None:
    journal = Journal(folder / "journal.sqlite")
    try:
        asyncio.run(make_tables(plan, Client(journal, plan.fakes), folder / "tables", **how))
    finally:
        journal.close()


PAIRS = {
    "responses": do("answer", "prompts", model="m", n=2),
    "scored": do("score", "responses", model="m"),
    "means": do("mean", "scored"),
    "pairs": do("best_worst", "means"),
    "orders": do("both_orders", "pairs"),
    "judgments": do("compare", "orders", model="m"),
}


def test_a_segment_is_an_asker_s_table_and_the_verbs_below_it() -> None:
    steps = {**PAIRS, "twins": do("answer", "prompts", model="m")}
    cut = segments(plan_of(steps), "prompts", [*steps])
    assert {of: (one.verbs, one.askers) for of, one in cut.items()} == {
        "prompts": ([], ["responses", "twins"]),
        "responses": ([], ["scored"]),
        "scored": (["means", "pairs", "orders"], ["judgments"]),
        "judgments": ([], []),
        "twins": ([], []),
    }


@pytest.mark.parametrize("shard", [1, 20])
def test_no_prompt_waits_for_another(shard: int, tmp_path: Path) -> None:
    """The first prompt's first reply comes last of all: by then, all others are judged."""
    late, asked = asyncio.Event(), list[str]()

    async def writer(request: Request, seed: int) -> Any:
        text = request.messages[-1]["content"]
        asked.append(text)
        if text == PROMPTS[0]["prompt"]:
            await asyncio.wait_for(late.wait(), 20)
        if len(asked) == expected:
            late.set()
        return writes(request, seed)

    def noting(request: Request, seed: int) -> Any:
        undisturbed.append(request.messages[-1]["content"])
        return writes(request, seed)

    undisturbed = list[str]()
    make(plan_of(PAIRS, noting), tmp_path / "a")
    of_first = sum(PROMPTS[0]["prompt"] in text for text in undisturbed)
    expected = len(undisturbed) - of_first + 1  # of the first prompt's own, the one that is waited for
    make(plan_of(PAIRS, writer), tmp_path / "b", shard=shard)
    assert late.is_set()
    for name in ("responses", "judgments"):
        files = [(tmp_path / place / "tables" / f"{name}.parquet").read_bytes() for place in "ab"]
        assert files[0] == files[1]


def test_branches_of_one_prompt_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """The first branch's reply comes after the second branch has asked."""
    asked, steps = asyncio.Event(), {"responses": do("answer", "prompts", model="m")}
    steps |= {"scored": do("score", "responses", model="m"), "twins": do("score", "responses", model="other")}

    async def slow(request: Request, seed: int) -> Any:
        if request.messages[-1]["content"].endswith("?"):
            return writes(request, seed)
        await asyncio.wait_for(asked.wait(), 20)
        return writes(request, seed)

    def second(request: Request, seed: int) -> Any:
        asked.set()
        return writes(request, seed)

    source = {"prompts": do("load", PROMPTS[:1], keep=["topic"])}
    models = {"m": {"use": "fake/it"}, "other": {"use": "fake/other"}}
    recipe = Recipe(name="r", models=models, steps={**source, **steps})
    make(planning.make(recipe, fakes={"it": slow, "other": second}), tmp_path)
    assert asked.is_set()


# --- verbs, together ------------------------------------------------------------------------


@by_prompt
def renamed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(("new-" + pl.col("prompt_id")).alias("prompt_id"))


@by_prompt
def mixed_up(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of one prompt apart: the even ones of all, then the odd ones."""
    return pl.concat([rows.filter(pl.col("id").str.ends_with(f".{k}")) for k in range(2)])


@pytest.mark.parametrize("verb", [renamed, mixed_up])
def test_what_a_verb_makes_of_one_prompt_is_that_prompt_s(verb: Any, tmp_path: Path) -> None:
    """However the work is cut, and whether or not the replies are known."""
    steps = {"responses": PAIRS["responses"], "made": do(verb, "responses"), "scored": do("score", "made", model="m")}
    tables = []
    for shard in (1, 7, 20):
        for _ in range(2):
            make(plan_of(steps), tmp_path / f"{shard}", shard=shard)
            names = ("made", "scored")
            tables.append([pl.read_parquet(tmp_path / f"{shard}" / "tables" / f"{name}.parquet") for name in names])
    assert all(one.equals(first) for found in tables for one, first in zip(found, tables[0], strict=True))
    assert [one.height for one in tables[0]] == [40, 40]


def test_prompts_that_are_ready_at_one_moment_are_made_in_one_call() -> None:
    calls: list[int] = []

    @by_prompt
    def noted(rows: pl.DataFrame) -> pl.DataFrame:
        calls.append(rows["prompt_id"].n_unique())
        return rows

    plan = plan_of({"copied": do(noted, "prompts")})
    calls.clear()
    source = plan.steps["prompts"].source
    assert source is not None
    rows = source.first(20)
    segment = segments(plan, "prompts", ["copied"])["prompts"]

    async def all_at_once() -> list[Any]:
        together = Together(plan, segment, UnderWay())
        units = [Unit(rows.slice(i, 1).rows(named=True), rows.slice(i, 1)) for i in range(20)]
        return await asyncio.gather(*(together.made(unit) for unit in units))

    made = asyncio.run(all_at_once())
    assert calls == [20]
    assert [one.parts["copied"].table["id"].to_list() for one in made] == [[i] for i in rows["id"]]


def test_a_batch_is_gathered_as_long_as_something_is_waited_for() -> None:
    async def waited() -> tuple[float, float]:
        loop, under_way = asyncio.get_running_loop(), UnderWay()
        began = loop.time()
        await under_way.gathered(60)
        nothing = loop.time() - began
        with under_way:
            loop.call_soon(under_way.__exit__)
            began = loop.time()
            await under_way.gathered(60)
            under_way.__enter__()
        return nothing, loop.time() - began

    assert max(asyncio.run(waited())) < 30


def test_parts_are_frames_dicts_or_some_of_each() -> None:
    schema = pl.Schema({"id": pl.String, "n": pl.Int64})
    frame = pl.DataFrame([("c", 3), ("d", 4)], schema=schema, orient="row")
    dicts: list[Any] = [[{"id": "a", "n": 1}], [], [{"id": "b", "n": None}]]
    parts = [*dicts, frame.slice(0, 1), frame.clear(), [{"id": "e", "n": 5}]]
    found = framed(parts, schema)
    assert found.rows() == [("a", 1), ("b", None), ("c", 3), ("e", 5)]
    assert framed([], schema).schema == framed([[], frame.clear()], schema).schema == schema


# --- prompts that are known go together -----------------------------------------------------


@pytest.mark.parametrize("known", [0, 1, 7, 19, 20])
def test_what_is_known_and_what_is_not_make_the_same_tables(known: int, tmp_path: Path) -> None:
    """A journal that holds the replies of the first prompts and of the last one."""
    asked = list[str]()

    def noting(request: Request, seed: int) -> Any:
        asked.append(request.messages[-1]["content"])
        return writes(request, seed)

    folder = tmp_path / "some"
    journal = Journal(folder / "journal.sqlite")
    some = {"prompts": do("load", [*PROMPTS[:known], *PROMPTS[-1:]], keep=["topic"]), **PAIRS}
    plan = planning.make(Recipe(name="r", models={"m": {"use": "fake/it"}}, steps=some), fakes={"it": noting})
    asyncio.run(make_tables(plan, Client(journal, plan.fakes), folder / "first"))
    journal.close()
    first = len(asked)
    make(plan_of(PAIRS, noting), folder)
    make(plan_of(PAIRS), tmp_path / "all")
    files = [{p.name: p.read_bytes() for p in (place / "tables").iterdir()} for place in (folder, tmp_path / "all")]
    assert files[0] == files[1]
    again = len(asked)
    make(plan_of(PAIRS, noting), folder)
    assert again == len(asked)
    assert (first < again) == (known < 19)


def test_a_new_step_on_known_replies_lets_prompts_go_one_by_one_again(tmp_path: Path) -> None:
    """The responses are known; of their scores the first prompt's come last, and hold up no other's judgments."""
    make(plan_of({"responses": PAIRS["responses"]}), tmp_path)
    done, judged = asyncio.Event(), list[str]()

    async def writer(request: Request, seed: int) -> Any:
        text = request.messages[-1]["content"]
        if "[[" in text:
            judged.append(text)
        elif PROMPTS[0]["prompt"] in text:
            await asyncio.wait_for(done.wait(), 20)
        if len({p["prompt"] for p in PROMPTS for text in judged if p["prompt"] in text}) >= 10:
            done.set()
        return writes(request, seed)

    make(plan_of(PAIRS, writer), tmp_path, shard=20)
    assert done.is_set()


def test_the_first_pairs_are_there_before_the_last_prompts_are_asked(tmp_path: Path) -> None:
    """Where requests wait, those of the prompt that began first go first: in the order of steps its last one would come
    after all responses and all scores, which are five in six of all requests.
    """
    asked = list[int]()

    async def writer(request: Request, seed: int) -> Any:
        text = request.messages[-1]["content"]
        asked.append(next(i for i, one in enumerate(PROMPTS) if one["prompt"] in text))
        await asyncio.sleep(0.01)  # longer than it takes to keep a reply
        return writes(request, seed)

    source = {"prompts": do("load", PROMPTS, keep=["topic"])}
    models = {"m": {"use": "fake/it", "concurrency": 1}}
    plan = planning.make(Recipe(name="r", models=models, steps={**source, **PAIRS}), fakes={"it": writer})
    make(plan, tmp_path)
    assert asked.count(0) == 6
    assert len(asked) - 1 - asked[::-1].index(0) < len(asked) // 2


def test_a_stop_while_a_target_s_last_replies_come_in_is_a_stop(tmp_path: Path) -> None:
    """It is no run that ends well."""
    clients = list[Client]()

    async def writer(request: Request, seed: int) -> Any:
        if request.messages[-1]["content"] == PROMPTS[1]["prompt"]:
            for _ in range(1000):
                await asyncio.sleep(0.001 if clients[0].reason is None else 0)
            clients[0].shut(Interrupted("stopped"))  # enough is kept by now: this one is waited for, and not wanted
        return writes(request, seed)

    source = {"prompts": do("load", PROMPTS[:2], keep=["topic"]), "responses": do("answer", "prompts", model="m", n=2)}
    steps = {**source, "every": do("concat", "responses"), "scored": do("score", "every", model="m")}
    target = {"kept": 2, "of": "responses"}
    plan = planning.make(
        Recipe(name="r", models={"m": {"use": "fake/it"}}, steps=steps, target=target), fakes={"it": writer}
    )
    journal = Journal(tmp_path / "journal.sqlite")
    clients.append(Client(journal, plan.fakes))
    with pytest.raises(Interrupted, match="stopped"):
        asyncio.run(asyncio.wait_for(make_tables(plan, clients[0], tmp_path / "tables", shard=1), 20))
    journal.close()
