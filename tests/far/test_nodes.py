"""Clusters of several nodes: a folder that not all of them see is refused before anything is asked, and a cluster that
somebody else began is shown a token where there is one.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import pytest

from prefgen.engines import ray
from prefgen.engines.ray import Cluster, Ray
from prefgen.errors import RunError
from prefgen.far import cluster
from prefgen.storage import Storage


class Nodes:
    """Two nodes, each of which finds ``/disk`` where it says."""

    nodes = 2

    def __init__(self, *roots: Path) -> None:
        self.roots = roots

    def everywhere(self, work: Callable[..., Any], url: str, name: str) -> dict[str, Any]:
        return {f"node-{n}": work(str(root / Path(url).name), name) for n, root in enumerate(self.roots)}


def seen(url: Path, *roots: Path) -> None:
    cluster._seen_by_all(Storage(url), cast("Cluster", Nodes(*roots)))


def test_a_folder_that_all_nodes_see_will_do(tmp_path: Path) -> None:
    seen(tmp_path / "run", tmp_path, tmp_path)
    assert not [*tmp_path.rglob("seen/*")]


def test_a_folder_of_one_machine_is_told_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "NFS_PATIENCE", 0.0)
    with pytest.raises(RunError, match=r"run: is not seen by 1 of 2 nodes \(node-1\); name a path that all see"):
        seen(tmp_path / "run", tmp_path, tmp_path / "other")
    assert not [*tmp_path.rglob("seen/*")]


@pytest.mark.parametrize("address", [None, "head:6379"])
@pytest.mark.parametrize("token", ["", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "file"])
def test_a_token_is_shown_to_ones_own_cluster_and_where_there_is_one(
    address: str | None, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_ADDRESS", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    if token == "file":
        (tmp_path / ".ray").mkdir()
        (tmp_path / ".ray" / "auth_token").write_text("token")
    elif token:
        monkeypatch.setenv(token, "token")
    assert ray._tokens(Ray(address)) is (not address or bool(token))


@pytest.mark.slow
def test_a_cluster_of_ones_own_listens_on_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    if not find_spec("ray"):  # not imported: it reads its environment then
        pytest.skip("ray is not installed")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with Cluster(Ray(workers=1)) as mine:
        assert [node["NodeManagerAddress"] for node in mine.ray.nodes()] == ["127.0.0.1"]
        assert mine.everywhere(_one) == {"127.0.0.1": 1}


def _one() -> int:
    return 1
