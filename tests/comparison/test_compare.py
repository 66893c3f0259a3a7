"""Two runs side by side: figures against a few lines of Python over the same tables, and what must hold of any two."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from prefgen import run
from prefgen.agreement import cohens_kappa
from prefgen.comparison import compare
from prefgen.comparison.said import headline
from prefgen.errors import BudgetReached, RunError
from tests.comparison.planted import dataset
from tests.shipped import Shipped
from tests.test_recipes import FAKES, NAMES, on_fakes
from tests.worlds import Judge, actor, perturber, play, scorer

N = 24


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One recipe with a weak judge and with a strong one, which is asked less often."""
    home = tmp_path_factory.mktemp("judged")
    weak, strong = Judge(0.65, first=0.2, longer=0.1), Judge(0.85, first=0.05, longer=0.1)
    ways = {"weak": (weak, ()), "strong": (strong, ("steps.judgments.n=4",))}
    return {
        name: play(
            "self-taught-evaluators", home / name, {"writer": perturber(0.1), "judge": judge}, N, *over, source="all"
        ).folder
        for name, (judge, over) in ways.items()
    }


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pairs of the best and the worst by two judges of scores, one of them noisy: some pairs flip."""
    home = tmp_path_factory.mktemp("scored")
    who = {"noisy": scorer(4.0), "calm": scorer(0.2)}
    fewer = ("steps.responses.n=2", "steps.pairs.top_share=1")
    return {
        name: play("best-of-n", home / name, {"actor": actor(), "judge": judge}, N, *fewer).folder
        for name, judge in who.items()
    }


def table(folder: Path, name: str) -> list[dict[str, Any]]:
    return pl.read_parquet(folder / "tables" / f"{name}.parquet").to_dicts()


# --- judges ---------------------------------------------------------------------------------


def first_verdicts(folder: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The first verdict on two texts in one order."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in table(folder, "judgments"):
        found.setdefault((row["prompt_id"], row["response_a"], row["response_b"]), row)
    return found


def by_pair(verdicts: Mapping[Any, Mapping[str, Any]]) -> dict[Any, list[Mapping[str, Any]]]:
    found: dict[Any, list[Mapping[str, Any]]] = {}
    for (prompt, a, b), row in verdicts.items():
        found.setdefault((prompt, *sorted((a, b))), []).append(row)
    return found


Holds = Callable[[Sequence[Mapping[str, Any]]], float | None]
MEASURED: Mapping[str, Holds] = {
    "agrees_with_gold": lambda rows: sum(row["verdict"] == row["gold"] for row in rows) / len(rows),
    "first_shown": lambda rows: sum(row["verdict"] == "A" for row in rows) / len(rows) if len(rows) == 2 else None,
    "flips": lambda rows: float(len({row["verdict"] for row in rows}) == 1) if len(rows) == 2 else None,
    "prefers_longer": lambda rows: (
        sum((len(r["response_a"]) > len(r["response_b"])) == (r["verdict"] == "A") for r in rows) / len(rows)
        if len(rows[0]["response_a"]) != len(rows[0]["response_b"])
        else None
    ),
}


def test_each_judge_is_as_run_json_has_it_and_differs_by_what_pairs_say(judged: dict[str, Path]) -> None:
    found = compare(judged["weak"], judged["strong"])
    (one,) = found["judges"]
    for side, name in (("a", "weak"), ("b", "strong")):
        told = json.loads((judged[name] / "run.json").read_text())["judges"]["judgments"]["judges"]["fake/judge-0"]
        assert {m: one["measures"][m][side] for m in one["measures"]} == {m: told[m] for m in one["measures"]}
    weak, strong = (by_pair(first_verdicts(judged[name])) for name in ("weak", "strong"))
    for name, holds in MEASURED.items():
        both = [(holds(weak[pair]), holds(strong[pair])) for pair in weak if pair in strong]
        d = [b - a for a, b in both if a is not None and b is not None]
        told = one["measures"][name]["difference"]
        assert (told["n"], told["paired"]) == (len(d), True)
        assert told["value"] == pytest.approx(sum(d) / len(d))
        assert told["b"] - told["a"] == pytest.approx(told["value"])
    flips = [(MEASURED["flips"](weak[pair]), MEASURED["flips"](strong[pair])) for pair in weak]
    exact = binomtest(flips.count((1.0, 0.0)), flips.count((1.0, 0.0)) + flips.count((0.0, 1.0))).pvalue
    assert one["measures"]["flips"]["difference"]["p"] == pytest.approx(exact)
    assert one["measures"]["agrees_with_gold"]["difference"]["p"] < 0.05  # 0.65 * 0.7 + … against 0.85 * 0.85 + …


def test_verdicts_are_held_against_each_other_text_by_text(judged: dict[str, Path]) -> None:
    found = compare(judged["weak"], judged["strong"], examples=4)
    weak, strong = (first_verdicts(judged[name]) for name in ("weak", "strong"))
    both = [(weak[shown]["verdict"], strong[shown]["verdict"]) for shown in weak if shown in strong]
    told = found["judges"][0]["verdicts"]
    assert (told["shared"], told["differ"]) == (len(both), sum(a != b for a, b in both))
    assert told["kappa"] == pytest.approx(cohens_kappa(*zip(*both, strict=True)))
    assert len(found["examples"]["verdicts"]) == 4
    for one in found["examples"]["verdicts"]:
        shown = (one["prompt_id"], one["response_a"], one["response_b"])
        assert (one["a"]["verdict"], one["b"]["verdict"]) == (weak[shown]["verdict"], strong[shown]["verdict"])
        assert one["a"]["verdict"] != one["b"]["verdict"]
        assert one["prompt"] == weak[shown]["prompt"][0]["content"]


def test_what_others_wrote_is_compared_as_two_sets(tmp_path: Path) -> None:
    """Four prompts whose texts are others in B: of verdicts that are right 3 of 8, and 6 of 8."""

    def side(name: str, right: int) -> Path:
        pairs = [(n, f"good {name}", f"bad {name} {n}") for n in range(4)]
        shown = [(n, x, y, gold) for n, c, r in pairs for x, y, gold in ((c, r, "A"), (r, c, "B"))]
        rows = [
            {"prompt": n, "pair_id": f"p{n}", "response_a": x, "response_b": y, "gold": gold, "judge_model": "j"}
            | {"verdict": gold if k < right else "BA"["AB".index(gold)]}
            for k, (n, x, y, gold) in enumerate(shown)
        ]
        return dataset(tmp_path / name, pairs, rows)

    found = compare(side("one", 3), side("two", 6))
    assert found["pairs"]["shared"] == 0
    assert found["pairs"]["prompts"] == {"shared": 0, "other_texts": 4, "same_chosen": 0}
    (one,) = found["judges"]
    assert one["verdicts"] is None
    told = one["measures"]["agrees_with_gold"]["difference"]
    assert (told["value"], told["paired"], told["p"], told["n"]) == (0.375, False, None, 8)
    assert found["pairs"]["longer"]["difference"]["paired"]  # prompt by prompt, whatever they were answered
    assert (len(found["examples"]["other"]), found["examples"]["flipped"]) == (3, [])


def test_scores_are_held_against_each_other_response_by_response(scored: dict[str, Path]) -> None:
    (one,) = compare(scored["noisy"], scored["calm"])["judges"]
    means = []
    for name in ("noisy", "calm"):
        each: dict[tuple[str, str], list[float]] = {}
        for row in table(scored[name], "judgments"):
            each.setdefault((row["prompt_id"], row["response"]), []).append(row["score"])
        means.append({key: sum(scores) / len(scores) for key, scores in each.items()})
    both = pl.DataFrame([(means[0][key], means[1][key]) for key in means[0]], schema=["x", "y"], orient="row")
    assert one["mean"]["difference"]["value"] == pytest.approx(both.select((pl.col("y") - pl.col("x")).mean()).item())
    assert one["mean"]["difference"]["n"] == 2 * N
    assert one["correlation"]["value"] == pytest.approx(both.select(pl.corr("x", "y")).item())


# --- pairs ----------------------------------------------------------------------------------


def test_pairs_that_flipped_are_counted_and_shown(scored: dict[str, Path]) -> None:
    found = compare(scored["noisy"], scored["calm"], examples=50)
    sides = [{row["prompt_id"]: row for row in table(scored[name], "pairs")} for name in ("noisy", "calm")]
    both = [(sides[0][p], sides[1][p]) for p in sides[0] if p in sides[1]]
    flipped = {a["prompt_id"] for a, b in both if (a["chosen"], a["rejected"]) == (b["rejected"], b["chosen"])}
    same = sum((a["chosen"], a["rejected"]) == (b["chosen"], b["rejected"]) for a, b in both)
    told = found["pairs"]
    assert 0 < len(flipped) < same
    assert (told["flipped"], told["same"], told["shared"]) == (len(flipped), same, len(flipped) + same)
    assert told["kappa"]["value"] == pytest.approx(2 * same / told["shared"] - 1)
    assert {one["prompt_id"] for one in found["examples"]["flipped"]} == flipped
    for one in found["examples"]["flipped"]:
        assert one["a"]["chosen"] == sides[0][one["prompt_id"]]["chosen"] == one["b"]["rejected"]
    assert found["overlap"]["pairs"] == {
        "both": len(both),
        "only_a": len(sides[0].keys() - sides[1]),
        "only_b": len(sides[1].keys() - sides[0]),
    }
    gave = [(p in sides[0], p in sides[1]) for p in {row["prompt_id"] for row in table(scored["calm"], "prompts")}]
    told = found["yield"]
    assert (told["a"]["value"], told["b"]["value"]) == tuple(sum(one) / N for one in zip(*gave, strict=True))
    assert told["difference"]["n"] == N


def test_what_was_set_is_told_by_its_path(judged: dict[str, Path]) -> None:
    found = {one["path"]: (one["a"], one["b"]) for one in compare(judged["weak"], judged["strong"])["recipe"]}
    del found["steps.all.load"]  # each has its own file of questions
    assert found == {"steps.judgments.n": (15, 4)}


def test_what_it_cost_is_what_run_json_says_and_by_pair(judged: dict[str, Path]) -> None:
    found = compare(judged["weak"], judged["strong"])["cost"]
    for side, name in (("a", "weak"), ("b", "strong")):
        told = json.loads((judged[name] / "run.json").read_text())
        assert found[side]["replies"] == told["costs"]["total"]["replies"]
        assert found[side]["each"]["replies"] == found[side]["replies"] / told["dataset"]["preferences"]["train"]
        assert found[side]["steps"]["judgments"]["replies"] > 0


def test_a_dataset_alone_says_the_same_of_pairs_and_judges(judged: dict[str, Path], tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    copytree(judged["strong"] / "dataset", alone)
    whole, part = compare(judged["weak"], judged["strong"]), compare(judged["weak"], alone)
    assert part["pairs"] == whole["pairs"]
    assert [one["measures"] for one in part["judges"]] == [one["measures"] for one in whole["judges"]]
    assert (part["recipe"], part["cost"]["b"], part["b"]["run"]) == ([], None, False)
    inside = compare(judged["weak"], judged["strong"] / "dataset")  # which is its run's
    assert inside["b"]["folder"] == whole["b"]["folder"]


def test_parts_of_tables_give_what_the_whole_gives(judged: dict[str, Path], scored: dict[str, Path]) -> None:
    """Whatever is held at once, and although the parts lie on the disk."""
    for a, b in ((judged["weak"], judged["strong"]), (scored["noisy"], scored["calm"])):
        whole, parts = compare(a, b), compare(a, b, at_once=37)
        assert json.loads(json.dumps(parts), parse_float=_rounded) == json.loads(
            json.dumps(whole), parse_float=_rounded
        )


def _rounded(number: str) -> float:
    return round(float(number), 9)


# --- any two --------------------------------------------------------------------------------

PAIRS = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(["one", "two", "three"]), st.sampled_from(["four", "two", "no"])
    ).filter(lambda pair: pair[1] != pair[2]),
    max_size=6,
)
JUDGED = st.lists(
    st.fixed_dictionaries(
        {
            "prompt": st.integers(0, 2),
            "pair_id": st.sampled_from(["p", "q"]),
            "response_a": st.sampled_from(["one", "two"]),
            "response_b": st.sampled_from(["three", "four"]),
            "gold": st.sampled_from(["A", "B", None]),
            "verdict": st.sampled_from(["A", "B", None]),
            "judge_model": st.sampled_from(["j", "k"]),
        }
    ),
    max_size=8,
)


def mirrored(found: Any) -> Any:
    """What the comparison of B and A must be."""
    names = {"a": "b", "b": "a", "only_a": "only_b", "only_b": "only_a"}
    if isinstance(found, dict) and {"low", "high", "paired"} <= found.keys():
        turned = {"value": -found["value"], "low": -found["high"], "high": -found["low"]}
        return {**found, **turned, "a": found["b"], "b": found["a"]}
    if isinstance(found, dict):
        return {key: mirrored(found[names.get(key, key)]) for key in found}
    return [mirrored(one) for one in found] if isinstance(found, list) else found


def unordered(found: Mapping[str, Any]) -> Any:
    """The figures in digits that sums in another order leave alone, judges in an order of their own."""
    told = {**found, "judges": sorted(found["judges"], key=lambda one: json.dumps([one["a"], one["b"]]))}
    told["pairs"] = {**found["pairs"], "gap": None}
    told["examples"] = {kind: sorted(map(json.dumps, rows)) for kind, rows in found["examples"].items()}
    return json.loads(json.dumps(told, sort_keys=True), parse_float=lambda x: round(float(x), 9) + 0.0)


QUICK = settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
"""Each example writes two folders, so none is looked for that is smaller."""


@given(a=PAIRS, b=PAIRS, said=JUDGED, other=JUDGED)
@QUICK
def test_b_and_a_is_a_and_b_in_a_mirror(
    a: list[Any], b: list[Any], said: list[Any], other: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("two")
    one, two = dataset(home / "one", a, said), dataset(home / "two", b, other)
    if not (a or said) or not (b or other):
        with pytest.raises(RunError, match="holds no run and no dataset"):
            compare(one, two)
        return
    found = compare(one, two)
    assert unordered(mirrored(compare(two, one))) == unordered(found)
    keys = [{(n, *sorted((x, y))) for n, x, y in pairs} for pairs in (a, b)]
    if a or b:
        assert found["pairs"]["shared"] == len(keys[0] & keys[1])
        assert found["pairs"]["only_a"] == len(keys[0] - keys[1])


@given(a=PAIRS, said=JUDGED)
@QUICK
def test_of_a_run_and_itself_nothing_differs(
    a: list[Any], said: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    if not (a or said):
        return
    one = dataset(tmp_path_factory.mktemp("one") / "it", a, said)
    found = compare(one, one)
    assert (found["a"]["name"], found["b"]["name"]) == ("A", "B")
    if a:
        assert (found["pairs"]["flipped"], found["pairs"]["only_a"], found["pairs"]["only_b"]) == (0, 0, 0)
    assert found["examples"] == {"flipped": [], "other": [], "verdicts": []}
    assert all(told["difference"]["value"] == 0 for one in found["judges"] for told in one["measures"].values())
    assert all(one["verdicts"]["differ"] == 0 for one in found["judges"] if one["verdicts"])
    assert all(told["only_a"] == told["only_b"] == 0 for told in found["overlap"].values())


def test_what_has_nothing_in_common_has_no_number(tmp_path: Path) -> None:
    found = compare(dataset(tmp_path / "x", [(1, "yes", "no")]), dataset(tmp_path / "y", [(2, "yes", "no")]))
    assert found["overlap"]["pairs"] == {"both": 0, "only_a": 1, "only_b": 1}
    told = found["pairs"]
    assert (told["shared"], told["agreement"], told["kappa"]) == (0, None, None)
    assert told["longer"]["difference"]["paired"] is False


def test_of_a_benchmark_pairs_are_those_that_were_judged_and_its_numbers_stand_side_by_side(tmp_path: Path) -> None:
    recipe = on_fakes("rewardbench")
    one, other = (run(replace(recipe, seed=seed), tmp_path / f"seed{seed}", fakes=FAKES) for seed in (0, 1))
    found = compare(one.folder, other.folder)
    assert found["pairs"]["a"] == found["pairs"]["shared"] == one.table("pairs").height
    told = {(row["judges"]["a"], row["name"]): (row["a"]["score"], row["b"]["score"]) for row in found["results"]}
    assert len(told) == one.table("results").height
    for place, done in enumerate((one, other)):
        for row in done.table("results").to_dicts():
            assert told[row["judge_model"], row["name"]][place] == row["score"]
    assert [step["table"] for step in found["steps"]] == list(recipe.steps)


def test_a_run_that_was_stopped_is_compared_as_far_as_it_came(judged: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(BudgetReached):
        run(on_fakes("panel"), tmp_path, fakes=FAKES, take=12, max_calls=9)
    found = compare(judged["weak"], tmp_path / "take-12")
    assert (found["b"]["status"], found["b"]["take"]) == ("BudgetReached", 12)
    assert found["pairs"]["b"] == 0
    assert found["cost"]["b"]["replies"] == 9
    assert found["pairs"]["longer"]["difference"] is None
    assert (found["yield"]["b"], found["yield"]["difference"]) == (None, None)
    assert found["yield"]["a"]["n"] == N
    assert "take-12 ended early (budget reached), so how many" in " ".join(headline(found))


def test_a_run_that_left_no_recipe_is_said_to_have_left_none(judged: dict[str, Path], tmp_path: Path) -> None:
    copytree(judged["weak"], tmp_path / "killed")
    (tmp_path / "killed" / "recipe.yaml").unlink()
    found = compare(judged["weak"], tmp_path / "killed")
    assert found["recipe"] == []
    assert headline(found)[0] == f"{found['b']['name']} left no recipe that can be read: settings are not compared."


def test_of_a_run_that_ended_early_the_prompts_that_it_came_to_are_taken(tmp_path: Path) -> None:
    """Those that it did not come to gave no pair, which says nothing of the run."""
    home = tmp_path / "run"
    with pytest.raises(BudgetReached):
        run(on_fakes("constitutional"), home, fakes=FAKES, take=12, shard=2, side_by_side=1, max_calls=33)
    (tmp_path / "whole").mkdir()
    early, whole = home / "take-12", run(on_fakes("constitutional"), tmp_path / "whole", fakes=FAKES, take=12).folder
    came_to = {row["prompt_id"] for row in table(early, "pairs")}
    found = compare(early, whole)
    assert 0 < len(came_to) < 12
    assert found["overlap"]["taken"] == {"both": len(came_to), "only_a": 0, "only_b": 12 - len(came_to)}
    assert found["yield"]["a"] is None
    assert found["yield"]["b"]["n"] == 12


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_can_be_compared_with_a_pilot_of_itself(name: str, shipped: Shipped, tmp_path: Path) -> None:
    whole, take = shipped.copied(name, tmp_path / "run"), shipped.take(name)
    half = run(on_fakes(name), tmp_path / "run", fakes=FAKES, take=take - 2 if take else 10)
    found = compare(whole, half.folder)
    assert found["overlap"]["taken"]["both"] > 0
    assert all(told["differ"] == 0 for one in found["judges"] if (told := one.get("verdicts")))
    json.dumps(found, allow_nan=False)


def test_scores_of_a_pair_s_responses_are_scores_and_what_is_no_number_is_none(tmp_path: Path) -> None:
    """In a dataset's one table of judgments, where a judge of single responses leaves the columns of two empty."""
    said = [1.0, 2.0, float("nan"), 6.0, float("inf")]
    rows = [
        {
            "prompt": n,
            "pair_id": f"p{n}",
            "response_id": f"r{n}",
            "response": f"x{n}",
            "score": score,
            "judge_model": "j",
        }
        for n, score in enumerate(said)
    ]
    found = compare(*(dataset(tmp_path / name, [(1, "good", "bad")], rows) for name in "ab"))
    (one,) = found["judges"]
    assert one["kind"] == "scores"
    assert [one["mean"][place]["value"] for place in "ab"] == [3.0, 3.0]
    assert [one["mean"][place]["n"] for place in "ab"] == [3, 3]
    json.dumps(found, allow_nan=False)
