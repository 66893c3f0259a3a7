"""Each shipped recipe is what its Python twin says, and it and its presets run from end to end on a fake model."""

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from prefgen import Recipe, do, load, run, verbs
from prefgen.after import pairs, results
from prefgen.configs import CONFIGS, json_schema
from prefgen.display import summary
from prefgen.filters import balance, length_control, most_uncertain, one_of, select, verdict_agreement
from prefgen.generators.answer import answer
from prefgen.generators.classify import classify
from prefgen.generators.perturb import perturb
from prefgen.judges.compare import compare
from prefgen.judges.likelihood import likelihood
from prefgen.judges.meta_judge import meta_judge
from prefgen.judges.score import score
from prefgen.pairs.battles import battles
from prefgen.pairs.best_worst import best_worst
from prefgen.pairs.both_orders import both_orders
from prefgen.pairs.judgment_pairs import judgment_pairs
from prefgen.plan import make
from prefgen.run import Run
from prefgen.scores.elo import elo
from prefgen.scores.mean import mean
from prefgen.sources.load import load as load_prompts
from tests.fakes import writes

if TYPE_CHECKING:
    from tests.shipped import Shipped

ROOT = Path(__file__).parent.parent
RECIPES = ROOT / "recipes"
NAMES = sorted(path.stem for path in RECIPES.glob("*.yaml"))
PRESETS = [(name, preset) for name in NAMES for preset in load(RECIPES / f"{name}.yaml").presets]
DATA = {
    "rewardbench": f"steps.pairs.load_pairs={ROOT / 'tests' / 'data' / 'rewardbench.jsonl'}",
    "rewardbench-2": f"steps.responses.load_responses={ROOT / 'tests' / 'data' / 'rewardbench2.jsonl'}",
}
"""Recipes whose data lies on the Hub, and small files of the same layout."""
PAPER = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 4096}

TWINS = {
    "quickstart": Recipe(
        name="quickstart",
        about="Preference pairs from a small model on your own machine, each confirmed by how likely the model finds it.",
        license="apache-2.0",
        language=("en",),
        models={"small": {"use": "local/smollm2-135m", "temperature": 0.7, "top_p": 0.9, "max_tokens": 512}},
        steps={
            "prompts": do(load_prompts, "data/prompts.jsonl"),
            "responses": do(answer, "prompts", model="small"),
            "pairs": do(perturb, "responses", model="small", template="perturb_few_shot.md", constrained=True),
            "orders": do(both_orders, "pairs"),
            "judgments": do(likelihood, "orders", model="small", by=["mean", "channel"], first_words=40),
            "agreed": do(verdict_agreement, "judgments", share=1, at_least=2),
        },
        write={"preferences": "agreed", "judgments": "judgments"},
    ),
    "self-taught-evaluators": Recipe(
        name="self-taught-evaluators",
        paper="arXiv:2408.02666",
        about="Judgments to train a judge on, with no human label.",
        language=("en",),
        models={"writer": {"use": "openai/gpt-4.1-mini", **PAPER}, "judge": {"use": "openai/gpt-4.1-mini", **PAPER}},
        steps={
            "all": do(load_prompts, "data/user_oriented_prompts.jsonl"),
            "labelled": do(classify, "all", model="writer"),
            "prompts": do(select, "labelled", by="complexity", at_least=3),
            "responses": do(answer, "prompts", model="writer"),
            "pairs": do(perturb, "responses", model="writer"),
            "orders": do(both_orders, "pairs"),
            "judgments": do(compare, "orders", model="judge", n=15, stop="first_agreeing"),
            "agreed": do(verdict_agreement, "judgments"),
            "one_each": do(one_of, "agreed", same=["pair_id", "gold"]),
            "balanced": do(balance, "one_each", by="gold"),
        },
        write={"preferences": "pairs", "judgments": "judgments", "judge_sft": "balanced"},
    ),
    "meta-rewarding": Recipe(
        name="meta-rewarding",
        paper="arXiv:2407.19594",
        about="Preference pairs with length control, and pairs of judgments chosen by a meta-judge.",
        language=("en",),
        models={"self": {"use": "openai/gpt-4.1-mini", "temperature": 0.8, "top_p": 0.95, "max_tokens": 2048}},
        steps={
            "prompts": do(load_prompts, "data/user_oriented_prompts.jsonl", shuffle=True, take=5000),
            "sampled": do(answer, "prompts", model="self", n=7),
            "responses": do(one_of, "sampled", same=["prompt_id", "response"]),
            "judgments": do(score, "responses", model="self", n=11),
            "scores": do(mean, "judgments"),
            "tiers": do(length_control, "scores", rho=0.32),
            "pairs": do(best_worst, "tiers"),
            "uncertain": do(most_uncertain, "judgments"),
            "fought": do(battles, "uncertain"),
            "metas": do(meta_judge, "fought", model="self", mask_scores=True),
            "ranked": do(elo, "metas", weights="table", l2=0.1),
            "judge_pairs": do(judgment_pairs, "ranked", max_chosen=1000),
        },
        write={
            "preferences": "pairs",
            "judge_preferences": "judge_pairs",
            "judgments": "judgments",
            "responses": "scores",
        },
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_a_recipe_is_its_python_twin(name: str) -> None:
    assert load(RECIPES / f"{name}.yaml") == TWINS[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_of_functions_is_the_recipe_of_words(name: str) -> None:
    of_words = load(RECIPES / f"{name}.yaml")
    steps = {
        table: do(verbs.find(str(step.verb)), step.input, **step.settings) for table, step in of_words.steps.items()
    }
    assert replace(of_words, steps=steps) == of_words


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_what_it_is(name: str) -> None:
    recipe = load(RECIPES / f"{name}.yaml")
    assert recipe.name == name
    assert recipe.about.endswith(".")
    assert recipe.paper or name == "quickstart"
    assert recipe.write
    lines = (RECIPES / f"{name}.yaml").read_text().splitlines()
    assert len(lines) <= 60, "a recipe stands on one screen"
    assert max(map(len, lines)) <= 120


TAKE = {**dict.fromkeys(DATA, None), "panel": None, "cascade": None}
"""Prompts that are taken, where it is not 12: three judges that throw coins seldom agree, and all are asked."""


FEWER = {"self-rewarding": ["steps.shots1.n=5", "steps.shots2.n=8"]}
"""Of a recipe that writes prompts of its own, fewer."""


def on_fakes(name: str, preset: str | None = None) -> Recipe:
    """A recipe with a fake for each of its models, pools included."""
    own = [*([DATA[name]] if name in DATA else []), *FEWER.get(name, [])]
    recipe = load(RECIPES / f"{name}.yaml", own, preset=preset)

    def fake(model: Any) -> Any:
        uses = model["use"]
        return {**model, "use": [f"fake/{k}" for k in range(len(uses))] if isinstance(uses, list) else "fake/0"}

    return replace(recipe, models={role: fake(model) for role, model in recipe.models.items()})


FAKES = {str(k): writes for k in range(4)}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_runs_on_a_fake_model_and_again_without_a_call(name: str, shipped: "Shipped", tmp_path: Path) -> None:
    recipe, first = on_fakes(name), shipped.done(name)
    shipped.copied(name, tmp_path / "run")
    again = run(recipe, tmp_path / "run", fakes=FAKES, take=shipped.take(name), shard=6)
    assert set(first.configs) >= set(recipe.write)
    assert all(first.configs.values())
    for config in first.configs:
        check = Draft202012Validator(json_schema(config))
        for row in pl.read_parquet(first.dataset / config / "*.parquet").head(40).to_dicts():
            check.validate(row)
    assert sum(count.tally.calls for count in again.counts.values()) == 0
    assert files(again.dataset) == files(first.dataset)
    assert len(on_screen(again, 80, 24)) < 24


def files(folder: Path) -> dict[Path, bytes]:
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def on_screen(done: Run, width: int, height: int) -> list[str]:
    """What a run's end shows on a terminal, as its lines."""
    seen = io.StringIO()
    console = Console(file=seen, width=width, height=height, force_terminal=True, color_system=None)
    at_home = replace(done, folder=Path("runs") / done.folder.parent.name)
    summary(at_home, pairs(done, 3), console, results=results(done))
    lines = seen.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_does_not_depend_on_how_the_work_is_cut(name: str, shipped: "Shipped", tmp_path: Path) -> None:
    """Five prompts at a time, with some left over at the end, and one by one; in another folder, and asked anew."""
    other = run(on_fakes(name), tmp_path, fakes=FAKES, take=shipped.take(name), shard=1, side_by_side=1)
    assert files(other.dataset) == files(shipped.done(name).dataset)
    assert len(on_screen(other, 80, 24)) < 24


@pytest.mark.slow
@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_a_preset_plans_and_runs(name: str, preset: str, shipped: "Shipped") -> None:
    recipe = on_fakes(name, preset)
    assert make(recipe, writers=CONFIGS, fakes=FAKES, take=shipped.take(name)).steps
    if name != "self-taught-evaluators" or preset != "paper":  # the fake's prompts are all of one category
        assert set(shipped.done(name, preset).configs) >= set(recipe.write)
