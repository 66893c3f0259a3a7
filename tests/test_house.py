"""The house: imports run one way, one word stands in five places, nothing is long, nothing heavy comes early."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from prefgen import verbs
from prefgen.asker import Asker

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "prefgen").rglob("*.py"))
PARTS = {*verbs.ROOMS, "stops"}
STOREYS = [
    {"errors", "texts", "door", "differences"},
    {"asker", "rows", "verbs", "settings", "pages"},
    {"hostile"},
    {"recipe", "llm", "engines", "tablefile", *PARTS},
    {"pools", "schema", "resources", "statistics"},
    {"canaries"},
    {"planned"},
    {"target", "rounds", "configs", "judged", "early", "kept", "replayed"},
    {"plan", "shards"},
    {"stages", "judging"},
    {"rehearse", "dataset", "gate", "again"},
    {"card", "verify"},
    {"manifest"},
    {"run"},
    {"after", "ways"},
    {"compared"},
    {"replay"},
    {"display", "terminal", "options"},
    {"display_replay"},
    {"cli_after"},
    {"cli"},
]
"""From the ground up: a module imports from storeys below its own, or from its own room."""
LEVEL = {name: level for level, names in enumerate(STOREYS) for name in names}


def room(path: Path) -> str:
    return path.relative_to(ROOT / "prefgen").parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The rooms of prefgen that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "prefgen":
            names = [alias.name for alias in node.names] if node.module == "prefgen" else [node.module.split(".")[1]]
            found |= set(names) - {"__version__"}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    own, others = room(path), imported(path)
    if own in PARTS:
        assert others <= {"asker", "rows", "errors", "texts", "hostile", own}
    elif own == "llm":
        assert others <= {"errors", "texts", "llm"}
    elif own != "__init__":
        above = {name for name in others if name != own and LEVEL[name] >= LEVEL[own]}
        assert not above


def test_one_word_in_five_places() -> None:
    for name_of_room in verbs.ROOMS:
        for word, module in verbs.files(name_of_room).items():
            verb = verbs.find(word)
            assert verb.__name__ == word
            assert (ROOT / "tests" / name_of_room / f"test_{word}.py").exists(), word
            assert (sys.modules[module].__doc__ or "").strip(), word
            if isinstance(verb, type) and issubclass(verb, Asker):
                assert (ROOT / "prefgen" / name_of_room / f"{word}.md").exists(), word
    for word in verbs.files("stops"):
        assert verbs.find_stop(word).__name__ == word
        assert (ROOT / "tests" / "stops" / f"test_{word}.py").exists()


def test_no_function_is_over_50_lines() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 50, f"{path.name}: {node.name}"


def test_no_file_is_over_300_lines() -> None:
    for path in SOURCES:
        assert len(path.read_text().splitlines()) <= 300, path.name


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return {name.split(".")[0] for name in done.stderr.split()}


def test_import_prefgen_loads_nothing_heavy() -> None:
    heavy = {
        "polars",
        "pyarrow",
        "datasets",
        "openai",
        "anthropic",
        "huggingface_hub",
        "pydantic",
        "scipy",
        "rich",
        "typer",
    }
    assert not loaded_by("import prefgen") & heavy


def test_help_loads_no_table_and_no_provider() -> None:
    asked = (
        "import sys; sys.argv = ['prefgen', '--help']\nfrom prefgen.cli import app\ntry: app()\nexcept SystemExit: pass"
    )
    assert not loaded_by(asked) & {"polars", "pyarrow", "datasets", "openai", "anthropic", "huggingface_hub", "scipy"}


def test_filters_load_no_hub_and_no_provider() -> None:
    found = loaded_by("from prefgen.filters import verdict_agreement, length_control")
    assert not found & {"datasets", "openai", "anthropic", "pyarrow", "huggingface_hub"}
    assert "polars" in found
