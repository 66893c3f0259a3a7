"""Pairs of runs: what became of each, pages, filters, samples; against what a few plain lines make of the tables."""

import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen.browse.lineage import Lineage
from prefgen.browse.pairs import Filters, PairTable
from prefgen.browse.rows import tables as shown_tables
from prefgen.comparison.sides import opened as compared
from prefgen.errors import RunError
from prefgen.report import figures
from tests.browse.planted import best_of_n, cascade, pairs, plain_run, rlcd, tables, talk, written
from tests.shipped import Shipped
from tests.test_recipes import NAMES, PRESETS

ALL = 1 << 30


def rows_of(table: PairTable, **filters: Any) -> list[dict[str, Any]]:
    found = table.page(Filters(**filters), 0, ALL)
    assert found["total"] == len(found["rows"])
    rows: list[dict[str, Any]] = found["rows"]
    return rows


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


# --- every recipe ---------------------------------------------------------------------------

PAIRS = {
    "best-of-n": "extremes", "cascade": "pairs", "constitutional": "pairs", "evalplanner": "pairs",
    "meta-rewarding": "pairs", "panel": "pairs", "quickstart": "pairs", "rewardbench": "pairs", "rlcd": "pairs",
    "rubric": "pairs", "self-rewarding": "pairs", "self-taught-evaluators": "pairs", "temporal": "pairs",
    "ultrafeedback": "pairs",
}  # fmt: skip
"""The table that makes the pairs of each recipe; the others have none."""
NOT_JUDGED = {"constitutional"}
DOWN = {
    "self-rewarding": ["pairs", "scores", "judgments", "responses", "prompts", "prompts1", "novel1", "all1", "sound1", "written1", "shots1"],
    "constitutional": ["pairs", "revisions2", "critiques2", "drawn2", "revisions1", "critiques1", "drawn1", "drafts", "prompts"],
    "ultrafeedback": ["pairs", "scores", "judgments", "shown", "responses", "drawn", "prompts"],
    "temporal": ["pairs", "scores", "judgments", "both", "new", "prompts"],
    "self-taught-evaluators": ["pairs", "responses", "prompts", "labelled", "all"],
    "evalplanner": ["pairs", "responses", "prompts"],
}  # fmt: skip
"""The first way down from a pair to where it began."""


def check(name: str, preset: str | None, shipped: Shipped) -> None:
    done = shipped.done(name, preset)
    table = PairTable(done.folder)
    rows, made = rows_of(table), PAIRS.get(name)
    assert ids(rows) == ([row["id"] for row in tables(done, made)[0]] if made else [])
    if "preferences" in done.configs:
        kept = pl.read_parquet(done.dataset / "preferences" / "*.parquet")["pair_id"].to_list()
        assert sorted(row["id"] for row in rows if row["state"] == "kept") == sorted(kept)
    facets = table.facets()
    assert sum(facets["states"].values()) == table.total == len(rows)
    assert sum(facets["reasons"].values()) == facets["states"]["dropped"]
    json.dumps(table.sample(4, 0, 100), allow_nan=False)
    judged = [row for row in rows if row["judgments"]]
    assert bool(judged) == bool(made and name not in NOT_JUDGED and preset != "paper" and rows)
    for row in rows:
        assert row["prompt"]
        assert row["chosen"] != row["rejected"]
        assert all(one["judge"] or one["unreadable"] for one in row["judgments"])
    if rows:
        behind = Lineage(table.made).of_pair(table, rows[0]["id"])
        down = [one["table"] for depth, one in enumerate(behind) if one["depth"] == depth]
        assert preset or down[: len(DOWN.get(name, ()))] == DOWN.get(name, [])
        assert all(reply["text"] for one in behind for reply in one["replies"])


SLOW = {"best-of-n", "cascade", "panel", "rlcd", "rubric", "self-rewarding"}
"""Recipes whose like is tested below, or among the others, and one that takes as long as three."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in NAMES])
def test_every_recipe_has_its_pairs(name: str, shipped: Shipped) -> None:
    check(name, None, shipped)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_every_preset_has_its_pairs(name: str, preset: str, shipped: Shipped) -> None:
    check(name, preset, shipped)


# --- states and judgments, exactly ------------------------------------------------------------


def reasons(lost: list[dict[str, Any]], pair: str) -> str | None:
    return "; ".join(sorted({row["dropped"] for row in lost if row["id"].startswith(f"{pair}.")})) or None


def test_a_pair_is_dropped_where_its_last_judgment_was(tmp_path: Path) -> None:
    done = rlcd(tmp_path)
    expected: dict[str, tuple[str, str | None, str | None]] = {}
    for row in tables(done, "pairs")[0]:
        pair, expected[row["id"]] = row["id"], ("kept", None, None)
        for step in ("orders", "judgments", "checked"):
            there, lost = tables(done, step)
            if not any(one["pair_id"] == pair for one in there):
                expected[pair] = ("dropped", step, reasons(lost, pair))
                break
    rows = rows_of(PairTable(done.folder))
    assert {row["id"]: (row["state"], row["step"], row["reason"]) for row in rows} == expected
    assert len({one[2] for one in expected.values()}) > 2  # what is not told apart cannot be wrong


def test_a_cascade_drops_a_pair_at_its_last_judge(tmp_path: Path) -> None:
    done = cascade(tmp_path)
    kept, lost = tables(done, "kept")
    both, (_, unsettled) = {row["pair_id"] for row in tables(done, "judgments")[0]}, tables(done, "settled")
    second = {row["pair_id"] for row in tables(done, "second")[0]}
    for row in rows_of(PairTable(done.folder)):
        if row["id"] in {one["pair_id"] for one in kept}:
            assert row["state"] == "kept"
        elif row["id"] in both:
            assert (row["step"], row["reason"]) == ("kept", reasons(lost, row["id"]))
        elif row["id"] in second:
            assert (row["step"], row["reason"]) == ("settled", reasons(unsettled, row["id"]))
        else:
            assert row["step"] == "second"


def test_judgments_are_the_tables(tmp_path: Path) -> None:
    done = cascade(tmp_path)
    made = {name: tables(done, name) for name in ("first", "second")}
    unread = 0
    for row in rows_of(PairTable(done.folder)):
        expected: dict[tuple[str, str], tuple[Any, ...]] = {}
        for name, (there, lost) in made.items():
            for one in there:
                if one["pair_id"] == row["id"]:
                    first = "chosen" if one["gold"] == "A" else "rejected"
                    verdict = one["verdict"] and ("chosen" if one["verdict"] == one["gold"] else "rejected")
                    expected[name, one["id"]] = (one["judge_model"], verdict, first, one["judgment"], None)
            for one in lost:
                if one["id"].startswith(f"{row['id']}.") and one["dropped"] == "missing":
                    judge, text = None, one["detail"]
                    if kept := expected.get((name, one["id"])):
                        judge, text = kept[0], kept[3]
                    first = "chosen" if ".ab." in one["id"] else "rejected"
                    expected[name, one["id"]] = (judge, None, first, text, "missing")
                    unread += 1
        found = {
            (one["table"], one["id"]): tuple(one[key] for key in ("judge", "verdict", "first", "text", "unreadable"))
            for one in row["judgments"]
        }
        assert found == expected
        said = {verdict for _, verdict, *_ in expected.values() if verdict}
        assert row["disagreement"] == (len(said) == 2)
    assert unread


def test_scores_are_those_of_both_responses(tmp_path: Path) -> None:
    done = best_of_n(tmp_path)
    responses = {row["id"]: row["response"] for row in tables(done, "responses")[0]}
    judged, lost = tables(done, "judgments")
    widest = {row["id"] for row in tables(done, "pairs")[0]}
    for row in rows_of(PairTable(done.folder)):
        assert row["state"] == ("kept" if row["id"] in widest else "dropped")
        assert math.isclose(row["gap"], row["chosen_score"] - row["rejected_score"])
        for side in ("chosen", "rejected"):
            own = [one for one in row["judgments"] if one["of"] == side]
            told = [(one["id"], one["score"]) for one in own if not one["unreadable"]]
            there = [one for one in judged if one["response"] == row[side] and one["prompt_id"] == row["prompt_id"]]
            assert told == [(one["id"], one["score"]) for one in there]
            mumbled = [one for one in lost if responses[one["id"].rpartition(".")[0]] == row[side]]
            assert len([one for one in own if one["unreadable"]]) == len(mumbled)
        low = min(one["score"] for one in row["judgments"] if one["of"] == "chosen" and not one["unreadable"])
        high = max(one["score"] for one in row["judgments"] if one["of"] == "rejected" and not one["unreadable"])
        assert row["disagreement"] == (high > low)


# --- chains that no shipped recipe has ----------------------------------------------------------


def test_two_tables_of_pairs_become_one(tmp_path: Path) -> None:
    a, b = (pairs([(f"{name}{n}?", f"good {name}{n}", f"bad {name}{n}") for n in range(3)]) for name in "ab")
    thin = b.filter(pl.col("id") != b["id"][1])
    gone = b.select("prompt_id", "id", dropped=pl.lit("too thin"), detail=pl.lit(None, pl.String))[1:2]
    both = pl.concat(
        [frame.with_columns(id=pl.col("id") + f".{n}", part=pl.lit(n)) for n, frame in enumerate((a, thin))]
    )
    last = both.filter(pl.col("id") != both["id"][0])
    lost = both.select("prompt_id", "id", dropped=pl.lit("unlucky"), detail=pl.lit(None, pl.String))[:1]
    frames = {"a": a, "b": b, "thin": thin, "thin.dropped": gone, "both": both, "last": last, "last.dropped": lost}
    steps = [("a", "contrast", []), ("b", "perturb", []), ("thin", "length_ratio", ["b"]), ("both", "concat", ["a", "thin"]), ("last", "one_of", ["both"])]  # fmt: skip
    tmp_path.mkdir(exist_ok=True)
    table = PairTable(written(tmp_path, frames, steps, {"preferences": "last"}))
    found = {row["chosen"]: (row["id"], row["step"], row["reason"]) for row in rows_of(table)}
    first, second, third = (f"{n:016x}.0" for n in range(3))
    assert found == {
        "good a0": (f"{first}.0", "last", "unlucky"),
        "good a1": (f"{second}.0", None, None),
        "good a2": (f"{third}.0", None, None),
        "good b0": (f"{first}.1", None, None),
        "good b1": (f"{second}.1", "thin", "too thin"),
        "good b2": (f"{third}.1", None, None),
    }
    assert [table.row(one)["id"] for one, _, _ in found.values()] == [one for one, _, _ in found.values()]  # type: ignore[index]


def test_pairs_of_judgments_where_there_are_no_others(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "prompt_id": ["p"],
            "id": ["p.0-1"],
            "asked": [[*talk("Which?"), {"role": "assistant", "content": "Hm."}, *talk("Well?")]],
            "chosen_judgment": ["Score: 5"],
            "rejected_judgment": ["Score: 1"],
            "chosen_judgment_score": [5.0],
            "rejected_judgment_score": [math.nan],
        }
    )
    table = PairTable(written(tmp_path, {"two": frame}, [("two", "judgment_pairs", [])], {"judge_preferences": "two"}))
    (row,) = rows_of(table)
    assert (row["chosen"], row["rejected"], row["chosen_score"], row["rejected_score"], row["gap"]) == (
        "Score: 5", "Score: 1", 5.0, None, None,
    )  # fmt: skip
    assert [turn["content"] for turn in row["prompt"]] == ["Which?", "Hm.", "Well?"]


@pytest.mark.parametrize("told", [True, False])
def test_a_run_that_was_stopped_shows_what_is_there(told: bool, tmp_path: Path) -> None:
    done = rlcd(tmp_path)
    account = json.loads((done.folder / "run.json").read_text())
    for name in ("checked.parquet", "checked.dropped.parquet"):
        (done.folder / "tables" / name).unlink()
        del account["sha256"][f"tables/{name}"]
    (done.folder / "run.json").write_text(json.dumps(account))
    if not told:
        (done.folder / "run.json").unlink()
        (done.folder / "recipe.yaml").unlink()
    table = PairTable(done.folder)
    judged = {row["pair_id"] for row in tables(done, "judgments")[0]}
    assert {row["id"] for row in rows_of(table, state="kept")} == judged
    assert table.total == 70


def test_a_table_that_is_gone_is_told_whoever_looks(tmp_path: Path) -> None:
    done = cascade(tmp_path)
    (done.folder / "tables" / "pairs.parquet").unlink()
    for look in (PairTable, shown_tables, figures, compared):
        with pytest.raises(RunError, match=r"tables/pairs\.parquet: is gone; run the recipe again, which asks nothing"):
            look(done.folder)


def test_an_older_run_says_in_its_recipe_what_was_made_of_what(tmp_path: Path) -> None:
    done = cascade(tmp_path)
    now = rows_of(PairTable(done.folder))
    path = done.folder / "run.json"
    told = json.loads(path.read_text())
    del told["write"]
    told["steps"] = [{key: value for key, value in step.items() if key != "inputs"} for step in told["steps"]]
    path.write_text(json.dumps(told))
    assert rows_of(PairTable(done.folder)) == now


def test_what_is_no_run_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run is here"):
        PairTable(tmp_path / "nowhere")
    (tmp_path / "take-5").mkdir()
    (tmp_path / "take-5" / "run.json").write_text("{}")
    with pytest.raises(RunError, match=r"only pilots are here; name one, such as .*take-5"):
        PairTable(tmp_path)
    done = rlcd(tmp_path / "x")
    (done.folder / "tables" / "pairs.parquet").write_bytes(b"PAR1 not PAR1")
    with pytest.raises(RunError, match=r"pairs.parquet: cannot be read .*run the recipe again"):
        PairTable(done.folder)
    for damaged in (
        "{",
        "[]",
        '{"steps": 3}',
        '{"steps": [3]}',
        '{"steps": [{"table": "pairs", "inputs": 3}]}',
        '{"write": [1]}',
    ):
        (done.folder / "run.json").write_text(damaged)
        with pytest.raises(RunError, match=r"run\.json: is damaged"):
            PairTable(done.folder)


@pytest.mark.parametrize("keeps", [True, False])
def test_a_verb_of_somebodys_may_make_pairs_anew(keeps: bool, tmp_path: Path) -> None:
    first = pairs([(f"q{n}?", f"good {n}", f"bad {n}") for n in range(3)])
    names = pl.col("id") + ".x" if keeps else pl.format("mine-{}", pl.col("id"))
    second = first[1:].with_columns(id=names)
    steps = [("first", "perturb", []), ("second", "verbs.py:mine", ["first"])]
    table = PairTable(written(tmp_path, {"first": first, "second": second}, steps, {"preferences": "second"}))
    states = [(row["chosen"], row["state"], row["step"]) for row in rows_of(table)]
    kept = [("good 1", "kept", None), ("good 2", "kept", None)]
    assert states == ([("good 0", "dropped", "second"), *kept] if keeps else kept)


def test_columns_of_other_types_are_shown_as_they_are(tmp_path: Path) -> None:
    """A verb of somebody's may call numbers and texts as ours are called."""
    frame = pairs([("q?", "good", "bad")], category=[7], chosen_score=["4"], rejected_score=["much"]).with_columns(
        prompt=pl.lit("a text"), chosen_model=pl.lit(3)
    )
    judged = pl.DataFrame({"prompt_id": ["0" * 16], "id": ["x"], "pair_id": [f"{0:016x}.0"], "verdict": [1], "gold": [0], "judge_model": [5]})  # fmt: skip
    steps = [("pairs", "mine", []), ("judged", "compare", ["pairs"])]
    table = PairTable(written(tmp_path, {"pairs": frame, "judged": judged}, steps, {"preferences": "pairs"}))
    (row,) = rows_of(table)
    assert (row["prompt"], row["category"], row["gap"]) == (talk("a text"), "7", None)
    assert [(one["judge"], one["verdict"]) for one in row["judgments"]] == [("5", "tie")]
    assert rows_of(table, q="TEXT", category="7") == [row]


def test_a_strangers_run_leads_nowhere_else(tmp_path: Path) -> None:
    plain_run(tmp_path / "other", pairs([("a?", "b", "c")]))
    folder = plain_run(tmp_path / "run", pairs([("d?", "e", "f")]))
    steps = [{"table": "../../other/tables/pairs", "verb": "load_pairs"}, {"table": "pairs", "verb": "load_pairs"}]
    (folder / "run.json").write_text(json.dumps({"steps": steps}))
    assert [row["chosen"] for row in rows_of(PairTable(folder))] == ["e"]


# --- pages and filters ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> PairTable:
    """1,200 pairs of three kinds, some dropped for two reasons, some without scores, one in three disputed."""
    chance = random.Random(3)
    n = 1200
    scores = [None if i % 8 == 0 else round(chance.uniform(0, 5), 1) for i in range(n)]
    texts = [
        (f"Question {i} of {'Ärger' if i % 50 == 0 else 'joy'}?", f"good {i}", f"bad {i * 7 % 31}") for i in range(n)
    ]
    kinds = [(None, "a (b)", "c")[i % 3] for i in range(n)]
    made = pairs(texts, category=kinds, chosen_score=scores, rejected_score=[1.5] * n)
    why = [None if i % 4 else ("dull", "loud")[i // 4 % 2] for i in range(n)]
    marked = made.with_columns(dropped=pl.Series(why, dtype=pl.String), detail=pl.lit(None, pl.String))
    kept = made.filter(pl.Series([one is None for one in why]))
    lost = marked.filter(pl.col("dropped").is_not_null()).select("prompt_id", "id", "dropped", "detail")
    orders = pl.concat(
        [
            made.select(
                "prompt_id", "chosen", "rejected", id=pl.col("id") + f".{order}", pair_id="id", gold=pl.lit(gold),
                verdict=pl.Series([("A" if i % 3 else gold) for i in range(n)]), judge_model=pl.lit("j"), judgment=pl.lit("so"),
            )
            for order, gold in (("ab", "A"), ("ba", "B"))
        ]
    ).sort("pair_id", maintain_order=True)  # fmt: skip
    frames = {"made": made, "judged": orders, "kept": kept, "kept.dropped": lost}
    steps = [("made", "perturb", []), ("judged", "compare", ["made"]), ("kept", "score_gap", ["made"])]
    folder = tmp_path_factory.mktemp("world")
    return PairTable(written(folder, frames, steps, {"preferences": "kept"}))


@pytest.fixture(scope="module")
def every(world: PairTable) -> list[dict[str, Any]]:
    """All pairs of the world, as they were made."""
    return rows_of(world)


def test_pages_in_their_order_are_the_whole_table(world: PairTable) -> None:
    made = pl.read_parquet(world.folder / "tables" / "made.parquet")
    found: list[dict[str, Any]] = []
    for offset in range(0, 1300, 130):
        page = world.page(Filters(), offset, 130)
        assert page["total"] == 1200
        found += page["rows"]
    assert ids(found) == made["id"].to_list()
    assert [row["rejected"] for row in found] == made["rejected"].to_list()
    assert world.page(Filters(), 5000, 10)["rows"] == []


CONDITIONS: list[tuple[dict[str, Any], Any]] = [
    ({"category": "a (b)"}, lambda row: row["category"] == "a (b)"),
    ({"category": "nothing"}, lambda row: False),
    ({"state": "kept"}, lambda row: row["state"] == "kept"),
    ({"state": "dropped", "category": "c"}, lambda row: row["state"] == "dropped" and row["category"] == "c"),
    ({"reason": "kept: dull"}, lambda row: row["reason"] == "dull"),
    ({"min_gap": 2}, lambda row: row["gap"] is not None and row["gap"] >= 2),
    ({"min_gap": -1, "max_gap": 0.25}, lambda row: row["gap"] is not None and -1 <= row["gap"] <= 0.25),
    ({"disagreement": True}, lambda row: row["disagreement"]),
    ({"disagreement": False}, lambda row: not row["disagreement"]),
    ({"q": "GOOD 77"}, lambda row: "good 77" in row["chosen"]),
    ({"q": "ärger"}, lambda row: "Ärger" in row["prompt"][0]["content"]),
    ({"q": "bad 3", "state": "kept", "disagreement": True}, lambda row: "bad 3" in row["rejected"] and row["state"] == "kept" and row["disagreement"]),
    ({"q": "a.*b"}, lambda row: False),
    ({"q": "00000000000000a"}, lambda row: row["id"].startswith("00000000000000a")),
]  # fmt: skip


@pytest.mark.parametrize(("filters", "holds"), CONDITIONS, ids=[str(filters) for filters, _ in CONDITIONS])
def test_filters_find_what_plain_python_finds(
    world: PairTable, every: list[dict[str, Any]], filters: dict[str, Any], holds: Any
) -> None:
    found = rows_of(world, **filters)
    assert ids(found) == [row["id"] for row in every if holds(row)]
    assert world.page(Filters(**filters), 3, 5)["rows"] == found[3:8]


@pytest.mark.parametrize("sort", ["gap", "-gap"])
def test_gaps_are_sorted_and_what_has_none_comes_last(world: PairTable, sort: str) -> None:
    gaps = [row["gap"] for row in rows_of(world, sort=sort, category="c")]
    known = [gap for gap in gaps if gap is not None]
    assert known == sorted(known, reverse=sort == "-gap")
    assert gaps == known + [None] * (len(gaps) - len(known))
    assert 0 < len(known) < len(gaps)


def test_those_that_are_disputed_come_first_where_one_asks_so(world: PairTable, every: list[dict[str, Any]]) -> None:
    found = rows_of(world, sort="disagreement")
    disputed = [row["disagreement"] for row in found]
    assert disputed == sorted(disputed, reverse=True)
    assert sorted(ids(found)) == sorted(ids(every))


def test_facets_count_what_there_is(world: PairTable, every: list[dict[str, Any]]) -> None:
    facets = world.facets()
    kinds = [row["category"] for row in every if row["category"]]
    assert facets["categories"] == {name: kinds.count(name) for name in ("a (b)", "c")}
    why = [f"{row['step']}: {row['reason']}" for row in every if row["state"] == "dropped"]
    assert facets["reasons"] == {name: why.count(name) for name in ("kept: dull", "kept: loud")}
    gaps = [row["gap"] for row in every if row["gap"] is not None]
    assert facets["gap"] == [min(gaps), max(gaps)]
    assert facets["disagreement"] == sum(row["disagreement"] for row in every) == 800
    assert (facets["judges"], facets["marks"]) == (["j"], 0)


@pytest.mark.parametrize("wrong", [{"sort": "size"}, {"state": "gone"}, {"mark": "maybe"}])
def test_a_filter_that_there_is_not_is_told_with_those_there_are(wrong: dict[str, str]) -> None:
    with pytest.raises(RunError, match=f"{next(iter(wrong))} is .*choose from|did you mean"):
        Filters(**wrong)  # type: ignore[arg-type]


# --- samples and long texts -------------------------------------------------------------------


def test_a_sample_is_the_same_each_time_and_spread_over_all(world: PairTable, every: list[dict[str, Any]]) -> None:
    one, again = world.sample(200, 1, 50), PairTable(world.folder).sample(200, 1, 50)
    assert one == again
    assert (one["of"], one["shown"], one["cut_at"]) == (1200, 200, 50)
    place = {name: n for n, name in enumerate(ids(every))}
    places = [place[name] for name in ids(one["rows"])]
    assert places == sorted(places)
    assert 480 < sum(places) / 200 < 720
    assert set(ids(world.sample(200, 2, 50)["rows"])) != set(ids(one["rows"]))
    assert set(ids(one["rows"])) < set(ids(world.sample(300, 1, 50)["rows"]))
    assert world.sample(9999, 1, 50)["shown"] == 1200


def test_long_texts_are_cut_and_their_whole_length_is_said(tmp_path: Path) -> None:
    frame = pairs([("?" * 70, "é" * 120, "short")]).with_columns(
        prompt=pl.Series([[*talk("a" * 30), {"role": "assistant", "content": "b" * 30}, *talk("c" * 30)]])
    )
    table = PairTable(plain_run(tmp_path, frame))
    (row,) = table.page(Filters(), 0, 1, 50)["rows"]
    assert row["cut"] == {"chosen": 120, "prompt": 90}
    assert (row["chosen"], row["rejected"]) == ("é" * 50, "short")
    assert [turn["content"] for turn in row["prompt"]] == ["a" * 30, "b" * 20]
    whole = table.row(row["id"])
    assert whole
    assert (len(whole["chosen"]), whole["cut"], len(whole["prompt"])) == (120, {}, 3)


MEMORY = """
import os, sys
os.environ.update({"ARROW_DEFAULT_MEMORY_POOL": "jemalloc", "_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0"})
import json
from prefgen.browse.lineage import Lineage
from prefgen.browse.pairs import Filters, PairTable
from prefgen.browse.rows import tables as shown_tables
from prefgen.comparison.sides import opened as compared
table = PairTable(sys.argv[1])
pages = [table.page(Filters(), at, 50, 20000) for at in (0, 150000, 299990)]
some = table.page(Filters(q="answer 222222 "), 0, 50, 20000)
gaps = table.page(Filters(state="dropped", sort="-gap"), 100, 50, 20000)
table.sample(500, 0, 2000)
told = [[row["id"] for row in page["rows"]] for page in (*pages, some)]
most = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) // 1024  # of this program alone
json.dump([told, some["rows"][0]["judgments"], gaps["total"], most], sys.stdout)
"""


@pytest.mark.slow
def test_very_many_rows_are_paged_without_being_held(tmp_path: Path) -> None:
    """A reader holds 145 MB with none, and 180 bytes more for each pair, whose texts are two thousand."""
    from tests.browse.many import million

    folder, dropped = million(tmp_path, 300_000)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(folder)], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )  # fmt: skip
    (first, middle, end, found), judgments, gone, most = json.loads(done.stdout)
    assert first == [f"{n:016d}.0" for n in range(50)]
    assert middle == [f"{n:016d}.0" for n in range(150_000, 150_050)]
    assert end == [f"{n:016d}.0" for n in range(299_990, 300_000)]
    assert found == [f"{222_222:016d}.0"]
    assert [one["id"] for one in judgments] == [f"{222_222:016d}.0.{order}.0" for order in ("ab", "ba")]
    assert gone == dropped
    assert most < 300, "megabytes; the texts alone are six hundred"
