"""What a run costs, side by side: prefgen, the openai client and aiohttp by hand, and peers, on one loopback server.

python bench/speed.py [--short | --large] [--peers] [--json FILE]

Prints Markdown, tells on stderr how far it is, and leaves every single run in FILE. --short takes seconds and shows
that all works; --large adds a million cached prompts; --peers runs W1 and W2 alone, with the peers whose environments
`make bench-peers` makes.
"""

import argparse
import json
import os
import platform
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import contenders, venvs, workloads
from bench.contenders import Contender, Left
from bench.load import load
from bench.markdown import spread, table, times
from bench.measure import ROOT, Cost, Serving, run, serving

BUILD = ROOT / "build"


@dataclass(frozen=True)
class Size:
    """How much is asked. ``more`` is W1 again with so many prompts, so that what a run costs at all and what each
    request adds are told apart; ``slow`` is that number for the openai client; ``cached`` are prompts of replays.
    """

    w1: int = 2_000
    w2: int = 500
    more: int = 20_000
    slow: int = 6_000
    late: int = 10_000
    cached: Sequence[int] = (1_000, 10_000)
    runs: int = 3
    requests: int = 40_000


WHOLE = Size()
SHORT = Size(w1=60, w2=12, more=120, slow=90, late=80, cached=(40, 80), runs=1, requests=2_000)
LARGE = replace(WHOLE, cached=(1_000, 10_000, 1_000_000))
LATENCY = 0.05
"""Seconds."""


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

    def one(self, of: str, who: Contender, workload: str, prompts: int, latency: float = 0.0) -> Ran:
        """One run in a folder of its own, which stays where ``of`` names it again."""
        file, out = self.place / f"{prompts}.jsonl", self.place / f"{len(self.ran)}"
        if not file.exists():
            workloads.write_prompts(file, prompts)
        out.mkdir()
        return self.run(of, who, workload, file, out, latency)

    def run(self, of: str, who: Contender, workload: str, file: Path, out: Path, latency: float = 0.0) -> Ran:
        """One run on a file of prompts."""
        self.server.reset(latency)
        cost = run(who.command(workload, f"{self.server.address}/v1", file, out), self.place / "log")
        cost = replace(cost, served=self.server.counters())
        self.ran.append(Ran(of, who.title, int(file.stem), cost, contenders.left(out)))
        said = f"{of}: {who.title}: {cost.cpu:.2f} s CPU, {cost.wall:.1f} s"
        print(said if cost.status == 0 else f"{said}, FAILED: {cost.left[-500:]}", file=sys.stderr, flush=True)
        return self.ran[-1]

    def turns(self, of: str, who: Sequence[Contender], workload: str, prompts: int, latency: float = 0.0) -> None:
        """All of them by turns, so that a busy minute of the machine meets each."""
        for turn in range(self.size.runs):
            for one in who:
                if turn < one.runs:
                    self.one(of, one, workload, prompts, latency)

    def of(self, of: str) -> dict[str, list[Ran]]:
        """The runs of one table that came to their end, by name."""
        found = defaultdict(list)
        for one in self.ran:
            if one.of == of:
                found[one.name].append(one)
        return found


# --- what is measured -----------------------------------------------------------------------


def capacity(bench: Bench) -> str:
    """What the server takes, and its own CPU."""
    bench.server.reset()
    seconds = load(bench.server.address, requests=bench.size.requests)
    found = bench.server.counters()
    each = found["cpu"] / found["requests"] * 1e6
    return f"The server takes {found['requests'] / seconds:,.0f} requests a second, {each:.0f} us of its CPU each."


def w1(bench: Bench, who: Sequence[Contender]) -> str:
    """W1 at no latency."""
    bench.turns("w1", who, "w1", bench.size.w1)
    about = f"### W1: {bench.size.w1:,} prompts, one generation of each\n\n"
    return about + costs(bench, "w1", who, bench.size.w1)


def w2(bench: Bench, who: Sequence[Contender]) -> str:
    """W2 at no latency."""
    bench.turns("w2", who, "w2", bench.size.w2)
    draws = bench.size.w2 * workloads.K * (1 + workloads.J)
    about = (
        f"### W2: {bench.size.w2:,} prompts, {workloads.K} responses of each, {workloads.J} judgments of each response"
    )
    return f"{about}, a pair\n\n{costs(bench, 'w2', who, draws)}"


def costs(bench: Bench, of: str, who: Sequence[Contender], draws: int) -> str:
    """The table of a workload."""
    found = bench.of(of)
    head = ("", "CPU s", "ms a generation", "\u00d7 aiohttp", "\u00d7 openai", "wall s", "peak MB",
            "requests", "in flight", "pairs" if of == "w2" else "rows", "lost")  # fmt: skip
    rows = (_costs_of(one, found, draws) for one in who if found[one.title])
    return table(head, rows)


def _costs_of(who: Contender, found: dict[str, list[Ran]], draws: int) -> list[str]:
    runs = found[who.title]
    if failed := [one for one in runs if one.cost.status]:
        return [who.title, f"failed ({failed[0].cost.status})", *[""] * 9]
    like = [replace(who, name=name).title for name in ("aiohttp", "openai")]
    cpu, by_hand, client = (_cpu(found, title) for title in (who.title, *like))
    most, last = runs[-1].cost.served, runs[-1].left
    rows = last.pairs or last.responses
    lost = draws - last.responses - last.judgments
    peak = max(one.cost.together for one in runs)
    return [
        who.title, spread([one.cost.cpu for one in runs]), f"{cpu / draws * 1000:.2f}", times(cpu, by_hand),
        times(cpu, client), spread([one.cost.wall for one in runs], ".1f"), f"{peak:,.0f}",
        f"{most['requests']:,}", f"{most['most_in_flight']:,}", f"{rows:,}", f"{lost:,}",
    ]  # fmt: skip


def _cpu(found: dict[str, list[Ran]], name: str) -> float:
    runs = [one.cost.cpu for one in found.get(name, []) if one.cost.status == 0]
    return median(runs) if runs else 0.0


def marginal(bench: Bench) -> str:
    """What a run costs at all, and what each request adds: W1 with more prompts, after W1."""
    few, rows, each = bench.size.w1, [], dict[str, float]()
    for who in contenders.W1:
        many = bench.size.slow if who.name == "openai" else bench.size.more
        bench.turns(f"w1 x {many}", [replace(who, runs=3 if who.name == "aiohttp" else 1)], "w1", many)
        cpu, most = _cpu(bench.of("w1"), who.name), _cpu(bench.of(f"w1 x {many}"), who.name)
        each[who.name] = (most - cpu) / (many - few)
        rows.append((who.name, f"{many:,}", f"{most:.2f}", each[who.name], cpu - few * each[who.name]))
    head = ("", "prompts", "CPU s", "ms a request", "\u00d7 aiohttp", "\u00d7 openai", "CPU s at all")
    cells = (
        [*row[:3], f"{one * 1000:.2f}", times(one, each["aiohttp"]), times(one, each["openai"]), f"{rest:.2f}"]
        for *row, one, rest in rows
    )
    return f"### What each request adds to {few:,} prompts of W1\n\n{table(head, cells)}"


def late(bench: Bench) -> str:
    """W1 at a latency at which places in flight are what limits it."""
    many, most = bench.size.late, workloads.IN_FLIGHT
    who = [replace(one, runs=1) for one in contenders.W1 if one.name != "openai"]
    bench.turns("late", who, "w1", many, LATENCY)
    limit = LATENCY * many / most
    head = ("", "wall s", "\u00d7 limit", "CPU s", "in flight")
    runs = [bench.of("late")[one.name][0] for one in who]
    cells = (
        [
            one.name, f"{one.cost.wall:.2f}", times(one.cost.wall, limit), f"{one.cost.cpu:.2f}",
            f"{one.cost.served['most_in_flight']:,}",
        ]
        for one in runs
    )  # fmt: skip
    about = f"### {LATENCY * 1000:.0f} ms latency, {most} in flight, {many:,} prompts of W1: the limit is {limit:.2f} s"
    return f"{about}\n\n{table(head, cells)}"


def cached(bench: Bench) -> str:
    """Runs that ask nothing, for every reply is in the journal."""
    rows, last = [], dict[str, tuple[int, Ran]]()
    for workload, share in (("w1", 1), ("w2", workloads.K * (1 + workloads.J))):
        for replies in bench.size.cached:
            one = _replayed(bench, workload, max(2, replies // share))
            rows.append(_replay_row(workload, max(2, replies // share) * share, one, last.get(workload)))
            last[workload] = max(2, replies // share) * share, one
    head = ("workload", "prompts", "replies", "CPU s", "wall s", "replies a second", "each one more", "peak MB")
    return f"### Cached: nothing is asked\n\n{table(head, rows)}"


def _replayed(bench: Bench, workload: str, prompts: int) -> Ran:
    file, out = bench.place / f"{prompts}.jsonl", bench.place / f"cached-{workload}-{prompts}"
    if not file.exists():
        workloads.write_prompts(file, prompts)
    out.mkdir()
    address = f"{bench.server.address}/v1"
    filling = [sys.executable, "-m", "bench.replay", workload, address, str(file), str(out)]
    assert run(filling, bench.place / "log", most=3600).status == 0, (bench.place / "log").read_text()
    return bench.run(f"cached {workload}", contenders.W1[0], workload, file, out)


def _replay_row(workload: str, replies: int, one: Ran, before: "tuple[int, Ran] | None") -> list[str]:
    """A replay; ``each one more`` is what replies beyond those of the line above come to, in wall time."""
    cost, more = one.cost, ""
    if before and cost.wall > before[1].cost.wall:
        more = f"{(replies - before[0]) / (cost.wall - before[1].cost.wall):,.0f} a second"
    asked = "" if not cost.served["requests"] else f" ({cost.served['requests']:,} were asked)"
    return [
        workload.upper(), f"{one.prompts:,}", f"{replies:,}{asked}", f"{cost.cpu:.2f}", f"{cost.wall:.2f}",
        f"{replies / cost.wall:,.0f}", more, f"{cost.together:,.0f}",
    ]  # fmt: skip


# --- the door -------------------------------------------------------------------------------


def machine() -> str:
    """What it ran on, and what with."""
    from importlib.metadata import version

    with_ = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "openai", "polars"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, {with_}."


def sections(bench: Bench) -> Iterator[str]:
    """All that prefgen is measured by, as it comes to its end."""
    yield f"{machine()} {capacity(bench)}\n"
    yield w1(bench, contenders.W1)
    yield w2(bench, contenders.W2)
    yield marginal(bench)
    yield late(bench)
    yield cached(bench)


def beside(bench: Bench, folder: Path) -> Iterator[str]:
    """The two workloads, with peers."""
    yield f"{machine()} {capacity(bench)}\n"
    yield f"Peers: {'; '.join(venvs.told(folder))}.\n"
    yield w1(bench, [*contenders.W1, *venvs.contenders(folder, "w1")])
    yield w2(bench, [*contenders.W2, *venvs.contenders(folder, "w2")])


def main(words: Sequence[str]) -> None:
    how = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    which = how.add_mutually_exclusive_group()
    for name in ("short", "large"):
        which.add_argument(f"--{name}", action="store_true")
    how.add_argument("--peers", action="store_true")
    how.add_argument("--json", type=Path, default=None)
    given = how.parse_args(words)
    size = SHORT if given.short else LARGE if given.large else WHOLE
    with TemporaryDirectory(prefix="prefgen-") as folder, serving() as server:
        bench = Bench(server, Path(folder), size)
        try:
            for section in beside(bench, BUILD / "peers") if given.peers else sections(bench):
                print(section, flush=True)
        finally:
            _kept(given.json or BUILD / f"{'peers' if given.peers else 'speed'}.json", bench)


def _kept(path: Path, bench: Bench) -> None:
    """Every run, as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "machine": machine(),
        "size": asdict(bench.size),
        "runs": [asdict(one) for one in bench.ran],
    }
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
