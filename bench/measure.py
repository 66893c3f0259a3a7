"""A command in a process of its own: what it cost, and what the server saw of it meanwhile.

CPU is user and system time of the process and of all its children that were waited for. The most memory is that of
its largest process and, where it starts others, the most that all of them held at once, as samples show it.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).parent.parent
EVERY = 0.1
"""Seconds between two looks at a process and its children."""
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TELEMETRY_ENABLED": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
    "OPENAI_API_KEY": "none",
    "TOKENIZERS_PARALLELISM": "false",
}


@dataclass(frozen=True)
class Cost:
    """What one run of a command cost. ``cpu`` and ``wall`` are seconds; ``peak`` and ``together`` MB; ``served`` are
    the server's counters; ``words`` is the end of what it said, where it failed.
    """

    cpu: float
    wall: float
    peak: float
    together: float
    processes: int
    status: int
    served: Mapping[str, float] = field(default_factory=dict)
    words: str = ""


@dataclass(frozen=True)
class Serving:
    """The server while it runs."""

    address: str

    def get(self, path: str) -> Any:
        """What it answers to a path of its own."""
        with urlopen(self.address + path, timeout=60) as answer:
            return json.load(answer)

    def reset(self, latency: float = 0.0) -> None:
        """Counts from nothing; replies take ``latency`` seconds from now on."""
        self.get(f"/reset?latency={latency}")

    def counters(self) -> dict[str, float]:
        """What came since the last reset."""
        found: dict[str, float] = self.get("/counters")
        return found


@contextmanager
def serving() -> Iterator[Serving]:
    """The server in a process of its own, on a free port."""
    command = [sys.executable, str(ROOT / "bench" / "server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Serving(process.stdout.readline().strip())
        finally:
            process.terminate()


def run(command: Sequence[str], log: Path, *, most: float = 600.0) -> Cost:
    """Runs a command in the root of this tree, its words into ``log``; it is stopped after ``most`` seconds."""
    variables = {**os.environ, **OFFLINE, "PYTHONPATH": str(ROOT)}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled once, and not at each start
    began = time.perf_counter()
    with log.open("wb") as words:
        process = subprocess.Popen(
            command, stdout=words, stderr=subprocess.STDOUT, env=variables, cwd=ROOT, start_new_session=True
        )
        watch, alarm = _Watch(process.pid), threading.Timer(most, _stop, [process.pid])
        alarm.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
            wall, process.returncode = time.perf_counter() - began, os.waitstatus_to_exitcode(status)
        finally:  # also after Ctrl-C, which a session of its own does not get
            alarm.cancel()
            watch.end()
            _stop(process.pid)
    peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    said = "" if process.returncode == 0 else log.read_text(errors="replace")[-2000:]
    together = max(peak, watch.together)
    return Cost(used.ru_utime + used.ru_stime, wall, peak, together, watch.processes, process.returncode, words=said)


def _stop(process: int) -> None:
    """Ends a process, and what it left behind."""
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


class _Watch:
    """Looks now and then at all that a process started, where the system has /proc."""

    def __init__(self, process: int) -> None:
        self.process, self.together, self.processes = process, 0.0, 1
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        if Path("/proc/self/smaps_rollup").exists():
            self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(EVERY):
            family = _family(self.process)
            self.processes = max(self.processes, len(family))
            if len(family) > 1:
                self.together = max(self.together, sum(map(_own, family)))

    def end(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()


def _family(process: int) -> list[int]:
    """A process and all below it."""
    found, look = [process], [process]
    while look:
        with suppress(OSError):
            for path in Path(f"/proc/{look.pop()}/task").glob("*/children"):
                with suppress(OSError):
                    below = [int(one) for one in path.read_text().split()]
                    found, look = found + below, look + below
    return found


def _own(process: int) -> float:
    """MB of one process, where pages that several share count in parts."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
