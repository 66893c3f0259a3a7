"""What a run touches is told before it asks anything, and prompt files lie where prompt files lie."""

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from prefgen import Allow, Recipe, do, load, run
from prefgen import plan as planning
from prefgen.configs import CONFIGS
from prefgen.errors import RecipeError
from prefgen.run import estimates
from prefgen.touched import inside
from tests.fakes import writes

RECIPE = """\
models: {it: {use: fake/it}}
steps:
  prompts: {load: SOURCE}
  responses: {answer: prompts, model: it}
  scored:
    score: responses
    model: it
    template: TEMPLATE
"""


def recipe(home: Path, template: str = "score.md", source: str = "prompts.jsonl", sets: tuple[str, ...] = ()) -> Recipe:
    (home / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
    (home / "r.yaml").write_text(RECIPE.replace("TEMPLATE", template).replace("SOURCE", source))
    return load(home / "r.yaml", sets)


def refused(found: Recipe) -> str:
    with pytest.raises(RecipeError) as caught:
        planning.make(found, writers=CONFIGS, fakes={"it": writes})
    (one,) = caught.value.problems
    return str(one)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A recipe's folder, below one with a file of its reader's."""
    (tmp_path / "mine.md").write_text("{{ response }}?")
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "own.md").write_text("{{ response }}?")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "own.md").write_text("{{ response }}?")
    return folder


def test_prompt_files_lie_in_the_recipe_s_folder_where_the_command_runs_or_beside_the_verb(home: Path) -> None:
    for template in ("own.md", "score.md", "../stranger/own.md", str(home / "own.md")):
        assert planning.make(recipe(home, template), fakes={"it": writes}).steps["scored"]
    with chdir(home.parent):
        for template in ("mine.md", "../mine.md", str(home.parent / "mine.md")):
            assert planning.make(recipe(home, template), fakes={"it": writes}).steps["scored"]


@pytest.mark.parametrize("template", ["../mine.md", "ABSOLUTE", "link.md", ".hidden/own.md", "linked/mine.md"])
def test_any_other_is_refused_with_its_line_unless_the_caller_names_it(template: str, home: Path) -> None:
    (home / "link.md").symlink_to(home.parent / "mine.md")
    (home / "linked").symlink_to(home.parent)
    template = template.replace("ABSOLUTE", str(home.parent / "mine.md"))
    said = refused(recipe(home, template))
    path = home / template
    assert said == (
        f"{home / 'r.yaml'}:8: scored: template: {path} is none of the recipe's files, and what it holds would be sent to a model; "
        f"copy it beside the recipe, or name it yourself: --set steps.scored.template={path}"
    )
    for sets in (
        (f"steps.scored.template={template}",),
        (f"steps.scored={{score: responses, model: it, template: {template}}}",),
    ):
        assert planning.make(recipe(home, "own.md", sets=sets), fakes={"it": writes}).steps["scored"]
    assert refused(recipe(home, template, sets=("seed=3",))) == said, "another value is not this one"


def test_a_recipe_of_python_is_its_caller_s_own(home: Path) -> None:
    rows: list[dict[str, Any]] = [{"prompt": "why?"}]
    steps = {
        "prompts": do("load", rows),
        "responses": do("answer", "prompts", model="it"),
        "scored": do("score", "responses", model="it", template=str(home.parent / "mine.md")),
    }
    made = Recipe(name="mine", steps=steps, models={"it": {"use": writes}})
    assert made.typed("steps", "scored", "template")
    assert planning.make(made).steps["scored"]


def test_an_exported_prompt_file_is_one_too(home: Path) -> None:
    text = RECIPE.replace("SOURCE", "prompts.jsonl").partition("  scored:")[0]
    text += "  pairs: {perturb: responses, model: it}\n  orders: {both_orders: pairs}\n  judged: {compare: orders, model: it, export: ../mine.md}\n"
    (home / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
    (home / "r.yaml").write_text(text)
    assert ": judged: export: " in refused(load(home / "r.yaml"))


def test_a_gate_s_prompt_file_is_judged_by_its_own_step(home: Path) -> None:
    """The gate's little recipe calls its step `judgments`, whatever the real one is called."""
    gold = {"prompt": "why?", "chosen": "so", "rejected": "no"}
    (home.parent / "gold.jsonl").write_text(json.dumps(gold) + "\n")
    text = (
        RECIPE.replace("SOURCE", "prompts.jsonl")
        + "    gate: {data: ../gold.jsonl}\n  judgments: {score: responses, model: it, template: TEMPLATE}\n"
    )
    (home / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
    (home / "r.yaml").write_text(text.replace("TEMPLATE", "own.md"))
    found = load(home / "r.yaml", [f"steps.scored.template={home.parent / 'mine.md'}"])
    said: list[str] = []
    run(found, home / "run", fakes={"it": lambda request, seed: f"Score: {seed % 6}"}, say=said.append)
    assert f"note: reads {home.parent / 'gold.jsonl'}" in said


def test_files_outside_of_the_folder_are_told(home: Path) -> None:
    (home.parent / "data.jsonl").write_text('{"prompt": "why?"}\n')
    (home.parent / "list.jsonl").write_text('{"a": 1}\n')
    (home / "link.jsonl").symlink_to(home.parent / "data.jsonl")
    (home / "d").mkdir()
    (home / "d" / "train.jsonl").symlink_to(home.parent / "data.jsonl")
    outside = f"reads {home.parent / 'data.jsonl'}"
    for source in ("../data.jsonl", "link.jsonl", str(home.parent / "data.jsonl"), "d"):
        plan = planning.make(recipe(home, source=source), fakes={"it": writes})
        assert plan.notices == (outside,)
    assert planning.make(recipe(home), fakes={"it": writes}).notices == ()
    drawn = (
        RECIPE.partition("  responses")[0].replace("SOURCE", "prompts.jsonl")
        + "  drawn: {draw: prompts, among: ../list.jsonl}\n"
    )
    (home / "r.yaml").write_text(drawn)
    assert planning.make(load(home / "r.yaml"), fakes={"it": writes}).notices == (
        f"reads {home.parent / 'list.jsonl'}",
    )


def test_hosts_and_variables_are_told_once_before_anything_is_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-mine-0123456789")
    models = "models: {it: {use: [openai/a, openai/b]}, other: {use: openai/c, base_url: http://gpu.lan/v1}, spare: {use: openai/x}}"
    text = (
        RECIPE.replace("models: {it: {use: fake/it}}", models)
        .replace("SOURCE", "prompts.jsonl")
        .replace("TEMPLATE", "own.md")
    )
    (home / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
    (home / "r.yaml").write_text(text.replace("    model: it\n", "    model: other\n"))
    said: list[str] = []
    estimates(load(home / "r.yaml"), home / "run", say=said.append)
    assert said == ["note: asks api.openai.com with the key in OPENAI_API_KEY", "note: asks gpu.lan without a key"]
    assert "0123456789" not in "".join(said)


def test_a_key_that_may_not_go_is_told_with_its_line_also_by_plan(home: Path) -> None:
    text = RECIPE.replace(
        "{it: {use: fake/it}}",
        "\n  it:\n    use: openai/m\n    base_url: https://evil.example/v1\n    api_key_env: OPENAI_API_KEY",
    )
    (home / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
    (home / "r.yaml").write_text(text.replace("SOURCE", "prompts.jsonl").replace("TEMPLATE", "own.md"))
    words = "it: openai/m would send the key in OPENAI_API_KEY to evil.example; if it belongs there, allow it with --allow-host evil.example"
    with pytest.raises(RecipeError) as caught:
        estimates(load(home / "r.yaml"))
    assert str(caught.value) == f"{home / 'r.yaml'}:4: {words}"
    assert planning.make(load(home / "r.yaml"), keys=False, allow=Allow(hosts=["evil.example"])).steps["scored"]


def test_what_lies_inside_is_what_really_lies_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "out").symlink_to(tmp_path)
    (tmp_path / "a" / "ring").symlink_to("ring")
    found = {
        path: inside(tmp_path / path, tmp_path / "a")
        for path in ("a/x", "a/b/../x", "x", "a/../x", "a/out/x", "a/.x", "a/.b/x", "a/ring", "a/\0", "ab/x")
    }
    assert [path for path, is_inside in found.items() if is_inside] == ["a/x", "a/b/../x"]
