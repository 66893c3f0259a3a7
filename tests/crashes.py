"""kill -9 at random times, many times, on real processes: python -m tests.crashes [KILLS] [SEED].

A run is killed and started again until it comes to its end, and then compared with one that nobody disturbed. The server
counts what it answered, the journal what was kept.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.servers import Body, OpenAIServer
from tests.spoken import spoken

ROOT = Path(__file__).parent.parent
STE = ROOT / "recipes" / "self-taught-evaluators.yaml"
LATENCY = 0.02
PATIENCE = 120.0
"""Seconds that one process may take."""


@dataclass
class Counts:
    """What the kills came to."""

    kills: int = 0
    runs: int = 0
    requests: int = 0
    lost: int = 0
    twice: int = 0
    in_flight: int = 0
    most_twice: int = 0
    different: int = 0

    def __str__(self) -> str:
        paid = f"paid twice {self.twice:,} in all, at most {self.most_twice} a run; in flight when killed {self.in_flight:,}"
        what = f"{self.kills:,} kills in {self.runs:,} runs, {self.requests:,} requests: lost {self.lost:,}; {paid}"
        return f"{what}; outputs that differ from the undisturbed run {self.different:,}"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def kept(folder: Path) -> int:
    """Replies in a journal, as another process sees them."""
    path = folder / "journal.sqlite"
    if not path.exists():
        return 0
    found = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        return int(found.execute("SELECT count(*) FROM reply").fetchone()[0])
    except sqlite3.OperationalError:  # killed before its tables were made
        return 0
    finally:
        found.close()


def started(folder: Path, url: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(ROOT / "tests" / "crash.py"), str(STE), str(folder), url]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})


def draws(bodies: list[Body]) -> int:
    return sum(int(body.get("n") or 1) for body in bodies)


def killed(folder: Path, server: OpenAIServer, chance: random.Random) -> tuple[bool, int, int]:
    """One process, killed at a random time after its first request, if it is not done before. Whether it was killed,
    replies seen in the journal and not there afterwards, and draws in flight.
    """
    before, child = len(server.requests), started(folder, server.base_url)
    deadline = time.monotonic() + PATIENCE
    while len(server.requests) == before and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(chance.uniform(0.005, 0.5))
    seen = kept(folder)
    if child.poll() is None:
        child.send_signal(signal.SIGKILL)
    was_killed = child.wait(PATIENCE) == -signal.SIGKILL
    return was_killed, max(0, seen - kept(folder)), draws(server.bodies) - kept(folder)


def history(
    folder: Path, server: OpenAIServer, expected: dict[str, bytes], chance: random.Random, counts: Counts
) -> None:
    """One run, killed again and again until it is done."""
    server.requests.clear()
    in_flight, was_killed = 0, True
    while was_killed:
        was_killed, lost, open_ = killed(folder, server, chance)
        counts.lost, counts.kills = counts.lost + lost, counts.kills + was_killed
        in_flight = open_ if was_killed else in_flight
    twice = draws(server.bodies) - kept(folder)
    counts.runs, counts.requests = counts.runs + 1, counts.requests + len(server.requests)
    counts.twice, counts.most_twice = counts.twice + twice, max(counts.most_twice, twice)
    counts.in_flight += in_flight
    counts.different += contents(folder / "take-30" / "dataset") != expected


def counted(kills: int, seed: int) -> Counts:
    """So many kills, or a few more: the last run goes on to its end."""
    chance, counts = random.Random(seed), Counts()
    with TemporaryDirectory() as place, OpenAIServer(spoken, latency=LATENCY) as server:
        whole = Path(place) / "whole"
        if started(whole, server.base_url).wait(PATIENCE):
            raise SystemExit("the undisturbed run failed")
        expected = contents(whole / "take-30" / "dataset")
        while counts.kills < kills:
            history(Path(place) / f"run-{counts.runs}", server, expected, chance, counts)
    return counts


def main(kills: int, seed: int) -> int:
    counts = counted(kills, seed)
    print(counts)
    return int(bool(counts.lost or counts.different or counts.twice > counts.in_flight))


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in [*sys.argv[1:], *["200", "0"][len(sys.argv) - 1 :]])))
