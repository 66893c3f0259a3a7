"""Each shipped recipe is what its Python twin says, and runs from end to end on a fake model."""

from pathlib import Path

import pytest

from prefgen import Recipe, do, load, run
from prefgen.filters import balance, verdict_agreement
from prefgen.generators.answer import answer
from prefgen.generators.perturb import perturb
from prefgen.judges.compare import compare
from prefgen.judges.likelihood import likelihood
from prefgen.judges.score import score
from prefgen.pairs.best_worst import best_worst
from prefgen.pairs.both_orders import both_orders
from prefgen.scores.mean import mean
from prefgen.sources.load import load as load_prompts
from tests.fakes import writes

RECIPES = Path(__file__).parent.parent / "recipes"
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
            "prompts": do(load_prompts, "data/user_oriented_prompts.jsonl"),
            "responses": do(answer, "prompts", model="writer"),
            "pairs": do(perturb, "responses", model="writer"),
            "orders": do(both_orders, "pairs"),
            "judgments": do(compare, "orders", model="judge", n=15, stop="first_agreeing"),
            "agreed": do(verdict_agreement, "judgments"),
            "balanced": do(balance, "agreed", by="gold"),
        },
        write={"preferences": "pairs", "judgments": "judgments", "judge_sft": "balanced"},
    ),
    "self-rewarding": Recipe(
        name="self-rewarding",
        paper="arXiv:2401.10020",
        about="Preference pairs from a model's own scores of its own answers.",
        language=("en",),
        models={"self": {"use": "openai/gpt-4.1-mini", **PAPER}},
        steps={
            "prompts": do(load_prompts, "data/user_oriented_prompts.jsonl"),
            "responses": do(answer, "prompts", model="self", n=4),
            "judgments": do(score, "responses", model="self", n=3),
            "scores": do(mean, "judgments"),
            "pairs": do(best_worst, "scores"),
        },
        write={"preferences": "pairs", "judgments": "judgments", "responses": "scores"},
    ),
}


def test_every_recipe_has_a_twin() -> None:
    assert {path.stem for path in RECIPES.glob("*.yaml")} == set(TWINS)


@pytest.mark.parametrize("name", TWINS)
def test_a_recipe_is_its_python_twin(name: str) -> None:
    assert load(RECIPES / f"{name}.yaml") == TWINS[name]


@pytest.mark.parametrize("name", TWINS)
def test_a_recipe_runs_on_a_fake_model_and_again_without_a_call(name: str, tmp_path: Path) -> None:
    overrides = [f"models.{model}.use=fake/it" for model in TWINS[name].models]
    recipe = load(RECIPES / f"{name}.yaml", overrides)
    first = run(recipe, tmp_path / "run", fakes={"it": writes}, take=12)
    written = {p: p.read_bytes() for p in first.dataset.rglob("*") if p.is_file()}
    again = run(recipe, tmp_path / "run", fakes={"it": writes}, take=12)
    assert first.configs["preferences"] > 0
    assert sum(count.tally.calls for count in again.counts.values()) == 0
    assert {p: p.read_bytes() for p in again.dataset.rglob("*") if p.is_file()} == written
