"""A disk that is full: the run stops before anything is lost, says so, and goes on when there is room."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefgen.errors import RunError
from prefgen.llm.client import Client
from prefgen.llm.journal import Journal
from prefgen.llm.outcome import Tally
from prefgen.llm.request import Model, Request
from tests.crashes import contents, draws, kept
from tests.servers import OpenAIServer
from tests.sim import virtual
from tests.spoken import spoken

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
LIMITED = """
import resource, runpy, sys
most = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
sys.argv = sys.argv[2:]
from prefgen.errors import RunError
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except RunError as e:
    sys.exit(str(e))
"""


def ran(folder: Path, url: str, most: int | None) -> "subprocess.CompletedProcess[str]":
    """A run in a process that can write no file longer than this."""
    child = [str(ROOT / "tests" / "crash.py"), str(ROOT / "recipes" / "self-taught-evaluators.yaml"), str(folder), url]
    limited = [sys.executable, "-c", LIMITED, str(most), *child] if most else [sys.executable, *child]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(limited, env=environment, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(spoken, latency=0.01) as one:
        yield one


@pytest.fixture(scope="module")
def undisturbed(server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], int]:
    """The dataset of a run that had room, and the draws that it asked for."""
    folder = tmp_path_factory.mktemp("whole")
    assert ran(folder, server.base_url, None).returncode == 0
    return contents(folder / "take-30" / "dataset"), draws(server.bodies)


@pytest.mark.parametrize("most", [150_000, 300_000, 500_000])
def test_a_full_disk_stops_the_run_and_loses_nothing(
    most: int, server: OpenAIServer, undisturbed: tuple[dict[str, bytes], int], tmp_path: Path
) -> None:
    server.requests.clear()
    stopped = ran(tmp_path, server.base_url, most)
    assert stopped.returncode == 1
    assert "free some space" in stopped.stderr or "make room" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    again = ran(tmp_path, server.base_url, None)
    assert (again.returncode, again.stderr) == (0, "")
    asked = draws(server.bodies)
    assert asked == kept(tmp_path), "nothing was paid for twice, for nothing was lost"
    assert (contents(tmp_path / "take-30" / "dataset"), asked) == undisturbed
    assert json.loads((tmp_path / "take-30" / "run.json").read_text())["status"] == "finished"


def test_below_the_low_water_mark_nothing_is_sent(tmp_path: Path) -> None:
    calls: list[int] = []

    def writer(request: Request, seed: int) -> str:
        calls.append(seed)
        return "so"

    async def go() -> None:
        journal = Journal(tmp_path / "j.sqlite", low_water=2**62)
        try:
            with pytest.raises(RunError, match=r"only [\d,]+ MB are free, .* free some space"):
                await Client(journal, {"it": writer}).draw(Request(Model("fake/it"), []), [0], Tally())
        finally:
            journal.close()

    virtual.run(go())
    assert not calls
