"""One recipe, however it is run: what the tests of engines share."""

import hashlib
import os
import signal
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from prefgen import load
from prefgen.recipe import Recipe
from tests.servers import OpenAIServer

STE = Path(__file__).parents[2] / "recipes" / "self-taught-evaluators.yaml"
PLACES = 8
"""Requests in flight to each of the two models."""


def recipe(server: OpenAIServer, *more: str) -> Recipe:
    """Self-Taught Evaluators: pairs, judgments, and a barrier (balance), of a server on loopback."""
    models = [f"models.{name}.{key}" for name in ("writer", "judge") for key in ("base_url", "concurrency")]
    values = [server.base_url, PLACES] * 2
    return load(STE, [*(f"{way}={value}" for way, value in zip(models, values, strict=True)), *more])


def digest(folder: Path) -> str:
    """One SHA-256 of all files of a folder, with their names."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(folder)}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def workers() -> list[int]:
    """The processes of Ray's workers that this process's cluster has at work on ranges."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if _is_at_work(pid) and _is_ours(pid)]


def _is_at_work(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::make_range")
    except OSError:
        return False


def _is_ours(pid: int) -> bool:
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False


class Killer(threading.Thread):
    """Kills a worker with SIGKILL whenever a server has seen so many requests more."""

    def __init__(self, server: OpenAIServer, at: tuple[int, ...]) -> None:
        super().__init__(daemon=True)
        self.server, self.at, self.killed = server, at, list[int]()
        self._over = threading.Event()

    def run(self) -> None:
        begun = len(self.server.requests)
        for number in self.at:
            while not self._over.is_set() and len(self.server.requests) - begun < number:
                time.sleep(0.002)
            while not self._over.is_set() and not (found := workers()):
                time.sleep(0.002)
            if not self._over.is_set():
                os.kill(found[0], signal.SIGKILL)
                self.killed.append(found[0])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self.join()
