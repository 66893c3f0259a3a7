"""A recipe of one's own: what is written is what was answered, says so, and can be planned as it stands."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from prefgen import load
from prefgen.configs import CONFIGS
from prefgen.errors import RecipeError, RunError
from prefgen.new import Answers, drafted, found, made, told, written
from prefgen.new.fitted import roles, source
from prefgen.new.looked import looked
from prefgen.plan import make
from prefgen.recipe import loads
from tests.test_recipes import NAMES, RECIPES, ROOT

MODELS = {
    "openai": ("openai/gpt-4.1-mini", ""),
    "anthropic": ("anthropic/claude-haiku-4-5", ""),
    "local": ("local/smollm2-135m", ""),
    "vllm": ("openai/my-model", "http://127.0.0.1:8000/v1"),
}
FILES = {"load_pairs": "tests/data/rewardbench.jsonl", "load_responses": "tests/data/rewardbench2.jsonl"}
RANKED = "recipes/data/ranked_replies.jsonl"


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Prompts as they may lie about."""
    home = tmp_path_factory.mktemp("forms")
    rows = [{"instruction": f"Tell me: {n}, and why", "output": "so", "id": n} for n in range(12)]
    frame = pl.DataFrame(rows)
    (home / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    frame.write_csv(home / "own.csv")
    talks = [[{"role": "user", "content": row["instruction"]}] for row in rows]
    pl.DataFrame({"id": frame["id"], "messages": talks}).write_parquet(home / "own.parquet")
    frame.rename({"instruction": "prompt"}).write_ndjson(home / "plain.jsonl")
    return {
        "jsonl": home / "own.jsonl",
        "csv": home / "own.csv",
        "parquet": home / "own.parquet",
        "plain": home / "plain.jsonl",
    }


PLACES = {"jsonl": "own.jsonl", "csv": "own.csv", "parquet": "own.parquet", "plain": "plain.jsonl"}
COLUMNS = {"jsonl": "instruction", "csv": "instruction", "parquet": "messages", "plain": ""}


def answered(name: str, provider: str) -> Answers:
    use, url = MODELS[provider]
    judges = [f"{use}-{k}" for k in range({"panel": 3, "cascade": 2}.get(name, 0))]
    return Answers(name, "mine", [use], judges, None, url)


SELDOM = ("local", "vllm", "anthropic")
"""Providers with which most recipes are tried in the slow suite alone."""
QUICK = ("cascade", "panel", "quickstart", "ultrafeedback")
"""Recipes in which a provider changes more than names."""
EVERY = [
    pytest.param(name, one, marks=pytest.mark.slow if one in SELDOM and name not in QUICK else ())
    for name in NAMES
    for one in MODELS
]


@pytest.mark.parametrize(("name", "provider"), EVERY)
def test_what_is_written_of_any_recipe_models_and_data_can_be_planned(
    name: str, provider: str, forms: dict[str, Path], tmp_path: Path
) -> None:
    answers, (_, verb) = answered(name, provider), source(load(RECIPES / f"{name}.yaml"))
    own = [ROOT / (RANKED if name == "self-rewarding-eft" else FILES[verb])] if verb in FILES else []
    places: list[Path | None] = [*own] or [None, *(forms[form] for form in ("jsonl", "csv", "parquet"))]
    for data in places:
        given = replace(answers, data=looked(str(data), tmp_path) if data else None)
        given = replace(given, data=replace(given.data, column="")) if given.data and verb in FILES else given
        text, recipe = drafted(given, tmp_path / "mine.yaml")
        plan = make(recipe, writers=CONFIGS, keys=False, take=10)
        asked = {model.use.split("/")[0] for pool in plan.models.values() for model in pool}
        assert asked == {answers.models[0].split("/")[0]}
        assert not any("not sent" in notice for notice in plan.notices)
    assert recipe.presets == load(RECIPES / f"{name}.yaml").presets
    assert loads(text, tmp_path / "mine.yaml").models == recipe.models


@pytest.mark.parametrize("form", COLUMNS)
def test_the_column_of_the_prompts_is_guessed_and_told(form: str, forms: dict[str, Path], tmp_path: Path) -> None:
    found = looked(str(forms[form]), tmp_path)
    assert found.column == COLUMNS[form]
    assert found.first == "Tell me: 0, and why"
    new = made(replace(answered("rlcd", "openai"), data=found), tmp_path / "mine.yaml")
    said = told(new)
    assert f"taken from its column {COLUMNS[form] or 'prompt'}" in said[0]
    assert said[1] == "the first: Tell me: 0, and why"
    assert said[-2:] == [f"next: prefgen plan {new.path}", f"      prefgen run {new.path} --take 20"]


def rows(folder: Path, **columns: object) -> Path:
    path = folder / "rows.jsonl"
    path.write_text(json.dumps(columns) + "\n")
    return path


def test_columns_of_other_names_are_guessed_by_what_they_hold(tmp_path: Path) -> None:
    assert looked(str(rows(tmp_path, a=1, user_query="Why?")), tmp_path).column == "user_query"
    assert looked(str(rows(tmp_path, id=1, turns=["Why?", "And?"])), tmp_path).column == "turns.0"
    assert looked(str(rows(tmp_path, question=7, text="Why?")), tmp_path).column == "text"
    assert looked(str(rows(tmp_path, words="Why?")), tmp_path).column == "words"
    assert looked(str(rows(tmp_path, a="Why?", b="So.")), tmp_path, "b").column == "b"
    with pytest.raises(
        RecipeError, match=r"no column of .*rows.jsonl looks like prompts; say which with --column; it has a, b"
    ):
        looked(str(rows(tmp_path, a="Why?", b="So.")), tmp_path)
    with pytest.raises(RecipeError, match=r"--column: .*rows.jsonl has no column 'qestion'; did you mean 'question'\?"):
        looked(str(rows(tmp_path, question="Why?", b="So.")), tmp_path, "qestion")
    with pytest.raises(RecipeError, match=r"--data: there is no .*gone.jsonl; did you mean 'rows.jsonl'"):
        looked(str(tmp_path / "gone.jsonl"), tmp_path)


def test_data_is_named_from_where_the_recipe_stands(tmp_path: Path) -> None:
    data = rows(tmp_path, prompt="Why?")
    assert looked(str(data), tmp_path).source == "rows.jsonl"
    assert looked(str(data), tmp_path / "recipes").source == "../rows.jsonl"
    assert looked(str(data), tmp_path / "a" / "b").source == data.resolve().as_posix()


def test_only_what_was_answered_is_other_than_in_the_shipped_recipe(forms: dict[str, Path], tmp_path: Path) -> None:
    """Comments of its own included."""
    answers = replace(answered("self-taught-evaluators", "openai"), data=looked(str(forms["jsonl"]), tmp_path))
    new = made(replace(answers, models=["openai/a"], judges=["anthropic/b"]), tmp_path / "mine.yaml")
    ours, shipped = new.text.splitlines(), (RECIPES / "self-taught-evaluators.yaml").read_text().splitlines()
    assert [line for line in shipped if line not in ours] == [
        "# yaml-language-server: $schema=../schemas/recipe.json",
        "recipe: self-taught-evaluators",
        "  writer: {use: openai/gpt-4.1-mini, temperature: 0.7, top_p: 0.9, max_tokens: 4096}",
        "  judge: {use: openai/gpt-4.1-mini, temperature: 0.7, top_p: 0.9, max_tokens: 4096}",
        "  all: {load: data/user_oriented_prompts.jsonl}",
    ]
    assert "# The recipe it comes from says, of its own data too:" in ours
    own = [line for line in ours if line not in shipped and not line.lstrip().startswith("#")]
    assert own == [
        "recipe: mine",
        "  writer: {use: openai/a, temperature: 0.7, top_p: 0.9, max_tokens: 4096}",
        "  judge: {use: anthropic/b, max_tokens: 4096}",
        f"  all: {{load: {answers.data.source if answers.data else ''}, prompt: instruction}}",
    ]
    assert max(map(len, ours)) <= 120


def test_comments_say_what_each_step_does_and_asks(tmp_path: Path) -> None:
    """What one prompt of Self-Taught Evaluators asks: a label, an answer, a perturbed one, and 2 orders 15 times."""
    new = made(answered("self-taught-evaluators", "openai"), tmp_path / "mine.yaml")
    assert {name: (one.least, one.most, one.once) for name, one in new.calls.items()} == {
        "labelled": (1, 1, False),
        "responses": (1, 1, False),
        "pairs": (1, 1, False),
        "judgments": (2, 30, False),
    }
    lines = new.text.splitlines()
    assert "# It asks 5 to 33 calls a prompt. Most are for judgments." in lines
    assert "# Canaries, which test the judges, come on top: for 1% of the rows that are judged." in lines
    above = lines[lines.index(next(line for line in lines if line.startswith("  judgments:"))) - 1]
    assert above == "  # Which of two responses is better? 2 to 30 calls a prompt."
    assert any(line.startswith("#   models.judge.use ") for line in lines)


@pytest.mark.slow
def test_what_is_asked_once_for_all_is_told_so(tmp_path: Path) -> None:
    new = made(answered("self-rewarding", "openai"), tmp_path / "mine.yaml")
    assert (new.calls["written1"].most, new.calls["written1"].once) == (20, True)
    assert "20 calls in all." in new.text


def test_a_judge_by_likelihood_judges_in_words_where_no_probabilities_are_told(tmp_path: Path) -> None:
    steps = drafted(answered("quickstart", "openai"), tmp_path / "mine.yaml")[1].steps
    assert (steps["judgments"].verb, steps["judgments"].settings) == ("compare", {"model": "small"})
    assert steps["pairs"].settings == {"model": "small"}
    assert (
        drafted(answered("quickstart", "local"), tmp_path / "mine.yaml")[1].steps
        == load(RECIPES / "quickstart.yaml").steps
    )


def test_models_are_shared_out(tmp_path: Path) -> None:
    def models(name: str, writers: list[str], judges: list[str]) -> dict[str, object]:
        recipe = drafted(Answers(name, "", writers, judges), tmp_path / "mine.yaml")[1]
        return {role: settings["use"] for role, settings in recipe.models.items()}

    assert models("temporal", ["openai/a"], []) == dict.fromkeys(["newer", "older", "judge"], "openai/a")
    assert models("temporal", ["openai/a", "openai/b"], ["openai/c"]) == {
        "newer": "openai/a",
        "older": "openai/b",
        "judge": "openai/c",
    }
    assert models("ultrafeedback", ["openai/a", "openai/b"], [])["pool"] == ["openai/a", "openai/b"]
    shipped = load(RECIPES / "panel.yaml").models["jury"]["use"]
    assert models("panel", ["openai/a"], [])["jury"] == shipped
    with pytest.raises(RecipeError, match=r"--judge: panel has 3 judges .*; give --judge 3 times"):
        models("panel", ["anthropic/a"], [])
    with pytest.raises(RecipeError, match="--judge: panel has a panel of 3 judges; give --judge 3 times"):
        models("panel", ["openai/a"], ["openai/b"])
    with pytest.raises(RecipeError, match=r"--judge: self-rewarding has no judge of its own: .* leave the option out"):
        models("self-rewarding", ["openai/a"], ["openai/b"])
    with pytest.raises(RecipeError, match="--model: temporal asks 2 models there"):
        models("temporal", ["openai/a", "openai/b", "openai/c"], [])


def test_an_address_goes_to_every_model_and_a_known_host_brings_its_key(tmp_path: Path) -> None:
    for url, key in (("http://127.0.0.1:8000/v1", None), ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY")):
        answers = Answers("ultrafeedback", "", ["openai/a"], [], None, url)
        recipe = drafted(answers, tmp_path / "mine.yaml")[1]
        told = [(one["base_url"], one.get("api_key_env")) for one in recipe.models.values()]
        assert told == [(url, key)] * 2


def test_a_recipe_is_found_by_its_name_or_its_paper() -> None:
    assert found("rlcd") == "rlcd"
    assert found("arXiv:2408.02666") == found("2408.02666") == "self-taught-evaluators"
    for name in ("2408.0266", "rlcdd", ""):
        with pytest.raises(RecipeError, match="--recipe: no recipe"):
            found(name) if name != "2408.0266" else found("9999.99999")


def test_every_model_of_a_recipe_writes_or_judges() -> None:
    for name in NAMES:
        recipe = load(RECIPES / f"{name}.yaml")
        writers, judges = roles(recipe)
        assert sorted([*writers, *judges]) == sorted(recipe.models)


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    new = made(answered("rlcd", "openai"), tmp_path / "mine.yaml")
    files = written(new)
    assert {file.relative_to(tmp_path).as_posix() for file in files} >= {"mine.yaml", "schemas/recipe.json"}
    assert load(tmp_path / "mine.yaml").name == "mine"
    make(load(tmp_path / "mine.yaml"), writers=CONFIGS, keys=False)  # with the data that was copied
    new.path.write_text("mine")
    with pytest.raises(RunError, match=r"mine.yaml is there already; name another with --out, or write over it"):
        written(new)
    assert new.path.read_text() == "mine"
    written(new, force=True)
    assert new.path.read_text() == new.text
