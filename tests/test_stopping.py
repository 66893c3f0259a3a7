"""Rows that one stop sees together; what stops save, and what they change."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import Recipe, do, replay, run, saved
from prefgen.asker import Ask, Asker, Reply, Row, answered
from prefgen.errors import BudgetReached, RowFailed
from prefgen.llm.client import Client
from prefgen.llm.journal import Journal
from prefgen.llm.request import Completion, Model, Request
from prefgen.planned import Planned
from prefgen.rounds import Count, ask_all
from prefgen.run import Run
from prefgen.stopping import NOT_WANTED, Drawn, Stop, find, lacks, of_group
from prefgen.stops.first_agreeing import first_agreeing
from prefgen.stops.lazy_order import lazy_order
from prefgen.stops.majority import majority
from prefgen.stops.race import race
from tests.fakes import writes
from tests.marks import unmarked


@dataclass(frozen=True, kw_only=True)
class judge(Asker):  # noqa: N801
    """Reads a verdict, and a number where the reply is one."""

    makes = {"verdict": pl.String, "score": pl.Float64}  # noqa: RUF012
    asked: int = 1

    def asks(self, row: Row) -> list[Ask]:
        if row["id"].startswith("long"):
            raise RowFailed("prompt_too_long", "more than any model reads")
        return [Ask([{"role": "user", "content": f"{row['id']} {i}"}]) for i in range(self.asked)]

    def read_all(self, row: Row, replies: Sequence[Reply]) -> list[Row]:
        said = answered(replies[0])
        return [{"verdict": said, "score": float(said) if said.isdigit() else None}]


def pairs(*names: str) -> list[Row]:
    return [
        {"prompt_id": name[:-1], "id": f"{name}.{end}", "pair_id": name, "gold": gold}
        for name in names
        for end, gold in (("ab", "A"), ("ba", "B"))
    ]


Asked = tuple[list[Row], list[Row], Count]
Writer = Callable[[Request, int], Any]


def go(
    folder: Path, rows: Sequence[Row], stop: Stop | None, writers: Mapping[str, Writer], *, seed: int = 0, **asker: Any
) -> Asked:
    """Asks in a journal of the folder, which the next call finds."""
    made = dict.fromkeys(rows[0], pl.String) | dict(judge.makes)
    models = tuple(Model(use=f"fake/{name}", concurrency=asker.pop("concurrency", None)) for name in writers)
    one, count = judge(model="m", **asker), Count()
    step = Planned("said", "judge", judge, ("rows",), pl.Schema(made), asker=one, models=models, stop=stop)
    journal = Journal(folder / "journal.sqlite")
    try:
        client = Client(journal, writers)
        found, lost = asyncio.run(ask_all(step, rows, [None] * len(rows), client, seed, count))
    finally:
        journal.close()
    assert count.balanced()
    return found, lost, count


def counted(words: Callable[[str], str]) -> tuple[Writer, Counter[str]]:
    """A judge whose words the row decides, and how often it was asked about each."""
    asked: Counter[str] = Counter()

    def writer(request: Request, seed: int) -> str:
        row = request.messages[0]["content"].split()[0]
        asked[row] += 1
        return words(row)

    return writer, asked


WRONG_SECOND = {"p1.ab": "A", "p1.ba": "B", "p2.ab": "B", "p2.ba": "A"}


def test_a_spared_row_is_dropped_with_its_reason_and_nothing_is_asked_of_it(tmp_path: Path) -> None:
    writer, asked = counted(WRONG_SECOND.__getitem__)
    made, lost, count = go(tmp_path, pairs("p1", "p2"), Stop(lazy_order), {"x": writer})
    assert {row["id"] for row in made} > {"p1.ab.0", "p1.ba.0"}
    assert len(made) == asked.total() == count.drawn == 3
    (spared,) = lost
    assert spared["dropped"] == "spared: the pair's other order was not right"
    assert (spared["id"] in {"p2.ab", "p2.ba"}, asked[spared["id"]], spared["detail"]) == (True, 0, None)
    assert count.dropped == {"spared: the pair's other order was not right": 1}
    assert saved.told(count.saved) == {
        "stop": "lazy_order", "settings": {}, "asked": 3, "fixed": 4, "spared": 1, "changed": 0,
    }  # fmt: skip


def noisy(request: Request, seed: int) -> str:
    chance = random.Random(f"{request.messages[0]['content']}/{seed}")
    level = int(request.messages[0]["content"].split()[0][-1])
    return str(min(5, max(0, round(chance.gauss(level, 0.8))))) if chance.random() > 0.1 else ""


def late(delays: int) -> Writer:
    """The same words, after a while that ``delays`` decides."""

    async def writer(request: Request, seed: int) -> str:
        for _ in range(random.Random(f"{delays}/{request.messages[0]['content']}/{seed}").randrange(9)):
            await asyncio.sleep(0)
        return noisy(request, seed)

    return writer


@pytest.mark.parametrize("pool", [("x",), ("x", "y")])
@pytest.mark.parametrize("concurrency", [1, 64])
@pytest.mark.parametrize("delays", [1, 2])
def test_what_a_group_comes_to_does_not_depend_on_who_answers_first(
    delays: int, concurrency: int, pool: tuple[str, ...], tmp_path: Path
) -> None:
    rows = [{"prompt_id": f"p{i}", "id": f"p{i}.{k}"} for i in range(4) for k in range(5)]
    (tmp_path / "other").mkdir()
    first = go(tmp_path, rows, Stop(race), dict.fromkeys(pool, noisy), n=9)
    other = go(tmp_path / "other", rows, Stop(race), dict.fromkeys(pool, late(delays)), n=9, concurrency=concurrency)
    assert other[:2] == first[:2]
    assert first[2].saved.asked < first[2].saved.fixed == 180


def test_the_prompts_beside_it_change_nothing(tmp_path: Path) -> None:
    rows = [{"prompt_id": f"p{i}", "id": f"p{i}.{k}"} for k in range(5) for i in range(4)]
    together, _, _ = go(tmp_path, rows, Stop(race), {"x": noisy}, n=9)
    alone = [go(tmp_path, rows[i::4], Stop(race), {"x": noisy}, n=9)[0] for i in range(4)]
    assert sorted(row["id"] for row in together) == sorted(row["id"] for one in alone for row in one)


def test_what_the_journal_has_is_taken_without_a_task_and_is_the_same(tmp_path: Path) -> None:
    rows = [{"prompt_id": f"p{i}", "id": f"p{i}.{k}"} for i in range(3) for k in range(4)]
    first = go(tmp_path, rows, Stop(race), {"x": noisy}, n=9)
    step_schema = pl.Schema({"prompt_id": pl.String, "id": pl.String, **judge.makes})
    step = Planned(
        "said", "judge", judge, ("rows",), step_schema, asker=judge(model="m", n=9), models=(Model(use="fake/x"),),
        stop=Stop(race),
    )  # fmt: skip
    journal, count = Journal(tmp_path / "journal.sqlite"), Count()
    try:
        work = ask_all(step, rows, [None] * len(rows), Client(journal, {}), 0, count)
        with pytest.raises(StopIteration) as ended:  # it comes to its end with no loop to wait in
            work.send(None)
    finally:
        journal.close()
    assert ended.value.value == first[:2]
    assert (count.tally.cached, count.tally.calls) == (count.drawn, 0)
    assert count.saved == first[2].saved


def test_a_journal_that_has_some_draws_is_asked_for_the_others_alone(tmp_path: Path) -> None:
    writer, asked = counted(lambda row: "A")
    go(tmp_path, pairs("p1"), None, {"x": writer}, n=2, asked=2)
    made, _, count = go(tmp_path, pairs("p1", "p2"), None, {"x": writer}, n=5, asked=2)
    assert (len(made), count.tally.cached, set(asked.values())) == (20, 8, {10})


@pytest.mark.parametrize("known", [(0,), (0, 1), (1, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize("draws", [2, 3, 5])
def test_a_group_of_which_some_rows_are_known_comes_to_the_same(
    draws: int, known: tuple[int, ...], tmp_path: Path
) -> None:
    rows = [{"prompt_id": f"p{i}", "id": f"p{i}.{k}"} for i in range(2) for k in range(4)]
    (tmp_path / "fresh").mkdir()
    fresh = go(tmp_path / "fresh", rows, Stop(race), {"x": noisy}, n=9)
    go(tmp_path, [rows[place] for place in known], None, {"x": noisy}, n=draws)
    assert go(tmp_path, rows, Stop(race), {"x": noisy}, n=9)[:2] == fresh[:2]


def test_a_round_of_one_row_is_one_request_where_the_endpoint_takes_n(tmp_path: Path) -> None:
    said: list[int] = []

    def writer(request: Request, seed: int) -> Completion:
        said.append(seed)
        return Completion("A")

    _, _, count = go(tmp_path, pairs("p1"), Stop(majority), {"x": writer}, n=15)
    assert (count.tally.calls, len(said), count.drawn) == (2, 16, 16)


def test_a_row_that_cannot_be_asked_fails_once_and_holds_its_group_up_no_longer(tmp_path: Path) -> None:
    rows: list[Row] = [{"prompt_id": "p", "id": name} for name in ("p.0", "long", "p.1", "p.2")]
    levels = {"p.0": "5", "p.1": "1", "p.2": "3"}
    writer, asked = counted(levels.__getitem__)
    _, lost, count = go(tmp_path, rows, Stop(race), {"x": writer}, n=6)
    assert asked == {"p.0": 6, "p.1": 6, "p.2": 3}
    assert [(row["id"], row["dropped"]) for row in lost] == [("long.0", "prompt_too_long")]
    assert (count.failed, count.drawn, count.saved.fixed) == ({"prompt_too_long": 1}, 16, 18)


# --- audits ---------------------------------------------------------------------------------


def coin(request: Request, seed: int) -> str:
    return "AB"[random.Random(f"{request.messages[0]['content']}/{seed}").random() < 0.45]


ROWS: list[Row] = [{"prompt_id": f"p{i}", "id": f"p{i}.0"} for i in range(300)]


def test_an_audit_draws_a_share_to_the_end_and_counts_what_changed(tmp_path: Path) -> None:
    risky = Stop(majority, {"risk": 0.2, "audit": 0.25})
    made, _, count = go(tmp_path, ROWS, risky, {"x": coin}, n=9)
    votes: dict[str, list[str]] = {}
    for row in made:
        votes.setdefault(row["prompt_id"], []).append(row["verdict"])
    audited = [row for row in ROWS if risky.audits(0, [row])]
    assert all(len(votes[row["prompt_id"]]) == 9 for row in audited)
    assert 50 < len(audited) == count.saved.audited < 100
    changed = 0
    for row in audited:
        said, count_of = votes[row["prompt_id"]], 0
        while more := majority([[{"verdict": v}] for v in said[:count_of]], 9, risk=0.2):
            count_of += more
        changed += Counter(said[:count_of]).most_common(1)[0][0] != Counter(said).most_common(1)[0][0]
    assert count.saved.changed == changed > 0
    assert {row["id"] for row in audited} != {row["id"] for row in ROWS if risky.audits(1, [row])}
    told = saved.told(count.saved)["changed"]
    assert (told["audited"], told["changed"]) == (len(audited), changed)
    assert told["share"]["low"] < changed / len(audited) < told["share"]["high"]


def test_of_an_audit_only_the_audited_rows_differ(tmp_path: Path) -> None:
    with_it = go(tmp_path, ROWS, Stop(majority, {"risk": 0.1, "audit": 0.1}), {"x": coin}, n=9)[0]
    without = go(tmp_path, ROWS, Stop(majority, {"risk": 0.1, "audit": 0.0}), {"x": coin}, n=9)[0]
    more = {row["id"] for row in with_it} - {row["id"] for row in without}
    assert not {row["id"] for row in without} - {row["id"] for row in with_it}
    audited = {row["prompt_id"] for row in ROWS if Stop(majority, {"risk": 0.1, "audit": 0.1}).audits(0, [row])}
    assert {name.partition(".")[0] for name in more} <= audited


# --- what is told ---------------------------------------------------------------------------


def of(stop: str, spared: int, fixed: int, changed: Any = 0) -> dict[str, Any]:
    return {"stop": stop, "settings": {}, "asked": fixed - spared, "fixed": fixed, "spared": spared, "changed": changed}


AUDIT = {"audited": 412, "changed": 3, "share": {"value": 3 / 412, "low": 0.002, "high": 0.021, "n": 412}}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([of("first_agreeing", 1200, 1600), {}, of("lazy_order", 34, 400)],
         "saved 1,234 of 2,000 calls: first_agreeing 1,200, lazy_order 34"),
        ([of("majority", 4, 10), of("majority", 5, 10)], "saved 9 of 20 calls: majority 9"),
        ([of("majority", 4, 10, AUDIT)],
         "saved 4 of 10 calls: majority 4; of majority's 412 audited decisions 3 changed (0.7%, 95 %: 0.2% to 2.1%)"),
        ([of("race", 4, 10, {"audited": 0, "changed": 0, "share": None})],
         "saved 4 of 10 calls: race 4; of race's 0 audited decisions 0 changed"),
        ([of("majority", 0, 10)], ""),
        ([{}], ""),
    ],
)  # fmt: skip
def test_one_line_says_what_was_saved(steps: list[dict[str, Any]], said: str) -> None:
    assert saved.line(steps) == said


def test_counts_of_shards_add_up() -> None:
    one, other = Count(), Count()
    other.saved = saved.Saved(Stop(majority), 3, 5, 2, 1)
    one.add(other)
    one.add(other)
    assert one.saved == saved.Saved(Stop(majority), 6, 10, 4, 2)


# --- names and settings ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "stop"),
    [
        ("majority", Stop(majority)),
        ({"majority": {}}, Stop(majority)),
        ({"majority": {"risk": 0.01}}, Stop(majority, {"risk": 0.01})),
        ({"race": {"z": 2, "start": 4}}, Stop(race, {"z": 2, "start": 4})),
    ],
)
def test_a_stop_is_found_with_its_settings(said: Any, stop: Stop) -> None:
    assert find(said) == (stop, [])


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("majorty", "no stop 'majorty'; did you mean 'majority'?"),
        ({"majorty": {"risk": 0.01}}, "no stop 'majorty'; did you mean 'majority'?"),
        ({"majority": {"risc": 0.01}}, "majority has no setting 'risc'; did you mean 'risk'?"),
        ({"majority": {"risk": 0.7}}, "majority: risk is 0.7; input should be less than 0.5"),
        ({"race": {"start": 1}}, "race: start is 1; input should be greater than or equal to 2"),
        ({"lazy_order": {"risk": 0.1}}, "lazy_order has no setting 'risk'; "),
        ({"majority": {}, "race": {}}, "stop names 2 stops; write {majority: {risk: 0.01}}, or a name alone"),
        ({"majority": 3}, "stop: the settings of majority are 3; write {majority: {risk: 0.01}}"),
        ({7: {}}, "no stop '7'; choose from"),
        ({}, "stop names 0 stops; write {majority: {risk: 0.01}}, or a name alone"),
    ],
)
def test_a_wrong_one_is_told(said: Any, what: str) -> None:
    stop, (wrong,) = find(said)
    assert stop is None
    assert f"{wrong.what}; {wrong.cure}".startswith(what)


@pytest.mark.parametrize(
    ("function", "columns", "lacking"),
    [
        (first_agreeing, ["verdict", "gold"], ""),
        (first_agreeing, ["verdict"], "gold"),
        (race, ["prompt_id", "score"], ""),
        (race, ["prompt_id"], "score"),
        (race, ["score"], "prompt_id"),
        (lazy_order, ["pair_id", "verdict"], "gold"),
        (majority, ["score"], "verdict"),
    ],
)
def test_what_it_reads_must_be_there(function: Any, columns: list[str], lacking: str) -> None:
    assert lacks(Stop(function), columns) == lacking


def test_a_stop_of_somebody_s_that_never_wants_a_row_has_a_reason_too(tmp_path: Path) -> None:
    def least(rows: Sequence[Row], n: int, settings: Mapping[str, Any]) -> int:
        return 0

    @of_group("prompt_id", least=least)
    def never(rows: Sequence[Row], drawn: Sequence[Drawn], n: int) -> Sequence[int]:
        return [0] * len(rows)

    _, lost, count = go(tmp_path, pairs("p1"), Stop(never), {"x": noisy})
    assert {row["dropped"] for row in lost} == {f"spared: {NOT_WANTED}"}
    assert (count.drawn, count.rows_used, count.unanswered) == (0, 0, 0)


# --- a whole run ----------------------------------------------------------------------------

STEPS = {
    "prompts": do("load", [{"prompt": f"why {i}?"} for i in range(12)]),
    "responses": do("answer", "prompts", model="it", n=5),
    "scored": do("score", "responses", model="it", n=8, stop={"race": {"z": 0.7, "audit": 0.5}}),
    "means": do("mean", "scored"),
    "pairs": do("best_worst", "means"),
    "orders": do("both_orders", "pairs"),
    "judgments": do("compare", "orders", model="it", n=3, stop="lazy_order"),
    "agreed": do("verdict_agreement", "judgments", share=1, at_least=2),
}
RECIPE = Recipe(name="r", models={"it": {"use": "fake/it"}}, steps=STEPS, write={"preferences": "agreed"})


def bytes_of(done: Run) -> dict[str, bytes]:
    return {
        path.relative_to(done.folder).as_posix(): path.read_bytes()
        for part in ("dataset", "tables")
        for path in sorted((done.folder / part).rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize("shard", [1, 5])
def test_a_run_with_such_stops_is_the_same_however_it_is_cut_and_after_a_stop_in_the_middle(
    shard: int, tmp_path: Path
) -> None:
    whole = run(RECIPE, tmp_path / "whole", fakes={"it": unmarked(writes)}, shard=12, side_by_side=1)
    with pytest.raises(BudgetReached):
        run(RECIPE, tmp_path / "run", fakes={"it": unmarked(writes)}, shard=shard, max_calls=150)
    done = run(RECIPE, tmp_path / "run", fakes={"it": unmarked(writes)}, shard=shard)
    assert bytes_of(done) == bytes_of(whole)
    said = [json.loads((one.folder / "run.json").read_text())["steps"] for one in (whole, done)]
    saved_by = [{step["table"]: step["saved"] for step in steps if "saved" in step} for steps in said]
    assert saved_by[0] == saved_by[1]
    assert saved_by[0]["scored"]["spared"] > 0 < saved_by[0]["judgments"]["spared"]
    assert saved_by[0]["scored"]["changed"]["audited"] > 0 == saved_by[0]["judgments"]["changed"]
    assert replay(done.folder, recipe=RECIPE, fakes={"it": unmarked(writes)}).equal
