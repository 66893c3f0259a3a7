"""A verb in a file beside the recipe: it runs where the caller names it, and is not even imported where he does not."""

import json
import py_compile
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from prefgen import Allow, Recipe, do, load, run
from prefgen.errors import RecipeError
from prefgen.recipe import dump
from prefgen.replay import replay
from prefgen.run import estimates
from tests.fakes import writes

ROOT = Path(__file__).parent.parent
RECIPE = """\
recipe: mine
models: {it: {use: fake/it}}
steps:
  prompts: {load: prompts.jsonl}
  kept: {my_verbs.py:long_enough: prompts, most: 3}
"""
VERBS = '''"""Verbs of one's own."""
from __future__ import annotations
from dataclasses import dataclass
from os import system
from pathlib import Path
from functools import partial
import polars as pl
from prefgen.asker import Ask, Asker, Reply, Row
from prefgen.rows import filters, whole

(Path(__file__).parent / "RAN").write_text("x")


def long_enough(rows: pl.DataFrame, *, most: int = 10, by: str | None = None) -> pl.DataFrame:
    """Keeps rows with long names."""
    return rows.filter(pl.col("id").str.len_chars() > most)


@filters
def never(*, share: float = 0.5) -> pl.Expr:
    """Drops all."""
    return pl.lit("no reason")


@whole
def first(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.head(1)


@dataclass(frozen=True, kw_only=True)
class shout(Asker):
    """Asks in capitals."""

    makes = {"shouted": pl.String}

    def ask(self, row: Row) -> Ask:
        return Ask([{"role": "user", "content": row["prompt"][0]["content"].upper()}])

    def needed(self) -> frozenset[str]:
        return frozenset({"prompt"})

    def read(self, row: Row, reply: Reply) -> list[Row]:
        return [{"shouted": reply.text}]


some = partial(long_enough, most=1)
number = 5
'''
ALL = Allow(code=["my_verbs.py"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "why?"}\n{"prompt": "how?"}\n')
    (tmp_path / "my_verbs.py").write_text(VERBS)
    return tmp_path


def recipe(home: Path, step: str = "my_verbs.py:long_enough: prompts, most: 3") -> Recipe:
    (home / "r.yaml").write_text(RECIPE.replace("my_verbs.py:long_enough: prompts, most: 3", step))
    return load(home / "r.yaml")


def go(home: Path, step: str, allow: Allow = ALL) -> Any:
    return run(recipe(home, step), home / "run", fakes={"it": writes}, allow=allow)


def problem(home: Path, step: str, allow: Allow = ALL) -> str:
    with pytest.raises(RecipeError) as caught:
        go(home, step, allow)
    (one,) = caught.value.problems
    assert "\n" not in str(one)
    assert str(one).startswith(f"{home / 'r.yaml'}:5: kept: ")
    return f"{one.what}; {one.cure}"


def test_it_is_not_even_imported_where_nobody_allows_it(home: Path) -> None:
    said = "runs code of my_verbs.py; read it, then allow it with --allow-code my_verbs.py:long_enough"
    others = [
        Allow(),
        Allow(code=["my_verbs.py:never"]),
        Allow(code=["verbs.py"]),
        Allow(code=["*"]),
        Allow(code=["./my_verbs.py"]),
        Allow(hosts=["my_verbs.py"]),
    ]
    for allow in others:
        assert problem(home, "my_verbs.py:long_enough: prompts", allow) == said
    with pytest.raises(RecipeError, match="runs code of my_verbs"):
        estimates(recipe(home))
    assert not (home / "RAN").exists()
    assert not (home / "__pycache__").exists()


def test_it_runs_where_the_caller_names_it_or_all_of_its_file(home: Path) -> None:
    for allow in (Allow(code=["my_verbs.py:long_enough"]), ALL):
        done = go(home, "my_verbs.py:long_enough: prompts, most: 3", allow)
        assert done.table("kept").height == 2
    steps = json.loads((home / "run" / "run.json").read_text())["steps"]
    assert steps[1]["verb"] == "my_verbs.py:long_enough"
    assert (home / "RAN").exists()
    assert not (home / "__pycache__").exists()
    assert list(estimates(recipe(home), allow=ALL)) == ["prompts", "kept"]


@pytest.mark.parametrize(
    ("step", "rows"),
    [
        ("my_verbs.py:never: prompts, share: 1", 0),
        ("my_verbs.py:first: prompts", 1),
        ("my_verbs.py:shout: prompts, model: it, n: 2", 4),
    ],
)
def test_filters_barriers_and_askers_are_verbs_there_too(step: str, rows: int, home: Path) -> None:
    done = go(home, step)
    assert done.table("kept").height == rows
    assert done.counts["kept"].balanced()


def test_its_settings_are_checked_like_any_verb_s(home: Path) -> None:
    assert problem(home, "my_verbs.py:long_enough: prompts, most: 3.5").startswith(
        "my_verbs.py:long_enough: most is 3.5; input should"
    )
    assert (
        problem(home, "my_verbs.py:long_enough: prompts, least: 3")
        == "my_verbs.py:long_enough has no setting 'least'; choose from by, most"
    )
    assert (
        problem(home, "my_verbs.py:shout: prompts") == "my_verbs.py:shout needs the setting 'model'; write `model: …`"
    )


MISSING = {
    "no file": ("my_verb.py:long_enough: prompts", "there is no my_verb.py in the recipe's folder; did you mean 'my_verbs.py'?"),
    "no function": ("my_verbs.py:long: prompts", "my_verbs.py makes no function 'long'; choose from first, long_enough, never, shout"),
    "imported": ("my_verbs.py:system: prompts", "my_verbs.py makes no function 'system'; choose from"),
    "no function of its own": ("my_verbs.py:some: prompts", "my_verbs.py makes no function 'some'; choose from"),
    "a number": ("my_verbs.py:number: prompts", "my_verbs.py makes no function 'number'; choose from"),
    "a builtin": ("my_verbs.py:__import__: prompts", "my_verbs.py makes no function '__import__'; choose from"),
    "dunder": ("my_verbs.py:__builtins__: prompts", "my_verbs.py makes no function '__builtins__'; choose from"),
    "no name": ("'my_verbs.py:': prompts", "no verb 'my_verbs.py:'; a function of a file of yours is written my_verbs.py:long_enough"),
    "a file alone": ("my_verbs.py: prompts", "no verb 'my_verbs.py'; a function of a file of yours is written my_verbs.py:long_enough"),
    "a module": ("'os:system': prompts", "no verb 'os:system'; a function of a file of yours is written my_verbs.py:long_enough"),
    "a dotted function": ("'my_verbs.py:a.b': prompts", "no verb 'my_verbs.py:a.b'; a function of a file of yours is written"),
    "another kind": ("'my_verbs.so:f': prompts", "no verb 'my_verbs.so:f'; a function of a file of yours is written"),
}  # fmt: skip


@pytest.mark.parametrize(("step", "said"), MISSING.values(), ids=MISSING)
def test_what_is_not_there_is_told_with_what_is(step: str, said: str, home: Path) -> None:
    assert problem(home, step, Allow(code=["my_verbs.py", "my_verb.py", "my_verbs.so", "os"])).startswith(said)


BROKEN = {
    "raises": ("1 / 0", "my_verbs.py does not load: ZeroDivisionError: division by zero; mend that file"),
    "leaves": ("raise SystemExit(3)", "my_verbs.py does not load: SystemExit: 3; mend that file"),
    "is no Python": ("def f(:\n", "my_verbs.py does not load: SyntaxError: "),
    "says much": (
        "raise ValueError('a\\nerror: b\\x1b[2J')",
        "my_verbs.py does not load: ValueError: a; mend that file",
    ),
    "imports what is not there": ("import no_such_module_at_all", "my_verbs.py does not load: ModuleNotFoundError: "),
    "imports its neighbour": ("import neighbour", "my_verbs.py does not load: ModuleNotFoundError: "),
    "has zeros": ("\0", "my_verbs.py does not load: "),
    "recurses": ("def f(): f()\nf()", "my_verbs.py does not load: RecursionError: "),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_does_not_load_is_told_in_one_line(text: str, said: str, home: Path) -> None:
    (home / "my_verbs.py").write_text(text)
    (home / "neighbour.py").write_text("")
    assert problem(home, "my_verbs.py:long_enough: prompts").startswith(said)
    assert not [
        name for name in sys.modules if name.startswith("code_of_") and str(home) in str(sys.modules[name].__file__)
    ]


WAYS_OUT = [
    "../evil.py:f", "sub/../../evil.py:f", "ABSOLUTE/evil.py:f", "link.py:f", "linked/evil.py:f", "..\\evil.py:f", "./../evil.py:f", "~/evil.py:f",
]  # fmt: skip


@pytest.mark.parametrize("name", WAYS_OUT)
def test_no_file_outside_of_the_recipe_s_folder_runs_whatever_is_allowed(name: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    (home / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'PWNED')!r}, 'w')\ndef f(rows): return rows\n")
    (home / "link.py").symlink_to(tmp_path / "evil.py")
    (home / "linked").symlink_to(tmp_path)
    name = name.replace("ABSOLUTE", str(tmp_path))
    said = problem(
        home, f"{json.dumps(name)}: prompts", Allow(code=[name, name.partition(":")[0], "evil.py", "link.py"])
    )
    assert "lies outside of the recipe's folder" in said or said.startswith(("no verb ", "there is no "))
    assert not (tmp_path / "PWNED").exists()


def test_a_file_in_a_folder_below_runs(home: Path) -> None:
    (home / "verbs").mkdir()
    (home / "verbs" / "my_verbs.py").write_text(VERBS)
    assert (
        go(home, "verbs/my_verbs.py:first: prompts", Allow(code=["verbs/my_verbs.py:first"])).table("kept").height == 1
    )


def test_bytecode_that_lies_beside_it_is_not_read(home: Path) -> None:
    """A reader allows the text that he has read; a stranger's __pycache__ could hold anything under its name."""
    text = (home / "my_verbs.py").read_text()
    (home / "my_verbs.py").write_text(f"{text}\nopen({str(home / 'PWNED')!r}, 'w').close()\n")
    cached = str(home / "__pycache__" / f"my_verbs.{sys.implementation.cache_tag}.pyc")
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH  # which Python runs whatever the text says
    py_compile.compile(str(home / "my_verbs.py"), cached, doraise=True, invalidation_mode=unchecked)
    (home / "my_verbs.py").write_text(text)
    go(home, "my_verbs.py:first: prompts")
    assert not (home / "PWNED").exists()


def test_what_is_changed_is_what_runs_next(home: Path) -> None:
    assert go(home, "my_verbs.py:first: prompts").table("kept").height == 1
    (home / "my_verbs.py").write_text(VERBS.replace("rows.head(1)", "rows.head(2)"))
    assert go(home, "my_verbs.py:first: prompts").table("kept").height == 2


def test_a_module_s_own_name_is_nobody_else_s(home: Path) -> None:
    (home / "json.py").write_text("def f(rows): return rows\n")
    assert go(home, "json.py:f: prompts", Allow(code=["json.py"])).table("kept").height == 2
    assert sys.modules["json"] is json


def test_it_is_dumped_loaded_and_of_the_schema_as_it_is_written(home: Path) -> None:
    found = recipe(home)
    again = Recipe(
        name="mine", models={"it": {"use": "fake/it"}},
        steps={"prompts": do("load", "prompts.jsonl"), "kept": do("my_verbs.py:long_enough", "prompts", most=3)},
    )  # fmt: skip
    assert found == again
    (home / "s.yaml").write_text(dump(again))
    assert load(home / "s.yaml") == found
    schema = json.loads((ROOT / "schemas" / "recipe.json").read_text())
    steps = {table: {step.verb: step.input, **step.settings} for table, step in found.steps.items()}
    jsonschema.validate({"steps": steps}, schema)
    for wrong in ({"my_verb:f": "prompts"}, {"my_verbs.py": "prompts"}, {"no_verb": "prompts"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"steps": {"kept": wrong}}, schema)


def test_a_run_of_it_is_replayed_by_who_allows_it(home: Path) -> None:
    go(home, "my_verbs.py:first: prompts")
    (home / "r.yaml").write_text((home / "r.yaml").read_text() + "write: {}\n")
    done = run(load(home / "r.yaml"), home / "run", fakes={"it": writes}, allow=ALL)
    with pytest.raises(RecipeError, match=r"runs code of my_verbs\.py"):
        replay(done.folder)
    with pytest.raises(RecipeError, match=r"runs code of my_verbs\.py"):
        replay(done.folder, recipe=load(home / "r.yaml"))
    assert replay(done.folder, recipe=load(home / "r.yaml"), allow=ALL).equal
    assert replay(done.folder, allow=ALL).equal


def test_the_command_line_allows_it(home: Path) -> None:
    recipe(home)

    def said(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "cli.py"), *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=home, check=False)

    refused = said("run", "r.yaml", "-q")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert (
        refused.stderr
        == "error: r.yaml:5: kept: runs code of my_verbs.py; read it, then allow it with --allow-code my_verbs.py:long_enough\n"
    )
    assert not (home / "RAN").exists()
    for option in ("my_verbs.py:long_enough", "my_verbs.py"):
        assert said("plan", "r.yaml", "--allow-code", "other.py:f", "--allow-code", option).returncode == 0
    done = said("run", "r.yaml", "-q", "--allow-code", "my_verbs.py:long_enough")
    assert (done.returncode, done.stderr) == (0, "")
