"""Each example on the pages is run: Python with a server on loopback, recipes planned, command lines parsed, files and
targets that are named are there, links lead somewhere.

Of a page's blocks of code, one with a title is a file of that name for the others; `text` behind `python` is what that
prints; a recipe is whole, or lies `<!-- over: NAME -->` a recipe that comes with prefgen.
"""

import contextlib
import io
import json
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from prefgen import Allow, Recipe, cli, cli_run, gate, load, run
from prefgen.configs import CONFIGS
from prefgen.plan import make
from tests.fakes import writes
from tests.layouts import SAMPLES
from tests.servers import OpenAIServer
from tests.spoken import spoken

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]
BLOCK = re.compile(
    r'(?:<!-- over: (?P<over>[\w-]+) -->\n)?^```(?P<kind>\w+)(?: title="(?P<title>[^"\n]+)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    page: str
    kind: str
    text: str
    title: str
    over: str
    line: int


@cache
def blocks(path: Path) -> list[Block]:
    page = path.read_text(encoding="utf-8")
    return [
        Block(
            path.stem,
            one["kind"],
            one["text"],
            one["title"] or "",
            one["over"] or "",
            page[: one.start("text")].count("\n"),
        )
        for one in BLOCK.finditer(page)
    ]


def of_kind(kind: str, pages: list[Path] = DOCS) -> list[Any]:
    return [
        pytest.param(block, id=f"{block.page}-{block.line}")
        for path in pages
        for block in blocks(path)
        if block.kind == kind
    ]


# --- Python ---------------------------------------------------------------------------------


def several(body: dict[str, Any]) -> list[str]:
    """The fake's words, another text for each draw."""
    return [spoken({**body, "seed": (body.get("seed") or 0) + n}) for n in range(body.get("n") or 1)]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the quickstart, as pages take it for granted."""
    home = tmp_path_factory.mktemp("ran")
    recipe = load(ROOT / "recipes" / "quickstart.yaml", ["models.small.use=fake/it"])
    run(recipe, home / "quickstart", fakes={"it": writes})
    return home / "quickstart"


@pytest.fixture
def home(ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a page's code runs: a folder with a run and some prompts."""
    shutil.copytree(ran, tmp_path / "runs" / "quickstart")
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "Name three rivers."}\n{"prompt": "What is a prime?"}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """What models are asked at, on loopback."""
    monkeypatch.setenv("OPENAI_API_KEY", "of-this-test")
    with OpenAIServer(several) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        yield server


def filed(path: Path, home: Path) -> None:
    """The files that a page shows, as files."""
    for block in blocks(path):
        if block.title:
            (home / block.title).write_text(block.text)


@pytest.mark.parametrize(
    "path", [path for path in DOCS if any(b.kind == "python" for b in blocks(path))], ids=lambda p: p.stem
)
def test_python_on_a_page_runs_and_prints_what_the_page_says(path: Path, home: Path, provider: OpenAIServer) -> None:
    filed(path, home)
    told: dict[str, Any] = {"__name__": path.stem}
    shown, before = blocks(path), {*sys.modules}
    for block, after in zip(shown, [*shown[1:], None], strict=True):
        if block.kind != "python" or block.title:
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * block.line + block.text, str(path), "exec"), told)
        if after and after.kind == "text":
            assert printed.getvalue() == after.text, f"line {after.line}"
    for name in {*sys.modules} - before:
        if str(home) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_what_a_page_prints_stands_behind_what_prints_it() -> None:
    for path in DOCS:
        kinds = [block.kind for block in blocks(path)]
        assert all(one == "python" for one, other in pairwise(kinds) if other == "text"), path.name


# --- recipes --------------------------------------------------------------------------------


def over(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's data with a fragment's over it; what is written is the fragment's alone."""
    deep = {
        key: over(base[key], value) if key != "write" and isinstance(value, dict) and key in base else value
        for key, value in other.items()
        if key != "steps" or "steps" not in base
    }
    steps = {"steps": {**base["steps"], **other.get("steps", {})}} if "steps" in base else {}
    return {**base, **deep, **steps}


def planned(recipe: Recipe, allow: Allow) -> Any:
    plan = make(recipe, keys=False, writers=CONFIGS, allow=allow)
    gate.plans(plan, keys=False)
    return plan


@pytest.mark.parametrize("block", of_kind("yaml"))
def test_a_recipe_on_a_page_can_be_planned(block: Block, home: Path) -> None:
    shutil.copytree(ROOT / "recipes" / "data", home / "data")
    filed(ROOT / "docs" / f"{block.page}.md", home)
    gold = [{"prompt": f"{n}?", "chosen": f"yes {n}", "rejected": "no"} for n in range(4)]
    (home / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in gold))
    sample = next(one.rows for one in SAMPLES if one.layout == "helpsteer3")
    (home / "hub.jsonl").write_text("".join(json.dumps(row) + "\n" for row in sample))
    text = block.text.replace("nvidia/HelpSteer3", "hub.jsonl")
    if block.over:
        yaml = YAML(typ="safe")
        base = yaml.load(ROOT / "recipes" / f"{block.over}.yaml")
        text = json.dumps(over(base, yaml.load(text)))
    (home / "recipe.yaml").write_text(text)
    presets = load(home / "recipe.yaml").presets
    for preset in (None, *presets):
        plan = planned(load(home / "recipe.yaml", preset=preset), Allow(code=[file.name for file in home.glob("*.py")]))
        assert plan.steps


@pytest.mark.parametrize("block", of_kind("toml"))
def test_a_plug_in_on_a_page_names_the_group_that_is_looked_at(block: Block, home: Path) -> None:
    (group, points) = next(iter(tomllib.loads(block.text)["project"]["entry-points"].items()))
    assert group == "prefgen.verbs"
    files = "".join(one.text for one in blocks(ROOT / "docs" / f"{block.page}.md") if one.title.endswith(".py"))
    assert all(re.search(rf"(def|class) {point.partition(':')[2]}\b", files) for point in points.values())


# --- command lines --------------------------------------------------------------------------

APP: Any = typer.main.get_command(cli.app)
COMING = {"view", "show", "marks", "report", "audit", "compare", "new"} - {*APP.commands}


def shell(path: Path) -> list[str]:
    """The lines of a page that are typed: indented, or in a block."""
    text = path.read_text(encoding="utf-8")
    typed = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    typed += "\n" + "\n".join(block.text for block in blocks(path) if block.kind in {"sh", "bash"})
    return re.sub(r"\\\n\s*", "", typed).splitlines()


def said(path: Path) -> list[str]:
    """What stands in a line's code."""
    return re.findall(r"`([^`\n]+)`", path.read_text(encoding="utf-8"))


def parsed(words: list[str]) -> tuple[str, dict[str, Any]]:
    """A command line's command, and what it is called with; raises what the command line raises for a wrong one."""
    with APP.make_context("prefgen", words, resilient_parsing=False) as context:
        group, rest = APP, [*getattr(context, "_protected_args", []), *context.args]
        while hasattr(group, "commands"):
            _, group, rest = group.resolve_command(context, rest)
            if not rest and getattr(group, "invoke_without_command", False):
                return "", {}
        return group.name, group.make_context(group.name, rest, parent=context).params


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_command_lines_on_a_page_are_taken_by_the_command(path: Path, home: Path) -> None:
    """And a recipe that they run can be planned with what they set, unless it is ours to make up or on the Hub."""
    shutil.copytree(ROOT / "recipes", home / "recipes")
    shutil.copytree(ROOT / "recipes" / "data", home / "data")
    for page in DOCS:
        filed(page, home)
    for line in shell(path):
        for part in re.split(r" && |; ", line):
            if not part.startswith("prefgen ") or part.split()[1] in COMING:
                continue
            command, given = parsed(shlex.split(part, comments=True)[1:])
            if command not in {"run", "plan"} or given["recipe"].startswith(("mine", "my-", "rewardbench")):
                continue
            allow = Allow(given["allow_code"], given["allow_host"])
            planned(cli_run.read_recipe(given["recipe"], given["overrides"], given["preset"], given["seed"]), allow)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_commands_and_options_in_a_line_are_there(path: Path) -> None:
    for text in said(path):
        if not text.startswith("prefgen ") or "…" in text or text.split()[1] in COMING:
            continue
        group: Any = APP
        words = shlex.split(text)[1:]
        while hasattr(group, "commands") and words and not words[0].startswith("-") and words[0] != "COMMAND":
            assert words[0] in group.commands, text
            group = group.commands[words.pop(0)]
        known = {name for one in group.params for name in one.opts} | {"--help", "-h"}
        assert {word for word in words if word.startswith("-")} <= known or hasattr(group, "commands"), text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_targets_tests_and_files_that_a_page_names_are_there(path: Path) -> None:
    typed = [*shell(path), *said(path)]
    targets = {word for line in typed for word in re.findall(r"^make ([\w -]+)", line.partition("#")[0])}
    makefile = (ROOT / "Makefile").read_text()
    for target in {one for words in targets for one in words.split()}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    named = [
        re.findall(r"\b((?:tests|bench|recipes|schemas|docs)/[\w./-]+\w|prefgen/[\w/]+\.py)", line)
        for line in said(path)
    ]
    own = {block.title for block in blocks(path)}
    for name in {one for found in named for one in found} - own:
        there = [ROOT / name, ROOT / f"{name}.md", ROOT / f"{name}.py", *ROOT.glob(f"{name}-*.md")]
        assert any(one.exists() for one in there), f"{path.name}: {name}"


# --- links ----------------------------------------------------------------------------------

LINKED = [*PAGES, *sorted((ROOT / "docs" / "decisions").glob("*.md"))]


@cache
def anchors(path: Path) -> frozenset[str]:
    """The headings of a page as the forge and the site name them."""
    text = re.sub(r"^(`{3,}).*?^\1$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    heads = [re.sub(r"[^\w\- ]", "", head.lower()) for head in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    return frozenset(head.strip().replace(" ", "-") for head in heads)


MADE = {
    "verbs.md": frozenset({"stops", "judges", "filters"}),
    "commands.md": frozenset({"exit-codes", "what-it-looks-for"}),
}
"""Pages that are in the site alone, and their headings; the site's own build looks at the rest."""


@pytest.mark.parametrize("path", LINKED, ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        if target.startswith(("http://", "https://")) or file.startswith(("verbs/", "papers/")):
            continue
        if file in MADE:
            assert not anchor or anchor in MADE[file], target
            continue
        to = (path.parent / file).resolve() if file else path
        assert to.exists(), target
        assert not anchor or anchor in anchors(to), target
