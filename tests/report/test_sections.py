"""What a report says of its figures: in words that hold, and nothing where there is nothing to say."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import Recipe, do, load, run
from prefgen.errors import BudgetReached, GateClosed
from prefgen.html.blocks import Chart, Fact, Facts, Quote, Section, Table, Words
from prefgen.report import figures, lines, sections
from prefgen.report.of_judges import judges
from prefgen.report.verdict import verdict
from prefgen.report.words import between, money, percent, seconds, short
from prefgen.verbs import answer
from prefgen.verbs import load as load_prompts
from tests.report import played
from tests.report.conftest import Runs
from tests.shipped import Shipped
from tests.test_recipes import FAKES, NAMES, on_fakes
from tests.worlds import Judge, perturber


def facts(found: dict[str, Any]) -> dict[str, Fact]:
    return {one.label: one for block in verdict(found).blocks if isinstance(block, Facts) for one in block.facts}


def tables(found: Iterable[Section]) -> dict[str, Table]:
    return {block.caption: block for one in found for block in one.blocks if isinstance(block, Table)}


def named(found: Iterable[Section]) -> list[str]:
    return [one.name for one in found]


# --- in front -------------------------------------------------------------------------------


def test_six_figures_come_first(runs: Runs) -> None:
    told = facts(figures(runs("judged").folder))
    assert list(told) == [
        "pairs kept",
        "cost of a kept pair",
        "chosen is longer",
        "judge agrees with gold",
        "says the first shown",
        "unreadable",
    ]
    assert told["pairs kept"].value == "60"
    assert told["unreadable"].note.endswith("replies")


def of(value: float, n: int = 400) -> dict[str, Any]:
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "n": n}


BARE: dict[str, Any] = {
    "run": {"status": "finished", "take": None, "write": {"preferences": "pairs"}},
    "funnel": [],
    "written": {"preferences": {"train": 40}},
    "results": [],
    "pairs": {"pairs": 40, "written": True, "prompts": 30, "longer": None},
    "way": [],
    "judges": {},
    "spending": {"total": None, "each": None, "asked": {}},
    "saved": [],
}


@pytest.mark.parametrize(("value", "tone"), [(0.56, "warn"), (0.44, "warn"), (0.54, ""), (0.46, "")])
def test_a_tone_is_that_of_the_interval(value: float, tone: str) -> None:
    """One half is within it, or is not."""
    judges = {"t": {"judges": {"m": {"first_shown": of(value)}}}}
    told = facts(BARE | {"pairs": BARE["pairs"] | {"longer": of(value)}, "judges": judges})
    assert told["chosen is longer"].tone == told["says the first shown"].tone == tone


@pytest.mark.parametrize(("value", "tone"), [(0.54, "bad"), (0.56, "")])
def test_a_judge_no_better_than_chance(value: float, tone: str) -> None:
    told = facts(BARE | {"judges": {"t": {"judges": {"m": {"agrees_with_gold": of(value)}}}}})
    assert told["judge agrees with gold"].tone == tone


@pytest.mark.parametrize(
    ("value", "tone", "word"), [(0.8, "good", "reliable"), (0.7, "", "tentative"), (0.66, "warn", "below")]
)
def test_agreement_has_krippendorffs_names(value: float, tone: str, word: str) -> None:
    alpha = {"value": value, "low": value - 0.1, "high": value + 0.1, "units": 50}
    told = facts(BARE | {"judges": {"t": {"judges": {}, "alpha": alpha}}})["judges agree, alpha"]
    assert told.tone == tone
    assert told.note.startswith(word)


def test_where_the_second_order_is_not_asked_always_it_is_said() -> None:
    """Judged in both orders are those pairs alone whose first order was right: their flips are no judge's of all."""
    reports = {"t": {"kind": "pairs", "judges": {"m": {"flips": of(0.2)}}}}
    for stop, said in (("lazy_order", True), ("majority", False)):
        section = judges(reports, [{"table": "t", "stop": stop}])
        assert section is not None
        assert any(isinstance(one, Words) and "In t the second order" in one.text for one in section.blocks) == said


def test_what_reads_nothing_is_no_judge_in_front() -> None:
    judges = {"t": {"judges": {"baseline/longest": {"agrees_with_gold": of(0.2)}, "m": {"agrees_with_gold": of(0.9)}}}}
    assert facts(BARE | {"judges": judges})["judge agrees with gold"].value == "90%"


def test_what_is_not_known_is_said_and_is_no_zero() -> None:
    assert facts(BARE)["cost"].value == "not known"
    free = {"replies": 3, "unpriced": 3, "dollars": 0.0, "prompt_tokens": 5, "completion_tokens": 5}
    each = {"tokens": 1.0, "replies": 1.0, "dollars": None}
    told = facts(BARE | {"spending": BARE["spending"] | {"total": free, "each": each}})["cost of a kept pair"]
    assert "$" not in told.value + told.note
    assert told.note.endswith("10 tokens in all, without a list price")


def test_what_has_no_price_is_no_part_of_one() -> None:
    """Where some replies have a price and others none, a pair cost more than those."""
    total = {"replies": 9, "unpriced": 3, "dollars": 6.0, "prompt_tokens": 5, "completion_tokens": 5}
    spent = BARE["spending"] | {"total": total, "each": {"tokens": 1.0, "replies": 1.0, "dollars": 2.0}}
    told = facts(BARE | {"spending": spent})["cost of a kept pair"]
    assert told.value == "at least $2.00"
    assert told.note.endswith("$6.00 in all at list prices, and 3 replies without one")


def test_a_run_that_asks_nothing_has_no_cost() -> None:
    total = {"replies": 0, "unpriced": 0, "dollars": 0.0, "prompt_tokens": 0, "completion_tokens": 0}
    spent = BARE["spending"] | {"total": total, "each": {"tokens": 0.0, "replies": 0.0, "dollars": None}}
    assert not any("cost" in name for name in facts(BARE | {"spending": spent}))


@pytest.mark.parametrize(
    ("paid", "told"),
    [
        (0.0, None),
        (6.0, None),
        (8.0, "This run paid $8.00, $2.00 of it for what is in no row: "),
        (2000.0, "This run paid $2,000.00, all of it for what is in no row: "),
    ],
)
def test_what_was_paid_for_no_row_is_said(paid: float, told: str | None) -> None:
    """A run that was stopped has asked for more than its rows rest on; a repetition for less."""
    total = {"replies": 9, "unpriced": 0, "dollars": 6.0, "prompt_tokens": 5, "completion_tokens": 5}
    said = lines(BARE | {"spending": {"total": total, "each": None, "asked": {"dollars": paid}}})
    assert [one.partition("prompts")[0] for one in said if "in no row" in one] == ([told] if told else [])


def test_a_terminal_has_the_same_lines(runs: Runs) -> None:
    found = figures(runs("jury").folder)
    assert [one.partition(":")[0] for one in lines(found)] == list(facts(found))


# --- sections -------------------------------------------------------------------------------


def test_what_there_is_has_a_section(runs: Runs) -> None:
    names = {name: named(sections(figures(runs(name).folder))) for name in ("judged", "jury", "scored", "pooled")}
    always, ends = ["verdict", "funnel"], ["costs", "made"]
    assert names["judged"] == [*always, "lengths", "judges", "categories", "unreadable", *ends]
    assert names["jury"] == [*always, "lengths", "judges", "agreement", "unreadable", *ends]
    assert names["scored"] == [*always, "scores", "lengths", "judges", *ends]
    assert names["pooled"] == [*always, "scores", "lengths", "judges", "models", *ends]


def test_every_chart_says_in_words_what_it_shows(runs: Runs) -> None:
    for name in ("judged", "jury", "scored", "pooled"):
        for one in sections(figures(runs(name).folder)):
            for block in one.blocks:
                if isinstance(block, Chart):
                    assert any(letter.isdigit() for letter in block.alt), block.alt
                    json.dumps(block.spec, allow_nan=False)


def cells(page: Iterable[Section], title: str) -> list[dict[str, Any]]:
    """The cells of the heat map with this title."""
    (spec,) = [
        block.spec
        for one in page
        for block in one.blocks
        if isinstance(block, Chart) and block.spec["title"]["text"] == title
    ]
    found: list[dict[str, Any]] = spec["layer"][0]["data"]["values"]
    return found


def test_a_heat_map_has_a_cell_for_each_two_judges_both_ways(runs: Runs) -> None:
    found = figures(runs("jury").folder)
    kappas = found["judges"]["judgments"]["kappas"]
    told = {(one["y"], one["x"]): one["said"] for one in cells(sections(found), "Kappa")}
    assert len(told) == 6
    for two, kappa in kappas.items():
        a, b = (name.rpartition("/")[2] for name in two.split(" | "))
        assert told[a, b] == told[b, a] == f"{kappa:.2f}"


def test_a_matrix_of_wins_has_both_sides_of_each_meeting(runs: Runs) -> None:
    found = figures(runs("pooled").folder)
    met = {(one["chosen"], one["rejected"]): one["n"] for one in found["pairs"]["models"]["met"]}
    for one in cells(sections(found), "Who wins"):
        a, b = (f"fake/{one[side]}" for side in ("y", "x"))
        n = met.get((a, b), 0) + met.get((b, a), 0)
        assert (one["value"], one["small"]) == (met.get((a, b), 0) / n, f"n {n}")


def test_tables_have_as_many_cells_as_heads(runs: Runs) -> None:
    for name in ("judged", "jury", "scored", "pooled"):
        for caption, table in tables(sections(figures(runs(name).folder))).items():
            assert table.rows, caption
            assert {len(row) for row in table.rows} == {len(table.head)}, caption


def test_the_steps_and_their_losses_add_up_in_the_tables(runs: Runs) -> None:
    told = tables(sections(figures(runs("judged").folder)))
    steps, losses = told["Every step"], told["Every loss, and its reason"]
    head = {name: place for place, name in enumerate(steps.head)}
    dropped = sum(int(row[head["dropped"]].replace(",", "")) for row in steps.rows)
    listed = sum(int(row[3].partition(" ")[0].replace(",", "")) for row in losses.rows if row[2] == "dropped")
    assert dropped == listed > 0
    parts = [head[name] for name in ("dropped", "no reply read", "used") if name in head]
    for row in steps.rows:
        rows_in, *others = (int(row[place].replace(",", "")) for place in (head["rows in"], *parts))
        assert rows_in == sum(others)


def test_replies_are_quoted_and_nothing_of_them_is_ours(runs: Runs) -> None:
    (one,) = [one for one in sections(figures(runs("judged").folder)) if one.name == "unreadable"]
    quotes = [block for block in one.blocks if isinstance(block, Quote)]
    assert len(quotes) == 3
    assert all(quote.text == "Both have their merits <script>alert(1)</script>." for quote in quotes)


def test_before_and_after_length_control_are_told_apart(runs: Runs) -> None:
    found = sections(figures(runs("scored").folder))
    rows = tables(found)["On the way to the pairs that were kept"].rows
    assert [row[1] for row in rows] == ["best_worst, without length_control", "what was kept"]
    words = [block.text for one in found for block in one.blocks if isinstance(block, Words)]
    assert any("best_worst would have made of the same scored responses" in one for one in words)


# --- other runs -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_has_a_report(name: str, shipped: Shipped) -> None:
    found = figures(shipped.folder(name))
    assert {"verdict", "funnel", "costs"} <= set(named(sections(found)))
    assert facts(found)
    assert (shipped.folder(name) / "report.html").read_text().startswith("<!doctype html>")
    json.dumps(found, allow_nan=False)


def light(folder: Path, **more: Any) -> Recipe:
    (folder / "p.jsonl").write_text("".join(json.dumps({"prompt": f"question {i}"}) + "\n" for i in range(40)))
    steps = {"prompts": do(load_prompts, folder / "p.jsonl"), "responses": do(answer, "prompts", model="m")}
    return Recipe(name="light", models={"m": {"use": "fake/m"}}, steps=steps, write={"responses": "responses"}, **more)


def test_a_run_without_pairs(tmp_path: Path) -> None:
    done = run(light(tmp_path), tmp_path / "run", fakes={"m": lambda _, seed: f"an answer, {seed}"})
    found = figures(done.folder)
    assert found["pairs"] == {}
    assert facts(found)["rows written"].note == "40 responses"
    assert named(sections(found)) == ["verdict", "funnel", "costs", "made"]


def test_a_run_of_which_nothing_is_kept(tmp_path: Path) -> None:
    done = run(on_fakes("panel"), tmp_path / "run", fakes=FAKES, take=6)
    told = facts(figures(done.folder))["pairs kept"]
    assert (told.value, told.tone) == ("none", "bad")


def test_a_run_that_ended_where_its_budget_did_and_a_pilot(tmp_path: Path) -> None:
    with pytest.raises(BudgetReached):
        run(light(tmp_path), tmp_path / "run", fakes={"m": lambda _, seed: f"{seed}"}, max_calls=25, take=30)
    place = tmp_path / "run" / "take-30"
    assert (place / "report.html").exists()
    about = verdict(figures(place)).about
    assert about.startswith(
        "A pilot on the first 30 prompts of each source. This run ended where its budget did. 25 replies are"
    )


def test_a_run_that_was_stopped_has_written_nothing_yet() -> None:
    told = facts(BARE | {"pairs": {}, "written": {}, "run": BARE["run"] | {"status": "Interrupted"}})
    assert (told["rows written"].value, told["rows written"].tone) == ("none", "")
    assert "pairs kept" not in told


def test_a_judge_that_is_fooled(tmp_path: Path) -> None:
    """Its canaries stand in the report of the run that it ended."""
    recipe = load(Path("recipes/rlcd.yaml"), ["canaries={share: 1, at_least: 0.9}"])
    fooled = Recipe(
        **{**vars(recipe), "models": {role: {**one, "use": "fake/0"} for role, one in recipe.models.items()}}
    )
    with pytest.raises(GateClosed):
        run(fooled, tmp_path / "run", fakes=FAKES, take=40)
    found = figures(tmp_path / "run" / "take-40")
    assert "canaries" in named(sections(found))
    assert "did not pass" in verdict(found).about


def test_a_gate_that_closed_says_how_right_its_judge_was(tmp_path: Path) -> None:
    gate = f"steps.judgments.gate={{data: {tmp_path / 'gold.jsonl'}, at_least: 0.9}}"
    gold = [{"prompt": f"q {i}?", "chosen": f"merit 0.{i:06} x", "rejected": "merit 0.000000 y"} for i in range(1, 41)]
    (tmp_path / "gold.jsonl").write_text("".join(json.dumps(one) + "\n" for one in gold))
    with pytest.raises(GateClosed):
        played.played(
            "panel", tmp_path, {"writer": [perturber()], "jury": [Judge(0.6)]}, 5, gate, "canaries={share: 0}"
        )
    found = figures(tmp_path / "run")
    judged = pl.read_parquet(tmp_path / "run" / "gates" / "judgments" / "judgments.parquet")
    (right,) = found["gates"]["judgments"]["right"].values()
    assert (right["n"], right["value"]) == (80, pytest.approx(float((judged["verdict"] == judged["gold"]).mean())))  # type: ignore[arg-type]
    assert "gates" in named(sections(found))
    assert "did not pass its gate" in verdict(found).about


# --- words ----------------------------------------------------------------------------------


def test_numbers_in_words() -> None:
    assert [percent(0.531), percent(0.531, 1000), percent(0.004), percent(1.0), percent(0.0)] == [
        "53%",
        "53.1%",
        "0.4%",
        "100%",
        "0%",
    ]
    assert [money(0.0042), money(0.042), money(12.3), money(0)] == ["$0.0042", "$0.042", "$12.30", "$0.00"]
    assert [seconds(0.41), seconds(12.4), seconds(200), seconds(7500)] == ["0.4 s", "12 s", "3 min 20 s", "2 h 5 min"]
    assert seconds(None) == ""


def test_models_are_called_by_what_tells_them_apart() -> None:
    assert short(["openai/gpt", "fake/gpt", "a/b"]) == {"openai/gpt": "openai/gpt", "fake/gpt": "fake/gpt", "a/b": "b"}


def test_both_ends_of_an_interval_have_as_many_digits() -> None:
    ends = {(0.44, 0.97): "44.0% to 97.0%", (0.44, 0.56): "44% to 56%"}
    assert {(low, high): between({"low": low, "high": high, "n": 20}) for low, high in ends} == ends
