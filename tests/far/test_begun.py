"""What a cluster and its workers leave as it was."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from prefgen.engines.ray import Cluster, Ray
from tests.far.five import recipe
from tests.far.here import Bench
from tests.servers import OpenAIServer
from tests.spoken import spoken


def test_a_signal_does_what_it_did_before_a_cluster_began(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray has SIGTERM end a driver at once; a run lets in what is in flight."""
    ray = SimpleNamespace(
        is_initialized=lambda: False,
        init=lambda **_: signal.signal(signal.SIGTERM, signal.SIG_IGN),
        cluster_resources=lambda: {"CPU": 2.0},
        nodes=lambda: [{"Alive": True}],
        shutdown=lambda: None,
    )
    monkeypatch.setattr("prefgen.engines.ray.imported", lambda **_: ray)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with Cluster(Ray(workers=1)):
            assert signal.getsignal(signal.SIGTERM) is before
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_worker_takes_away_what_those_before_it_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    gone, there = (
        tmp_path / "scratch" / f"prefgen-worker-{socket.gethostname()}.{pid}.x"
        for pid in (int(ended.stdout), os.getpid())
    )
    for place in (gone, there):
        place.mkdir(parents=True)
    with OpenAIServer(spoken) as server:
        assert Bench(recipe(server, "steps.all.take=1"), str(tmp_path / "meet")).make().product
    assert there.exists()
    assert not gone.exists()
