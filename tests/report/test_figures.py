"""The figures of planted runs, each held against a few lines that compute it anew from the run's tables."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import Recipe, do, run
from prefgen.errors import RowFailed, RunError
from prefgen.llm.request import Request
from prefgen.report import figures, lines
from prefgen.report.categories import Categories
from prefgen.report.folder import RunFolder
from prefgen.report.way import made
from prefgen.run import Run
from prefgen.verbs import answer, both_orders, compare, concat, length_ratio, load, load_pairs, perturb
from tests.report.conftest import Runs
from tests.worlds import perturber, questions, whole

NAMES = ("judged", "jury", "scored", "pooled")


def rows(run: Run, table: str) -> list[dict[str, Any]]:
    return pl.read_parquet(run.folder / "tables" / f"{table}.parquet").to_dicts()


def lost(run: Run, table: str) -> list[dict[str, Any]]:
    return rows(run, f"{table}.dropped")


def told(run: Run) -> Any:
    return json.loads((run.folder / "run.json").read_text())


def wilson(right: int, n: int) -> tuple[float, float, float]:
    """A share and its 95% interval."""
    z, p = 1.959963984540054, right / n
    middle, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return p, (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)


def is_share(found: Mapping[str, Any], right: int, n: int) -> bool:
    return found["n"] == n and [found[key] for key in ("value", "low", "high")] == pytest.approx(wilson(right, n))


def longer(pairs: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """In how many pairs the chosen one is longer, of how many unequal ones."""
    sizes = [(len(one["chosen"]), len(one["rejected"])) for one in pairs]
    return sum(a > b for a, b in sizes), sum(a != b for a, b in sizes)


# --- rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_kept_and_dropped_are_all(name: str, runs: Runs) -> None:
    """Of rows, and of replies; and each number is that of rows in a table."""
    run = runs(name)
    for step in figures(run.folder)["funnel"]:
        gone = Counter(row["dropped"] for row in lost(run, step["table"]))
        assert step["rows_in"] == step["used"] + sum(step["dropped"].values()) + step["unanswered"]
        assert step["drawn"] == step["read"] + sum(step["unreadable"].values()) + sum(step["failed"].values())
        assert gone == Counter(step["dropped"]) + Counter(step["unreadable"]) + Counter(step["failed"])
        made = rows(run, step["table"])
        assert (step["rows_out"], step["prompts"]) == (len(made), len({row["prompt_id"] for row in made}))
        if step["inputs"] and not step["drawn"]:
            assert step["rows_in"] == sum(len(rows(run, one)) for one in step["inputs"])


def test_what_is_used_goes_on(runs: Runs) -> None:
    """A judge's rows that brought a judgment are those whose ids go on in its table."""
    run = runs("judged")
    step = {one["table"]: one for one in figures(run.folder)["funnel"]}["judgments"]
    used = {row["id"].rpartition(".")[0] for row in rows(run, "judgments")}
    assert (step["used"], step["unanswered"]) == (len(used), len(rows(run, "orders")) - len(used))


# --- pairs ----------------------------------------------------------------------------------


def written(run: Run) -> list[dict[str, Any]]:
    """The written pairs, with their responses as text."""
    found = pl.read_parquet(run.dataset / "preferences" / "*.parquet").to_dicts()
    return [one | {side: one[side][-1]["content"] for side in ("chosen", "rejected")} for one in found]


@pytest.mark.parametrize("name", NAMES)
def test_pairs_and_their_lengths(name: str, runs: Runs) -> None:
    run = runs(name)
    found, pairs = figures(run.folder)["pairs"], written(run)
    assert (found["pairs"], found["written"]) == (len(pairs), True)
    assert found["prompts"] == len({one["prompt_id"] for one in pairs})
    assert is_share(found["longer"], *longer(pairs))
    for side in ("chosen", "rejected"):
        assert found[f"{side}_characters"] == pytest.approx(sum(len(one[side]) for one in pairs) / len(pairs), abs=0.05)
    squares, edges = found["lengths"]["squares"], found["lengths"]["edges"]
    assert sum(n for *_, n in squares) == len(pairs)
    for i, j, n in squares:
        inside = [
            one
            for one in pairs
            if edges[i] <= len(one["rejected"]) < edges[i + 1] and edges[j] <= len(one["chosen"]) < edges[j + 1]
        ]
        assert len(inside) == n


@pytest.mark.parametrize("name", ["scored", "pooled"])
def test_scores_and_gaps(name: str, runs: Runs) -> None:
    run = runs(name)
    found, pairs = figures(run.folder)["pairs"], written(run)
    for side in ("chosen", "rejected"):
        assert bars(found["scores"]["edges"], found["scores"][side]) == bars_of(
            found["scores"]["edges"], [one[f"{side}_score"] for one in pairs]
        )
    gaps = [one["chosen_score"] - one["rejected_score"] for one in pairs]
    assert found["gaps"]["n"] == found["scores"]["n"] == len(pairs)
    assert found["gaps"]["mean"] == pytest.approx(sum(gaps) / len(gaps))
    assert bars(found["gaps"]["edges"], found["gaps"]["counts"]) == bars_of(found["gaps"]["edges"], gaps)
    assert (found["gaps"]["equal"], found["gaps"]["reversed"]) == (gaps.count(0), sum(gap < 0 for gap in gaps))


def bars(edges: list[float], counts: list[int]) -> dict[float, int]:
    return {edges[place]: n for place, n in enumerate(counts) if n}


def bars_of(edges: list[float], values: list[float]) -> dict[float, int]:
    """The values by the edge below them; the last bin has its upper edge too."""
    below = Counter(max(edge for edge in edges[:-1] if edge <= value) for value in values)
    return dict(sorted(below.items()))


def test_pairs_without_scores_have_none(runs: Runs) -> None:
    found = figures(runs("judged").folder)["pairs"]
    assert "scores" not in found
    assert "gaps" not in found


def test_the_way_to_the_pairs_that_are_kept(runs: Runs) -> None:
    """A table of pairs stands on it where it has other pairs than the one it is made of."""
    run = runs("jury")
    first, kept = figures(run.folder)["way"]
    each = {row["pair_id"]: row for row in rows(run, "kept")}
    assert (first["table"], first["pairs"], kept["table"], kept["pairs"]) == ("pairs", 60, "kept", len(each))
    assert is_share(first["longer"], *longer(rows(run, "pairs")))
    assert is_share(kept["longer"], *longer(each.values()))


def test_before_length_control_the_best_is_held_against_the_worst(runs: Runs) -> None:
    run = runs("scored")
    before, after = figures(run.folder)["way"]
    of = defaultdict(list)
    for row in rows(run, "scores"):
        of[row["prompt_id"]].append(row)
    pairs = [
        {"chosen": max(some, key=score)["response"], "rejected": min(some, key=score)["response"]}
        for some in of.values()
        if max(map(score, some)) > min(map(score, some))
    ]
    assert (before["table"], before["verb"], before["pairs"]) == ("scores", "without", len(pairs))
    assert is_share(before["longer"], *longer(pairs))
    assert after["verb"] == "kept"
    assert is_share(after["longer"], *longer(rows(run, "pairs")))
    assert before["longer"]["value"] > after["longer"]["value"] + 0.1  # this judge likes long ones


def test_pairs_of_several_tables_are_made_in_all_of_them(tmp_path: Path) -> None:
    """The pairs before what drops some are those of both, and not of the first alone, or of the largest."""
    steps = {"prompts": do(load, questions(tmp_path, 30))}
    for one in "ab":
        steps |= {
            f"said_{one}": do(answer, "prompts", model="m"),
            f"pairs_{one}": do(perturb, f"said_{one}", model="m"),
        }
        steps |= {f"near_{one}": do(length_ratio, f"pairs_{one}", at_most=1.5)}
    steps["both"] = do(concat, ["near_a", "near_b"])
    done = run(
        Recipe(name="two", models={"m": {"use": "fake/m"}}, steps=steps, write={"preferences": "both"}),
        tmp_path / "run",
        fakes={"m": perturber()},
    )
    found, every = figures(done.folder), [*rows(done, "pairs_a"), *rows(done, "pairs_b")]
    number, before = made(found["way"])
    assert number == len(every) == 60 > found["pairs"]["pairs"]
    assert before is not None
    assert is_share(vars(before), *longer(every))
    assert f"{found['pairs']['pairs']} (of 60 pairs that were made" in " ".join(lines(found))


def test_pairs_that_length_control_would_have_left_out_are_not_made(runs: Runs) -> None:
    """Nor does it say how many there are before it."""
    run = runs("scored")
    found = figures(run.folder)
    number, before = made(found["way"])
    assert number == len(rows(run, "pairs"))
    assert before is not None
    assert vars(before) == found["way"][0]["longer"]


def score(row: Mapping[str, Any]) -> float:
    return float(row["score"])


# --- judges ---------------------------------------------------------------------------------


def first_said(run: Run) -> dict[tuple[str, str, str], str]:
    """The first verdict that could be read, of each judge, pair and order."""
    found: dict[tuple[str, str, str], str] = {}
    for row in rows(run, "judgments"):
        found.setdefault((row["judge_model"], row["pair_id"], row["gold"]), row["verdict"])
    return found


@pytest.mark.parametrize("name", ["judged", "jury"])
def test_position_bias_of_each_judge(name: str, runs: Runs) -> None:
    run = runs(name)
    said = first_said(run)
    for judge, one in figures(run.folder)["judges"]["judgments"]["judges"].items():
        both = {pair for j, pair, gold in said if j == judge and (judge, pair, "AB"["BA".index(gold)]) in said}
        verdicts = {(pair, gold): said[judge, pair, gold] for pair in both for gold in "AB"}
        assert one["first_shown"]["n"] == len(verdicts)
        assert one["first_shown"]["value"] == pytest.approx(sum(v == "A" for v in verdicts.values()) / len(verdicts))
        flips = sum(verdicts[pair, "A"] == verdicts[pair, "B"] for pair in both)
        assert is_share(one["flips"], flips, len(both))


def test_kappa_and_n_of_each_two_judges(runs: Runs) -> None:
    run = runs("jury")
    said, found = first_said(run), figures(run.folder)["judges"]["judgments"]
    for a, b in combinations(found["judges"], 2):
        both = [(v, said[b, pair, gold]) for (j, pair, gold), v in said.items() if j == a and (b, pair, gold) in said]
        agree = sum(x == y for x, y in both) / len(both)
        chance = sum(math.prod(sum(one[k] == v for one in both) / len(both) for k in (0, 1)) for v in "AB")
        assert found["both"][f"{a} | {b}"] == len(both)
        assert found["kappas"][f"{a} | {b}"] == pytest.approx((agree - chance) / (1 - chance))


# --- models, categories ---------------------------------------------------------------------


def test_who_is_chosen_where_two_models_meet(runs: Runs) -> None:
    run = runs("pooled")
    found, pairs = figures(run.folder)["pairs"]["models"], written(run)
    met = Counter((one["chosen_model"], one["rejected_model"]) for one in pairs)
    assert {(one["chosen"], one["rejected"]): one["n"] for one in found["met"]} == {
        two: n for two, n in met.items() if two[0] != two[1]
    }
    assert found["same"] == sum(n for (a, b), n in met.items() if a == b)
    assert found["strengths"] == told(run)["authors"]
    assert found["strengths"][0]["model"] == "fake/pool-3"


def test_strengths_are_where_no_battle_would_move_them(runs: Runs) -> None:
    """At the maximum of the likelihood each model has won as often as its strengths say (but for the prior, which pulls
    them together by a hundredth of a battle).
    """
    found = figures(runs("pooled").folder)["pairs"]["models"]
    at = {one["model"]: (one["elo"]["value"] - 1000) * math.log(10) / 400 for one in found["strengths"]}
    for model, strength in at.items():
        own = [one for one in found["met"] if model in {one["chosen"], one["rejected"]}]
        won = sum(one["n"] for one in own if one["chosen"] == model)
        others = [(one["n"], at[one["rejected" if one["chosen"] == model else "chosen"]]) for one in own]
        expected = sum(n / (1 + math.exp(other - strength)) for n, other in others)
        assert won == pytest.approx(expected, abs=0.05)


def test_category_by_category(runs: Runs) -> None:
    run = runs("judged")
    found = figures(run.folder)["categories"]
    of = {row["prompt_id"]: row["category"] for row in rows(run, "labelled")}
    pairs, said = written(run), first_said(run)
    unread = Counter(of[row["prompt_id"]] for row in lost(run, "judgments"))
    assert (found["column"], found["categories"]) == ("category", 3)
    assert [one["prompts"] for one in found["rows"]] == sorted(Counter(of.values()).values(), reverse=True)
    for one in found["rows"]:
        own = [pair for pair in pairs if of[pair["prompt_id"]] == one["category"]]
        right = [v == gold for (_, pair, gold), v in said.items() if of[pair.partition(".")[0]] == one["category"]]
        assert one["pairs"] == len(own)
        assert is_share(one["longer"], *longer(own))
        assert (one["agrees_with_gold"]["value"], one["agrees_with_gold"]["n"]) == (
            pytest.approx(sum(right) / len(right)),
            len(right),
        )
        assert one["unreadable"] == unread[one["category"]]


def test_judges_of_one_pair_are_not_independent(tmp_path: Path) -> None:
    """Three who always say the same tell no more than one: the interval is that of so many pairs."""
    said = [
        {"prompt_id": f"p{n}", "pair_id": f"p{n}.0", "category": "one", "judge_model": judge, "gold": gold}
        | {"verdict": gold if n % 4 else "BA"["AB".index(gold)]}
        for n in range(40)
        for judge in "jkl"
        for gold in "AB"
    ]
    (tmp_path / "tables").mkdir()
    pl.DataFrame(said).write_parquet(tmp_path / "tables" / "judgments.parquet")
    run = RunFolder(tmp_path, {"steps": [{"table": "judgments", "rows_out": len(said), "drawn": len(said)}]})
    (row,) = Categories(run).told()["rows"]
    value, *ends = wilson(30, 40)
    assert (row["agrees_with_gold"]["n"], row["agrees_with_gold"]["value"]) == (240, value)
    assert [row["agrees_with_gold"][end] for end in ("low", "high")] == pytest.approx(ends, rel=0.02)


def test_categories_are_of_the_prompts_that_a_run_came_to(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    ids = [f"{n // 2}" for n in range(20)]
    table = pl.DataFrame({"prompt_id": ids, "category": ["early" if n < 8 else "late" for n in range(20)]})
    table.write_parquet(tmp_path / "tables" / "pairs.parquet")
    told = {"steps": [{"table": "pairs", "rows_out": 20}], "only_prompts": {"pairs": [[0, 3], [8, 9]]}}
    found = {one["category"]: one["prompts"] for one in Categories(RunFolder(tmp_path, told)).told()["rows"]}
    assert found == {"early": 3, "late": 1}


def test_very_many_categories(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    names = [f"{n}" for n in range(70_000)]
    pl.DataFrame({"prompt_id": names, "category": names}).write_parquet(tmp_path / "tables" / "prompts.parquet")
    run = RunFolder(tmp_path, {"steps": [{"table": "prompts", "rows_out": len(names)}]})
    assert Categories(run).told()["categories"] == len(names)


# --- replies, money -------------------------------------------------------------------------


def test_unreadable_replies_are_counted_by_kind_with_some_of_their_texts(runs: Runs) -> None:
    run = runs("judged")
    gone = lost(run, "judgments")
    (one,) = figures(run.folder)["unreadable"]
    assert (one["table"], one["kind"], one["n"]) == ("judgments", "missing", len(gone))
    assert one["drawn"] == len(gone) + len(rows(run, "judgments"))
    texts = {row["id"]: row["detail"] for row in gone}
    assert len(one["texts"]) == min(3, len(gone))
    for text in one["texts"]:
        assert texts[text["id"]] == text["text"]
        assert text["characters"] == len(text["text"])


@pytest.mark.parametrize("name", NAMES)
def test_money_adds_up(name: str, runs: Runs) -> None:
    """Each step's replies, and one pair's part of them; prices are a dollar and four for a million tokens."""
    run = runs(name)
    found, pairs = figures(run.folder)["spending"], written(run)
    steps, total = [one for one in found["steps"] if one["asks"]], found["total"]
    for key in ("replies", "prompt_tokens", "completion_tokens"):
        assert total[key] == sum(one[key] for one in steps)
    dollars = (total["prompt_tokens"] + 4 * total["completion_tokens"]) / 1e6
    assert total["dollars"] == pytest.approx(dollars)
    assert found["each"]["dollars"] == pytest.approx(dollars / len(pairs))
    replies = sum(one["drawn"] * (4 if one["verb"] == "aspects" else 1) for one in steps_of(run))
    assert found["each"]["replies"] == pytest.approx(replies / len(pairs))
    assert found["asked"]["calls"] == sum(one["spent"]["calls"] for one in told(run)["steps"])
    for one in steps:
        assert 0 <= one["began"] <= one["began"] + one["seconds"] <= found["seconds"] + 0.1


def steps_of(run: Run) -> list[dict[str, Any]]:
    return [one for one in told(run)["steps"] if one.get("drawn")]


def test_what_a_stop_saved(runs: Runs) -> None:
    run = runs("judged")
    (one,) = figures(run.folder)["saved"]
    assert one["asked"] == len(rows(run, "judgments")) + len(lost(run, "judgments"))
    assert (one["fixed"], one["spared"]) == (15 * len(rows(run, "orders")), one["fixed"] - one["asked"])


# --- runs of other kinds --------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_json_and_no_number_is_none(name: str, runs: Runs) -> None:
    json.dumps(figures(runs(name).folder), allow_nan=False)


def without(told: dict[str, Any]) -> dict[str, Any]:
    """A run.json of the time when it said less."""
    steps = [{k: v for k, v in one.items() if k not in {"inputs", "seconds", "began"}} for one in told["steps"]]
    return {k: v for k, v in told.items() if k not in {"write", "about", "paper"}} | {"steps": steps}


def stopped(told: dict[str, Any]) -> dict[str, Any]:
    """As if the run had been stopped in mid-step: what it wrote is of an earlier run."""
    steps = [
        one | {"rows_out": one["rows_out"] - 1} if one["table"] in {"judgments", "kept"} else one
        for one in told["steps"]
    ]
    return told | {"status": "Interrupted", "dataset": {}, "judges": {}, "costs": {}, "pairs": {}, "steps": steps}


def changed(run: Run, to: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    """A run's folder, with another run.json."""
    (to / "tables").symlink_to(run.folder / "tables")
    (to / "dataset").symlink_to(run.dataset)
    (to / "run.json").write_text(json.dumps(change(told(run))))
    return to


def test_an_older_run_json_is_read(runs: Runs, tmp_path: Path) -> None:
    now, then = (figures(place) for place in (runs("jury").folder, changed(runs("jury"), tmp_path, without)))
    same = ("pairs", "judges", "categories", "unreadable", "saved")
    assert {key: then[key] for key in same} == {key: now[key] for key in same}
    assert then["run"]["recipe"] == "panel"
    assert then["spending"]["total"] == now["spending"]["total"]


def test_what_an_earlier_run_wrote_is_no_figure_of_one_that_was_stopped(runs: Runs, tmp_path: Path) -> None:
    found = figures(changed(runs("jury"), tmp_path, stopped))
    known = {one["table"]: one["prompts"] for one in found["funnel"]}
    assert known["judgments"] is None
    assert known["kept"] is None
    assert known["pairs"] == 60
    assert found["pairs"]["table"] == "agreed"
    assert not found["pairs"]["written"]
    assert found["judges"] == {}
    assert (found["spending"]["total"], found["spending"]["each"]) == (None, None)


def test_what_is_no_name_is_no_category(tmp_path: Path) -> None:
    """Pairs of somebody's, with a column that is called as ours are."""
    rows = [{"prompt": f"q {i}?", "chosen": f"yes {i}", "rejected": "no", "subset": {"a": [i]}} for i in range(4)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    steps = {
        "pairs": do(load_pairs, tmp_path / "p.jsonl", keep={"subset": "subset"}),
        "orders": do(both_orders, "pairs"),
        "judgments": do(compare, "orders", model="m", guard=False),
    }
    recipe = Recipe(name="odd", models={"m": {"use": "fake/m"}}, steps=steps, write={"judgments": "judgments"})
    done = run(recipe, tmp_path / "run", fakes={"m": lambda *_: "[[A]]"})
    found = figures(done.folder)
    assert found["categories"] == {}
    assert found["pairs"]["pairs"] == 4
    assert "scores" not in found["pairs"]


def grown(told: dict[str, Any]) -> dict[str, Any]:
    """As if rows had been added to the dataset since."""
    return told | {"dataset": told["dataset"] | {"preferences": {"train": told["dataset"]["preferences"]["train"] - 1}}}


def test_a_dataset_with_other_rows_is_not_what_the_run_wrote(runs: Runs, tmp_path: Path) -> None:
    found = figures(changed(runs("jury"), tmp_path, grown))["pairs"]
    assert not found["written"]
    assert found["pairs"] == figures(runs("jury").folder)["pairs"]["pairs"]


def test_requests_that_failed_are_told_with_what_was_said(tmp_path: Path) -> None:
    """Every third prompt is refused by a filter."""

    def refuses(request: Request, seed: int) -> str:
        number = int(whole(request).partition("Question ")[2].partition("?")[0])
        if number % 3 == 0:
            raise RowFailed("content_filter", f"not {number}")
        return f"an answer, {seed}"

    steps = {"prompts": do(load, questions(tmp_path, 12)), "responses": do(answer, "prompts", model="m", n=2)}
    recipe = Recipe(name="some", models={"m": {"use": "fake/m"}}, steps=steps, write={"responses": "responses"})
    done = run(recipe, tmp_path / "run", fakes={"m": refuses})
    found = figures(done.folder)
    (one,) = found["failed"]
    assert (one["kind"], one["n"], one["drawn"]) == ("content_filter", 8, 24)
    assert all(text["text"].startswith("not ") for text in one["texts"])
    step = found["funnel"][1]
    assert (step["used"], step["unanswered"], step["read"], step["rows_out"]) == (8, 4, 16, 16)


@pytest.mark.parametrize(
    ("made", "cure"),
    [
        ("", "no run is here; name a run's folder"),
        ("take-20/run.json", "name one, such as"),
        ("journal.sqlite", "run the recipe again"),
    ],
)
def test_a_folder_that_is_no_run(made: str, cure: str, tmp_path: Path) -> None:
    if made:
        (tmp_path / made).parent.mkdir(exist_ok=True)
        (tmp_path / made).touch()
    with pytest.raises(RunError, match=cure):
        figures(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"steps": 3}', "\xff"])
def test_a_run_json_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(RunError, match=r"run\.json: is damaged; run the recipe again, which asks nothing anew"):
        figures(tmp_path)
