"""A cluster that somebody else began is shown a token where there is one; one's own listens on this machine alone."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from prefgen.engines import ray
from prefgen.engines.ray import Cluster, Ray


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
