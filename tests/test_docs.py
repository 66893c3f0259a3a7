"""The pages say what is there: every recipe, step, preset, verb and command that they name, and none is missing."""

import inspect
import json
import re
from math import comb
from pathlib import Path
from typing import Any

import pytest

from bench.calls import ITEMS, SELF_TAUGHT, cascade, lazy, row_of, self_taught
from prefgen import cli, load, run, verbs
from prefgen.asker import Asker
from prefgen.cli import EXIT_CODES
from prefgen.configs import CONFIGS
from prefgen.judged import HEAD
from prefgen.schema import recipe_schema
from prefgen.sources._layouts import LAYOUTS
from prefgen.sources.load_pairs import load_pairs
from prefgen.statistics import MEASURES
from tests.fakes import writes
from tests.layouts import SAMPLES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
READING = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
COST = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
PAPERS = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")
NAMES = sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml"))


def section(name: str) -> str:
    """What the page says of one recipe."""
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAPERS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/papers.md has no section {name}"
    return found[1]


def coded(text: str) -> set[str]:
    return set(re.findall(r"`([\w-]+)`", text))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_papers_has_every_step_and_preset(name: str) -> None:
    recipe, said = load(ROOT / "recipes" / f"{name}.yaml"), section(name)
    first = {step for line in said.splitlines() if line.startswith("| `") for step in coded(line.split("|")[1])}
    extra = {way.split(".")[1] for values in recipe.presets.values() for way in values if way.count(".") == 1}
    assert set(recipe.steps) <= (first or coded(said))
    assert first <= set(recipe.steps) | extra
    assert set(recipe.presets) <= coded(said) | {f"iteration-{n}" for n in (2, 3)}
    assert recipe.paper in said or not recipe.paper


def test_every_verb_of_a_recipe_stands_on_the_page_or_speaks_for_itself() -> None:
    plain = {"load", "answer", "concat", "as_prompts", "select", "likelihood"}
    used = {str(step.verb) for name in NAMES for step in load(ROOT / "recipes" / f"{name}.yaml").steps.values()}
    assert used - coded(PAPERS) <= plain


def test_links_of_the_page_lead_somewhere() -> None:
    assert set(re.findall(r"\(#([\w-]+)\)", PAPERS)) == set(NAMES)


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.stem)
def test_no_page_waits_for_its_figures(path: Path) -> None:
    """A word in capitals alone on a line stands for what was to come."""
    assert re.findall(r"^[A-Z]{3,}$", path.read_text(encoding="utf-8"), re.MULTILINE) == []


def test_the_readme_shows_the_recipe_as_it_is() -> None:
    shown = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)[0]
    whole = (ROOT / "recipes" / "self-taught-evaluators.yaml").read_text(encoding="utf-8").splitlines()
    lines = [line for line in shown.splitlines() if line.strip() and line.strip() != "…"]
    assert [line for line in lines if line not in whole] == []
    recipe = load(ROOT / "recipes" / "self-taught-evaluators.yaml")
    assert {line.strip().partition(":")[0] for line in lines} >= set(recipe.steps)


def test_the_readme_names_every_recipe_command_room_and_exit_code() -> None:
    assert set(NAMES) <= coded(README)
    commands = {
        command.name or command.callback.__name__ for command in cli.app.registered_commands if command.callback
    }
    groups = {group.name for group in cli.app.registered_groups}
    assert {f"prefgen {name}" for name in commands | groups} <= set(re.findall(r"`(prefgen \w+)", README))
    codes = {*EXIT_CODES.values(), 5}
    assert codes <= {
        int(code) for code in re.findall(r"\b(\d{1,3}) (?=[a-z])", README.partition("Exit codes:")[2][:400])
    }
    assert all(f"{room}/" in README for room in verbs.ROOMS)


def test_python_in_the_readme_is_python() -> None:
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        compile(block, "README.md", "exec")
        for line in block.splitlines():
            if line.startswith(("from prefgen", "import prefgen")):
                exec(line, {})  # what the page tells users to import


def test_the_page_on_cost_has_every_stop_and_recipes_that_it_names() -> None:
    assert set(verbs.files("stops")) <= set(re.findall(r"stop: \{?(\w+)", COST))
    assert set(re.findall(r"\.\./recipes/([\w-]+)\.yaml", COST)) <= set(NAMES)


@pytest.mark.slow
def test_figures_on_the_page_on_cost_are_those_of_the_benchmark() -> None:
    """Of the lines that take no minute."""
    quick = [
        *(self_taught(mix, ITEMS) for mix in SELF_TAUGHT),
        *(lazy(p, ITEMS) for p in (0.6, 0.8)),
        cascade(10, ITEMS),
    ]
    for line in quick:
        assert row_of(line) in COST


def test_the_page_on_reading_has_every_layout_with_its_columns_and_every_reason() -> None:
    for layout in LAYOUTS:
        if layout.instead or layout.name.startswith("prefgen"):
            continue
        (line,) = [line for line in READING.splitlines() if line.startswith(f"| `{layout.name}` |")]
        columns = line.split("|")[2].replace("those of `pairs`", "prompt, chosen, rejected")
        assert set(re.findall(r"[\w-]+", re.sub(r"\(.*?\)", "", columns))) == layout.marks
    assert coded(READING) >= {layout.name for layout in LAYOUTS if not layout.instead}
    docstring, page = (re.sub(r"\s+", " ", text) for text in (load_pairs.__doc__ or "", READING))
    reasons = set(re.findall(r'"([a-z0-9 ]+)"', docstring))
    assert "another split" in reasons
    assert reasons <= set(re.findall(r'"([a-z0-9 ]+)"', page))


def test_the_recipe_on_the_page_on_reading_is_one(tmp_path: Path) -> None:
    (steps,) = re.findall(r"```yaml\n(.*?)```", READING, re.DOTALL)
    rows = next(sample.rows for sample in SAMPLES if sample.layout == "helpsteer3")
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "r.yaml").write_text(f"recipe: page\nmodels: {{judge: {{use: fake/it}}}}\n{steps}")
    run(load(tmp_path / "r.yaml", ["steps.pairs.load_pairs=x.jsonl"]), tmp_path / "run", fakes={"it": writes})
    loaded, *_, agreed = json.loads((tmp_path / "run" / "run.json").read_text())["steps"]
    assert loaded["dropped"] == {"empty response": 1, "no preference": 1, "tie": 1}
    assert agreed["rows_in"] == 2 * loaded["rows_out"] == 4


def test_filters_in_the_readme_do_what_it_says() -> None:
    (block,) = [one for one in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "prefgen.filters" in one]
    told: dict[str, Any] = {}
    exec(block, told)
    assert [row["id"] for row in told["kept"]] == ["p.0", "p.3"]
    assert [row["dropped"] for row in told["marked"]] == [None] * 4


def test_figures_on_the_page_on_judging_are_what_its_formula_says() -> None:
    page = (ROOT / "docs" / "judging.md").read_text(encoding="utf-8")
    sizes = (1, 3, 5, 15, 31)
    for line in re.findall(r"^\| (0\.\d\d) \| (.*) \|$", page, re.MULTILINE):
        p = float(line[0])
        made = [sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n // 2 + 1, n + 1)) for n in sizes]
        assert [f"{one:.3f}" for one in made] == line[1].split(" | ")
    both, right = 0.8**2 + 0.2**2, 0.8**2 / (0.8**2 + 0.2**2)
    assert f"keeps {both:.0%}".replace("%", " %") in page
    assert f"{right:.0%} of these are right".replace("%", " %") in page


def test_the_page_of_the_language_has_every_key_setting_and_config() -> None:
    page = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")
    properties = recipe_schema()["properties"]
    assert all(re.search(rf"^{key}:", page, re.MULTILINE) for key in properties)
    models = page.partition("## Models")[2].partition("\n## ")[0]
    assert {*properties["models"]["additionalProperties"]["properties"]} <= coded(models)
    assert {*CONFIGS, "preferences_text"} <= coded(page.partition("## What is written")[2])
    every = {*inspect.signature(Asker).parameters, "guard"}
    assert every <= coded(page.partition("## Steps")[2].partition("\n## ")[0])


def test_the_page_on_judging_has_every_figure_of_a_judge() -> None:
    page = (ROOT / "docs" / "judging.md").read_text(encoding="utf-8")
    assert "gold_is_longer" in MEASURES
    assert all(f"| {name} |" in page for name in HEAD[3:7])
