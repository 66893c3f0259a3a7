"""The bench does what it says, in small; how long it takes is nobody's business here."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench import venvs, workloads
from bench.contenders import Left, left
from bench.markdown import spread, table, times
from bench.measure import ROOT, run
from bench.runs import SHORT

DRAWS = SHORT.w2 * workloads.K * (1 + workloads.J)
TOGETHER = SHORT.w2 * (1 + workloads.K)
"""Requests of W2 where the draws of one prompt come in one."""


def test_prompts_are_all_different() -> None:
    assert len(set(workloads.prompts(3_000))) == 3_000


def test_a_pair_is_the_first_best_against_the_first_worst() -> None:
    found = workloads.pair("p", ["a", "b", "c", "d"], [[1, 3], [4], [1, None, 1], [4, 4]])
    assert found
    assert (found["chosen"][1]["content"], found["rejected"][1]["content"]) == ("b", "c")
    assert (found["chosen_score"], found["rejected_score"]) == (4, 1)
    assert workloads.pair("p", ["a", "b"], [[2, 4], [3, 3]]) is None
    assert workloads.pair("p", ["a"], [[None]]) is None


def test_the_judges_words_end_in_a_score() -> None:
    assert workloads.points("Good.\n\nScore: 4") == 4
    assert workloads.points("Score: 4, or so") is None


def test_a_table_shows_the_median_between_least_and_most() -> None:
    assert spread([3.0, 1.0, 2.0]) == "2.00 (1.00\u20133.00)"
    assert spread([2.0]) == "2.00"
    assert times(1.0, 0.0) == ""
    assert table(["", "a"], [["x", "1"]]) == "|  | a |\n| --- | ---: |\n| x | 1 |\n"


def test_a_command_that_fails_or_takes_too_long_is_told(tmp_path: Path) -> None:
    failed = run([sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path / "log")
    assert (failed.status, failed.words) == (1, "no such thing\n")
    assert failed.cpu > 0
    assert failed.peak > 1
    assert run([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "log", most=0.2).status < 0


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    left_behind = "import time; print('begun', flush=True); time.sleep(600)"
    child = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {left_behind!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid)
"""
    assert run([sys.executable, "-c", child], tmp_path / "log").status == 0
    state = Path(f"/proc/{int((tmp_path / 'log').read_text())}/stat")
    for _ in range(200):  # it was told to end, and is given the time to
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] in "ZX":
            return
        time.sleep(0.05)
    pytest.fail("what a command started goes on without it")


def test_children_count(tmp_path: Path) -> None:
    burn = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}], check=True)"
    found = run([sys.executable, "-c", child], tmp_path / "log")
    assert found.cpu >= 0.3


def test_peers_that_are_not_there_are_told(tmp_path: Path) -> None:
    (tmp_path / "curator").mkdir()
    (tmp_path / "curator" / "FAILED").write_text("…\nERROR: no matching distribution\n")
    assert "bespokelabs-curator: ERROR: no matching distribution" in list(venvs.told(tmp_path))
    assert "sdg-hub: not installed" in list(venvs.told(tmp_path))
    assert venvs.contenders(tmp_path, "w1") == []


def test_rows_are_counted_by_what_stands_in_files(tmp_path: Path) -> None:
    assert left(tmp_path) == Left()
    workloads.write_w2(tmp_path, ["p"], [["a", "b"]], [[["Score: 1"], ["Score: 2", "Score: 3"]]])
    assert left(tmp_path) == Left(responses=2, judgments=3, pairs=1)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]]]:
    """What the short form prints, and its runs."""
    file = tmp_path_factory.mktemp("bench") / "speed.json"
    command = [sys.executable, str(ROOT / "bench" / "speed.py"), "--short", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout, json.loads(file.read_text())["runs"]


def of(runs: list[dict[str, Any]], which: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in runs if one["of"] == which}


@pytest.mark.slow
def test_every_run_ends_well_and_stands_in_a_table(short: tuple[str, list[dict[str, Any]]]) -> None:
    printed, runs = short
    assert {one["cost"]["status"] for one in runs} == {0}
    assert printed.count("\n### ") == 6
    assert "failed" not in printed
    assert "were asked" not in printed


@pytest.mark.slow
def test_w1_asks_once_for_each_row(short: tuple[str, list[dict[str, Any]]]) -> None:
    found = of(short[1], "w1")
    assert set(found) == {"prefgen", "aiohttp", "openai on aiohttp", "openai"}
    for one in found.values():
        assert one["left"]["responses"] == one["cost"]["served"]["requests"] == SHORT.w1
        assert one["cost"]["served"]["repeated"] == 0


@pytest.mark.slow
def test_w2_loses_nothing_and_n_spares_requests(short: tuple[str, list[dict[str, Any]]]) -> None:
    found = of(short[1], "w2")
    assert {f"{name}{n}" for name in ("prefgen", "aiohttp", "openai") for n in (", n", "")} <= set(found)
    for name, one in found.items():
        left, served = one["left"], one["cost"]["served"]
        assert (left["responses"], left["responses"] + left["judgments"]) == (SHORT.w2 * workloads.K, DRAWS), name
        assert 0 < left["pairs"] <= SHORT.w2
        assert served["requests"] == (TOGETHER if name.endswith(", n") else DRAWS), name


@pytest.mark.slow
def test_what_is_cached_is_not_asked(short: tuple[str, list[dict[str, Any]]]) -> None:
    found = [one for one in short[1] if one["of"].startswith("cached")]
    assert len(found) == 4
    for one in found:
        assert one["cost"]["served"]["requests"] == 0
        assert one["left"]["responses"] == one["prompts"] * (workloads.K if one["of"] == "cached w2" else 1)


@pytest.mark.slow
def test_places_in_flight_are_taken_at_a_latency(short: tuple[str, list[dict[str, Any]]]) -> None:
    found = of(short[1], f"late x {SHORT.late}")
    assert all(one["cost"]["served"]["most_in_flight"] > 1 for one in found.values())
    assert set(of(short[1], f"late x {SHORT.later}")) == {"prefgen", "aiohttp"}
    assert found["aiohttp"]["cost"]["served"]["most_in_flight"] == SHORT.late
