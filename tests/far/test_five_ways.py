"""The same bytes from one process and from Ray's workers, some of which are killed."""

from pathlib import Path

import pytest

from prefgen import run
from prefgen.engines.ray import Ray
from tests.far.five import PLACES, Killer, digest, recipe
from tests.servers import OpenAIServer
from tests.spoken import spoken

pytestmark = pytest.mark.slow  # three clusters begin
TAKE = 130
"""Prompts: ranges of two."""


@pytest.fixture(scope="module")
def server() -> OpenAIServer:  # type: ignore[misc]
    with OpenAIServer(spoken, latency=0.01) as server:
        yield server


@pytest.fixture(scope="module")
def alone(server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """The digest of what one process writes with 64 requests in flight, and the requests that it sends."""
    found = [
        run(recipe(server), tmp_path_factory.mktemp(f"local-{n}") / "run", take=TAKE, side_by_side=n) for n in (64, 1)
    ]
    assert digest(found[0].dataset) == digest(found[1].dataset)
    return digest(found[0].dataset), len(server.requests) // 2


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_write_what_one_process_writes(
    workers: int, server: OpenAIServer, alone: tuple[str, int], tmp_path: Path
) -> None:
    before = len(server.requests)
    done = run(recipe(server), tmp_path / "run", take=TAKE, engine=Ray(workers=workers))
    assert (digest(done.dataset), len(server.requests) - before) == alone
    assert not (tmp_path / "run" / "ranges").exists()


def test_workers_that_are_killed_cost_what_was_in_flight(
    server: OpenAIServer, alone: tuple[str, int], tmp_path: Path
) -> None:
    before = len(server.requests)
    with Killer(server, (200, 400)) as killer:
        done = run(recipe(server), tmp_path / "run", take=TAKE, engine=Ray(workers=4))
    assert len(killer.killed) == 2
    assert digest(done.dataset) == alone[0]
    in_flight = 2 * PLACES // 4  # of one of four workers, at both models
    assert 0 <= len(server.requests) - before - alone[1] <= 2 * in_flight
