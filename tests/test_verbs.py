"""A verb is the function of that name in the file of that name; plug-ins bring more, and take no word away."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from prefgen import verbs
from prefgen.filters.balance import balance
from prefgen.judges.compare import compare
from prefgen.settings import parameters
from prefgen.sources.load import load
from prefgen.stops.first_agreeing import first_agreeing

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("verb", [compare, balance, load])
def test_a_verb_is_found_by_its_name(verb: verbs.Verb) -> None:
    assert verbs.find(verb.__name__) is verb
    assert getattr(verbs, verb.__name__) is verb


@pytest.mark.parametrize(
    "name", ["", "comprae", "_reading", "compare.py", "../judges/compare", "Compare", "first_agreeing"]
)
def test_a_word_that_is_no_verb_is_not_found(name: str) -> None:
    with pytest.raises(KeyError):
        verbs.find(name)
    with pytest.raises(AttributeError, match="prefgen has no verb '"):
        getattr(verbs, name)


def test_a_stop_is_found_among_stops_alone() -> None:
    assert verbs.find_stop("first_agreeing") is first_agreeing
    with pytest.raises(KeyError):
        verbs.find_stop("compare")


def test_verbs_are_listed_room_by_room_as_data_meets_them() -> None:
    rooms = verbs.rooms()
    assert list(rooms)[:7] == ["sources", "tables", "generators", "judges", "scores", "pairs", "filters"]
    assert {"compare", "likelihood", "score"} <= set(rooms["judges"])
    assert list(rooms["judges"]) == sorted(rooms["judges"])
    assert rooms["sources"] == ("load", "load_pairs", "load_responses")
    assert [name for names in rooms.values() for name in names] == list(verbs.names())
    assert "first_agreeing" not in verbs.names()


@pytest.mark.parametrize("name", verbs.names())
def test_no_setting_has_the_verbs_own_name(name: str) -> None:
    """In a step the verb's name is the key of its input."""
    assert name not in parameters(verbs.find(name))


@pytest.mark.parametrize(
    "name", [name for room in ("tables", "scores", "pairs", "filters") for name in verbs.files(room)]
)
def test_a_verb_that_groups_by_a_setting_says_when_it_must_see_all(name: str) -> None:
    verb = verbs.find(name)
    if {"by", "same"} & set(parameters(verb)):
        assert verb.whole  # type: ignore[attr-defined]


def test_what_python_offers_to_complete_holds_every_verb_once() -> None:
    offered = dir(verbs)
    assert {*verbs.names(), "find", "rooms"} <= set(offered)
    assert len(set(offered)) == len(offered)


class Shouts:
    """A callable of yours, and no function."""

    def __call__(self, rows: Any) -> Any:
        """Rows, as they came."""
        return rows


def test_a_verb_stands_in_its_room_and_yours_in_none() -> None:
    found = {verbs.room_of(verb) for verb in (load, compare, balance)}
    assert found == {"sources", "judges", "filters"}
    assert {verbs.room_of(verb) for verb in (Shouts(), Shouts, lambda rows: rows, json.dumps, verbs.find)} == {"yours"}


def other(name: str) -> Callable[[Any], Any]:
    """A function of another name than its own."""

    def function(rows: Any) -> Any:
        return rows

    function.__name__ = name
    return function


@pytest.mark.parametrize("yours", [other("compare"), other("mine"), Shouts(), Shouts])
def test_a_function_of_yours_stays_a_function_whatever_its_name(yours: verbs.Verb) -> None:
    assert verbs.word(yours) is yours


def test_a_verb_is_written_by_its_name() -> None:
    assert [verbs.word(one) for one in (compare, balance, "compare", "no verb")] == [
        "compare",
        "balance",
        "compare",
        "no verb",
    ]


# --- plug-ins -------------------------------------------------------------------------------

MODULE = '''"""Short prompts only, as a plug-in picks them."""

import polars as pl


def short(rows: pl.DataFrame, *, most: int = 10) -> pl.DataFrame:
    """Keeps short prompts."""
    return rows.filter(pl.col("prompt").list.last().struct.field("content").str.len_chars() <= most)
'''
ENTRY = "[prefgen.verbs]\nshort = mine_verbs:short\ncompare = mine_verbs:short\nlost = no_such_module:lost\n"
RECIPE = "recipe: mine\nsteps:\n  prompts: {load: p.jsonl}\n  kept: {short: prompts, most: 4}\n"


@pytest.fixture
def plugged(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Python in a folder where a package is installed that brings verbs: one good, one of a taken name, one broken."""
    about = tmp_path / "mine-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY)
    (tmp_path / "mine_verbs.py").write_text(MODULE)
    (tmp_path / "p.jsonl").write_text('{"prompt": "why?"}\n{"prompt": "how is that?"}\n')
    (tmp_path / "r.yaml").write_text(RECIPE)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}

    def python(*words: str) -> subprocess.CompletedProcess[str]:
        command: Sequence[str] = [sys.executable, *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)

    return python


def test_a_plug_in_s_verb_runs_in_a_recipe(
    plugged: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = plugged(str(ROOT / "cli.py"), "run", "r.yaml", "--out", "out", "--quiet", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    steps = {step["table"]: step for step in json.loads(done.stdout)["steps"]}
    assert (steps["kept"]["verb"], steps["kept"]["rows_in"], steps["kept"]["rows_out"]) == ("short", 2, 1)
    assert (tmp_path / "out" / "tables" / "kept.parquet").exists()


def test_a_plug_in_s_settings_are_checked(plugged: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    wrong = plugged(str(ROOT / "cli.py"), "plan", "r.yaml", "--set", "steps.kept.most=four")
    assert wrong.returncode == 2
    assert "kept: short: most is 'four'; input should be a valid integer" in wrong.stderr


SHOWS = """
from prefgen import verbs
from prefgen.recipe import do
from prefgen.verbs import compare, short
import mine_verbs, prefgen.judges.compare
print(short is mine_verbs.short, compare is prefgen.judges.compare.compare)
print(verbs.rooms()["plug-ins"], verbs.room_of(short), verbs.word(short), do(short, "t").verb, "short" in dir(verbs))
"""


def test_own_verbs_come_before_plug_ins_and_only_what_is_asked_for_is_imported(
    plugged: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = plugged("-c", SHOWS)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first == "True True"
    assert "'lost', 'short') yours short short True" in second


def test_a_plug_in_s_verb_is_listed_and_shown(
    plugged: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "mine-1.0.dist-info" / "entry_points.txt").write_text("[prefgen.verbs]\nshort = mine_verbs:short\n")
    listed = plugged(str(ROOT / "cli.py"), "verbs")
    assert "plug-ins\n  short                Short prompts only, as a plug-in picks them.\n" in listed.stdout
    shown = plugged(str(ROOT / "cli.py"), "verbs", "show", "short")
    assert "Keeps short prompts." in shown.stdout
    assert shown.stdout.split()[-3:] == ["most", "integer", "10"]
    assert '"title": "short"' in plugged(str(ROOT / "cli.py"), "schema").stdout
