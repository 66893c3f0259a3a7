"""Runs of contenders on one server: how much is asked, by whom and how often, and what came of it."""

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import contenders, workloads
from bench.contenders import Contender, Left
from bench.measure import Cost, Serving, run


@dataclass(frozen=True)
class Size:
    """How much is asked. ``more`` is W1 again with so many prompts, beside W1 with one, so that what a run costs at all
    and what each request adds are told apart; ``slow`` is that number for the openai client; ``late`` are prompts at
    a latency, and ``later`` so many that what a run costs at all weighs little; ``cached`` are replies of replays,
    ``requests`` those that try the server.
    """

    w1: int = 2_000
    w2: int = 500
    more: int = 20_000
    slow: int = 6_000
    late: int = 10_000
    later: int = 50_000
    cached: Sequence[int] = (1_000, 10_000)
    runs: int = 3
    requests: int = 40_000


WHOLE = Size()
SHORT = Size(w1=60, w2=12, more=120, slow=90, late=80, later=120, cached=(40, 80), runs=1, requests=2_000)
LARGE = replace(WHOLE, cached=(1_000, 10_000, 1_000_000))


@dataclass(frozen=True)
class Ran:
    """One run of one contender."""

    of: str
    name: str
    prompts: int
    cost: Cost
    left: Left


class Bench:
    """Runs contenders against one server, and remembers every run."""

    def __init__(self, server: Serving, place: Path, size: Size) -> None:
        self.server, self.place, self.size = server, place, size
        self.ran: list[Ran] = []

    def turns(self, of: str, who: Sequence[tuple[Contender, int]], workload: str, latency: float = 0.0) -> None:
        """Each with its number of prompts, by turns, so that a busy minute of the machine meets all."""
        for turn in range(self.size.runs):
            for one, prompts in who:
                if turn < one.runs:
                    self.run(of, one, workload, self.file(prompts), self.folder(str(len(self.ran))), latency)

    def run(self, of: str, who: Contender, workload: str, file: Path, out: Path, latency: float = 0.0) -> Ran:
        """One run on a file of prompts, into a folder."""
        self.server.reset(latency)
        cost = run(who.command(workload, f"{self.server.address}/v1", file, out), self.place / "log")
        cost = replace(cost, served=self.server.counters())
        self.ran.append(Ran(of, who.title, int(file.stem), cost, contenders.left(out)))
        said = f"{of}: {who.title}: {cost.cpu:.2f} s CPU, {cost.wall:.1f} s"
        print(said if cost.status == 0 else f"{said}, FAILED: {cost.words[-500:]}", file=sys.stderr, flush=True)
        return self.ran[-1]

    def file(self, prompts: int) -> Path:
        """A file of so many prompts."""
        path = self.place / f"{prompts}.jsonl"
        return path if path.exists() else workloads.write_prompts(path, prompts)

    def folder(self, name: str) -> Path:
        """A new folder."""
        (self.place / name).mkdir()
        return self.place / name

    def of(self, of: str) -> dict[str, list[Ran]]:
        """The runs of one table that came to their end, by name."""
        found = defaultdict(list)
        for one in self.ran:
            if one.of == of:
                found[one.name].append(one)
        return found
