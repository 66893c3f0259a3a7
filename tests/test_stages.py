"""Stages and shards: what comes out is whole, accounted for, and the same however the work was cut."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen import Recipe, do
from prefgen import plan as planning
from prefgen.asker import Ask, Asker, Reply, Row
from prefgen.errors import RowFailed, RunError
from prefgen.llm.client import Client
from prefgen.llm.fake import Writer
from prefgen.llm.journal import Journal
from prefgen.llm.request import Completion, Request
from prefgen.order import Folder
from prefgen.planned import Plan
from prefgen.progress import Progress
from prefgen.recipe import Step
from prefgen.rounds import Count
from prefgen.rows import because, by_prompt, filters, whole
from prefgen.shards import Spans
from prefgen.spool import in_shards
from prefgen.stages import make_tables, stages
from tests.fakes import writes

PROMPTS: list[dict[str, Any]] = [{"prompt": f"question {i}?", "topic": "odd" if i % 3 else "even"} for i in range(20)]
FLAWED = [*PROMPTS[:5], PROMPTS[0], {"prompt": "  ", "topic": "odd"}, *PROMPTS[5:]]


def plan_of(steps: Mapping[str, Step], writer: Writer = writes, prompts: Any = FLAWED, **model: Any) -> Plan:
    models, source = {"m": {"use": "fake/it", **model}}, {"prompts": do("load", prompts, keep=["topic"])}
    return planning.make(Recipe(name="r", models=models, steps={**source, **steps}), fakes={"it": writer})


def make(plan: Plan, folder: Path, **how: Any) -> Mapping[str, Count]:
    journal = Journal(folder / "journal.sqlite")
    try:
        return asyncio.run(make_tables(plan, Client(journal, plan.fakes), folder / "tables", **how))
    finally:
        journal.close()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from("abcdef")), st.integers(1, 4))
def test_shards_hold_every_row_once_and_whole_prompts_by_first_appearance(prompts: list[str], size: int) -> None:
    rows = list(zip(prompts, range(len(prompts)), strict=True))
    frame = pl.DataFrame(rows, schema={"prompt_id": pl.String, "id": pl.Int64}, orient="row")
    table = Folder()
    frame.write_parquet(table.path / "x.parquet")
    order = list(dict.fromkeys(prompts))
    cuts = [order[i : i + size] for i in range(0, len(order), size)]
    shards = list(in_shards(table.path / "x.parquet", size))
    assert [s.rows() for s in shards] == [[r for p in cut for r in rows if r[0] == p] for cut in cuts or [[]]]
    assert all(shard.schema == frame.schema for shard in shards)


@by_prompt
@filters
def without(*, text: str = "?!", of: str = "response") -> pl.Expr:
    return because((f"says {text}", pl.col(of).str.contains(text, literal=True)))


@whole
def every(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.len().alias("of"))


STEPS = {
    "responses": do("answer", "prompts", model="m", n=3),
    "some": do(without, "responses", text="1."),
    "scored": do("score", "some", model="m"),
    "balanced": do("balance", "scored", by="topic"),
    "again": do(without, "balanced", text="2"),
    "counted": do(every, "again"),
}


def test_a_verb_that_sees_its_whole_table_starts_the_next_stage() -> None:
    depths = {
        "prompts": 0,
        "responses": 0,
        "some": 0,
        "scored": 0,
        "balanced": 1,
        "again": 1,
        "counted": 2,
        "late": 0,
    }
    assert stages(plan_of({**STEPS, "late": do(without, "responses")})) == depths


def mixed(request: Request, seed: int) -> str | Completion:
    """Answers and scores, some of which cannot be read or had."""
    if seed % 7 == 0:
        return Completion("no", finish="refused")
    if seed % 11 == 0:
        raise RowFailed("too_long", f"more than the model takes in ({seed})")
    return writes(request, seed)


def late(delays: int) -> Writer:
    """The same words, after a while that ``delays`` decides."""

    async def writer(request: Request, seed: int) -> str | Completion:
        for _ in range(random.Random(f"{delays}/{seed}").randrange(9)):
            await asyncio.sleep(0)
        return mixed(request, seed)

    return writer


@cache
def undisturbed() -> Mapping[str, bytes]:
    with TemporaryDirectory() as folder:
        make(plan_of(STEPS, mixed), Path(folder))
        return files(Path(folder))


@settings(deadline=None, max_examples=12)
@given(st.one_of(st.none(), st.integers(1, 30)), st.integers(1, 30), st.integers())
def test_tables_are_the_same_however_the_work_is_cut(shard: int | None, side_by_side: int, delays: int) -> None:
    with TemporaryDirectory() as folder:
        make(plan_of(STEPS, late(delays)), Path(folder), shard=shard, side_by_side=side_by_side)
        assert files(Path(folder)) == undisturbed()


def test_every_row_comes_out_or_has_its_reason(tmp_path: Path) -> None:
    plan = plan_of(STEPS, mixed)
    counts = make(plan, tmp_path, shard=3)
    tables = {t: pl.read_parquet(tmp_path / "tables" / f"{t}.parquet") for t in plan.steps}
    lost = {t: pl.read_parquet(tmp_path / "tables" / f"{t}.dropped.parquet") for t in plan.steps}
    sources = {"prompts": {f"row {i}" for i in (6, 7)} | {*tables["prompts"]["id"]}}
    for table, step in plan.steps.items():
        count, out = counts[table], [*tables[table]["id"], *lost[table]["id"]]
        ids = sources.get(table) or {*tables[step.inputs[0]]["id"]}
        expected = {f"{row}.{k}" for row in ids for k in range(step.asker.n)} if step.asker else ids
        assert sorted(out) == sorted(expected)
        reasons = count.dropped + count.unreadable + count.failed
        assert Counter(lost[table]["dropped"].to_list()) == reasons
        assert (count.rows_in, count.rows_out) == (len(ids), tables[table].height)
        assert len(expected) == count.rows_out + reasons.total()
        assert count.rows_in == count.rows_used + count.dropped.total() + count.unanswered
    assert counts["prompts"].dropped == {"duplicate prompt": 1, "empty prompt": 1}
    assert all(counts[table].dropped for table in ("some", "balanced", "again"))
    assert all((counts["responses"].unreadable, counts["responses"].failed, tables["counted"].height))


def test_a_table_of_several_is_whole_and_the_same_however_it_is_cut(tmp_path: Path) -> None:
    steps = {
        "all": do("concat", ["responses", "scored"]),
        "clean": do(clean, "all"),
        "judged": do("score", "clean", model="m"),
    }
    found = []
    for shard, side_by_side in ((1, 1), (7, 3)):
        folder = tmp_path / f"{shard}"
        plan = plan_of({**STEPS, **steps})
        counts = make(plan, folder, shard=shard, side_by_side=side_by_side)
        found.append(files(folder))
        assert counts["all"].rows_in == counts["responses"].rows_out + counts["scored"].rows_out
        assert counts["all"].rows_out == counts["all"].rows_in
        assert plan.steps["all"].whole
    assert found[0] == found[1]


def clean(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select("prompt_id", "id", "prompt", "response")


def test_a_verb_can_say_more_than_its_reason(tmp_path: Path) -> None:
    @filters
    def hits() -> pl.Expr:
        return because(("a hit", pl.col("topic") == "odd"))

    make(plan_of({"marked": do(detailed, "prompts"), "kept": do(hits, "marked")}), tmp_path)
    lost = pl.read_parquet(tmp_path / "tables" / "kept.dropped.parquet")
    assert set(lost["detail"]) == {"row of odd"}


def detailed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.format("row of {}", "topic").alias("detail"))


def first_three(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.head(3)


@filters
def above_the_middle() -> pl.Expr:
    middle = pl.col("id").rank().median()
    return pl.when(pl.col("id").rank() <= middle).then(pl.lit("below"))


@pytest.mark.parametrize(("verb", "rows"), [(first_three, 3), (above_the_middle, len(PROMPTS) // 2)])
def test_a_function_of_yours_sees_its_whole_table(verb: Any, rows: int, tmp_path: Path) -> None:
    plan = plan_of({"kept": do(verb, "prompts")}, prompts=PROMPTS)
    assert make(plan, tmp_path, shard=2)["kept"].rows_out == rows


def test_progress_counts_whole_prompts(tmp_path: Path) -> None:
    progress, seen = Progress(), list[tuple[int, int, int]]()

    def watching(request: Request, seed: int) -> str | Completion:
        seen.append((progress.stage, progress.prompts, progress.prompts_done))
        return writes(request, seed)

    make(plan_of(STEPS, watching), tmp_path, shard=3, side_by_side=1, progress=progress)
    assert list(dict.fromkeys(seen)) == [(0, 20, done) for done in range(0, 20, 3)]
    left = pl.read_parquet(tmp_path / "tables" / "counted.parquet")["prompt_id"].n_unique()
    assert 0 < left == progress.prompts == progress.prompts_done
    assert (progress.stage, progress.stages) == (2, 3)


@by_prompt
def picky(rows: pl.DataFrame, *, of: str) -> pl.DataFrame:
    if rows["prompt"].list.first().struct.field("content").eq(of).any():
        raise ValueError("I will not\nhave it")
    return rows


@by_prompt
def wayward(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.lit(1).alias("more")) if rows.height else rows


@by_prompt
def doubling(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([rows, rows])


@by_prompt
def silent(rows: pl.DataFrame) -> Any:
    return None if rows.height else rows


@dataclass(frozen=True, kw_only=True)
class careless(Asker):  # noqa: N801
    """Reads what is not there."""

    makes = {"said": pl.String}  # noqa: RUF012

    def needed(self) -> frozenset[str]:
        return frozenset({"prompt"})

    def ask(self, row: Row) -> Ask:
        return Ask(row["prompt"])

    def read(self, row: Row, reply: Reply) -> list[Row]:
        return [{"said": row["nowhere"]}]


@whole
def picky_of_all(rows: pl.DataFrame) -> pl.DataFrame:
    return picky(rows, of="question 7?")


FAILING = [
    (do(picky, "copied", of="question 7?"), r"kept: picky failed: ValueError: I will not; "),
    (do(picky_of_all, "copied"), r"kept: picky_of_all failed: ValueError: I will not; "),
    (do(wayward, "copied"), r"kept: wayward made other columns"),
    (do(doubling, "copied"), r"kept: doubling made several rows with the id \w+; "),
    (do(silent, "copied"), r"kept: silent failed: TypeError"),
    (do(careless, "copied", model="m"), r"kept: careless failed: KeyError: 'nowhere'"),
]


@pytest.mark.parametrize(
    ("step", "words"), FAILING, ids=["raises", "at a barrier", "columns", "ids", "no table", "asker"]
)
def test_a_verb_of_yours_that_fails_is_told_by_table_and_name(step: Step, words: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=words):
        make(plan_of({"copied": do(without, "prompts", of="topic"), "kept": step}), tmp_path, shard=2)
    there = {"prompts", "copied"} if step.verb is picky_of_all else {"prompts"}
    assert set(files(tmp_path)) == {f"{table}{end}.parquet" for table in there for end in ("", ".dropped")}


def test_a_failure_leaves_the_tables_of_its_stage_as_they_were(tmp_path: Path) -> None:
    prompts = [{"prompt": f"question {i}?", "topic": "t"} for i in range(2200)]

    def made(of: str, take: int) -> dict[str, bytes]:
        steps = {"copied": do(without, "prompts", of="topic"), "kept": do(picky, "copied", of=of)}
        plan = plan_of(steps, prompts=prompts[:take])
        if of:
            with pytest.raises(RunError, match="kept: picky failed"):
                make(plan, tmp_path, shard=100, side_by_side=1)
        else:
            make(plan, tmp_path)
        return files(tmp_path)

    first, second = made("", 2200), made("question 2198?", 2199)
    assert set(first) == set(second)
    assert {name for name in first if first[name] != second[name]} == {"prompts.parquet"}
    assert pl.read_parquet(tmp_path / "tables" / "kept.parquet").height == 2200


def test_a_failure_sends_nothing_more(tmp_path: Path) -> None:
    asked: list[str] = []

    async def slow(request: Request, seed: int) -> str:
        asked.append(request.messages[0]["content"])
        await asyncio.sleep(0.02)
        return "so"

    steps = {"first": do("answer", "prompts", model="m"), "kept": do(picky, "first", of="question 0?")}
    plan = plan_of(steps, slow, concurrency=2)
    with pytest.raises(RunError, match="picky failed"):
        make(plan, tmp_path, shard=1)
    assert asked[0] == "question 0?"
    assert len(asked) < len(PROMPTS) / 2


def test_spans_say_which_prompts_are_finished() -> None:
    rows = pl.DataFrame({"prompt_id": ["a", "a", "b", "c"]})
    spans = Spans(12)
    for finished in (3, 3, 0, 2):
        spans.add(rows, finished)
    assert (spans.spans, spans.whole) == ([[0, 6], [9, 11]], False)
    whole = Spans(6)
    whole.add(rows, 3)
    whole.add(rows, 3)
    assert (whole.spans, whole.whole, Spans(0).whole) == ([[0, 6]], True, True)
