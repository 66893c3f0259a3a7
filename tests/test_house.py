"""The house: imports run one way, one word stands in five places, nothing is long, nothing heavy comes early."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prefgen import verbs
from prefgen.asker import Asker

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "prefgen").rglob("*.py"))
PARTS = {*verbs.ROOMS, "stops", "formats"}
STOREYS = [
    {"errors", "texts", "door", "differences", "allow", "clock", "stamp"},
    {"language", "bounds", "folders", "kinds", "needs", "conversations"},
    {"promptfile", "storage"},
    {"asker", "rows", "verbs", "settings", "pages"},
    {"hostile", "applied", "stopping", "order", "framing"},
    {"recipe", "llm", "engines", "tablefile", "codefile", *PARTS},
    {"cells", "pools", "touched", "told", "schema", "resources", "statistics", "spool", "agreement"},
    {"canaries", "nothing"},
    {"planned", "shown"},
    {"drawing", "saved", "standins", "placed"},
    {"target", "splits", "rounds", "configs", "judged", "early", "kept", "replayed"},
    {"plan", "shards", "shardfiles", "together"},
    {"flow", "progress", "wholes"},
    {"stages", "judging"},
    {"rehearse", "dataset", "gate", "again", "trainers"},
    {"card", "verify", "export", "far"},
    {"grown"},
    {"append"},
    {"manifest"},
    {"written"},
    {"html"},
    {"browse"},
    {"report"},
    {"run"},
    {"after", "batches", "ways", "new"},
    {"compared", "audit", "comparison"},
    {"replay"},
    {"columns", "phrases"},
    {"live", "display_funnel", "display_results"},
    {"display", "terminal", "options", "hub"},
    {"display_replay", "display_plan", "display_show", "display_compare", "display_audit"},
    {"cli_after", "cli_export", "cli_hub", "cli_lists", "cli_look", "cli_new", "cli_audit"},
    {"cli_run"},
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
        allowed = {
            "asker",
            "rows",
            "kinds",
            "conversations",
            "errors",
            "texts",
            "hostile",
            "bounds",
            "stopping",
            "order",
            own,
        }
        assert others <= allowed
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


UNPICKLERS = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal", "torch", "joblib", "jsonpickle", "runpy", "code",
    "codeop", "ctypes", "imp", "zipimport",
}  # fmt: skip
"""What runs code, or turns bytes into objects with code of their own."""
RUNS_CODE = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "execfile",
    "system",
    "popen",
    "literal_eval",
    "load_module",
    "exec_module",
}
SUBPROCESSES = {"subprocess", "pty", "multiprocessing"}
RUNS = {
    "codefile.py": {"exec", "compile"},  # a verb of the recipe's own file, where the caller allows it
    "card/drawing.py": {"subprocess"},  # draws pictures: ours alone, of numbers and of names as text
    "llm/weights.py": {"subprocess"},  # pip fetches weights whose hash is known
    "llm/guarded.py": {"subprocess"},  # vLLM's own command, whose values are no flags
    "judges/reading/structured.py": {"literal_eval"},  # literals alone
}


def names_of(node: ast.AST) -> set[str]:
    """The modules that an import names, or the function that a call calls by its own name."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").split(".")[0]} if not node.level else set()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return {node.func.id}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        own = {
            "system",
            "popen",
            "load_module",
            "exec_module",
            "literal_eval",
            "read_pickle",
            "allow_pickle",
            "deserialize",
        }
        return {node.func.attr} & own
    return set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_unpickles_and_code_runs_in_one_place(path: Path) -> None:
    tree = ast.parse(path.read_text())
    found = {name for node in ast.walk(tree) for name in names_of(node)}
    runs = found & (RUNS_CODE | UNPICKLERS | SUBPROCESSES | {"read_pickle", "deserialize"})
    assert runs == RUNS.get(str(path.relative_to(ROOT / "prefgen")), set())
    keywords = {word.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords}
    assert not keywords & {"allow_pickle", "trust_remote_code", "weights_only"}


def test_no_yaml_is_read_but_by_the_safe_loader_of_pages() -> None:
    for path in SOURCES:
        text = path.read_text()
        assert "import yaml" not in text
        assert 'YAML(typ="unsafe"' not in text
        assert ("ruamel.yaml" not in text) or path.name in {"pages.py", "front.py"}, path.name


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


RUN = """
import sys
from pathlib import Path
from prefgen import Recipe, do, run
from prefgen.llm.request import Completion
from prefgen.verbs import answer, load
Path("p.jsonl").write_text("\\n".join('{"prompt": "question %d"}' % n for n in range(40)))
steps = {"prompts": do(load, "p.jsonl"), "responses": do(answer, "prompts", model="m")}
recipe = Recipe(name="light", models={"m": {"use": "fake/m"}}, steps=steps, write={"responses": "responses"})
run(recipe, "out", fakes={"m": lambda request, seed: "an answer"})
"""


def test_a_run_loads_no_statistics_no_hub_no_drawer_and_no_cluster(tmp_path: Path) -> None:
    """Nor what other libraries would bring along."""
    code = f"{RUN}\nprint(' '.join(sys.modules), file=sys.stderr)"
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=path, check=True
    )
    loaded = set(done.stderr.split())
    assert "pyarrow.parquet" in loaded
    heavy = {
        "pandas",
        "scipy",
        "altair",
        "vl_convert",
        "statsmodels",
        "datasets",
        "huggingface_hub",
        "openai",
        "anthropic",
        "sklearn",
        "ray",
        "fsspec",
        "s3fs",
        "botocore",
    }
    assert not {name.split(".")[0] for name in loaded} & heavy
    assert "pyarrow.compute" not in loaded


def test_import_prefgen_loads_no_loop_and_no_metadata() -> None:
    code = "import prefgen, sys; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert not set(done.stdout.split()) & {"asyncio", "importlib.metadata", "email", "sqlite3", "numpy"}
