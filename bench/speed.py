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
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import contenders, venvs, workloads
from bench.contenders import Contender
from bench.load import load
from bench.markdown import spread, table, times
from bench.measure import ROOT, run, serving
from bench.runs import LARGE, SHORT, WHOLE, Bench, Ran

BUILD = ROOT / "build"
LATENCY = 0.05
"""Seconds, where there are any."""


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
    bench.turns("w1", [(one, bench.size.w1) for one in who], "w1")
    about = f"### W1: {bench.size.w1:,} prompts, one generation of each\n\n"
    return about + costs(bench, "w1", who, bench.size.w1)


def w2(bench: Bench, who: Sequence[Contender]) -> str:
    """W2 at no latency."""
    bench.turns("w2", [(one, bench.size.w2) for one in who], "w2")
    draws = bench.size.w2 * workloads.K * (1 + workloads.J)
    about = (
        f"### W2: {bench.size.w2:,} prompts, {workloads.K} responses of each, {workloads.J} judgments of each response"
    )
    return f"{about}, a pair\n\n{costs(bench, 'w2', who, draws)}"


def costs(bench: Bench, of: str, who: Sequence[Contender], draws: int) -> str:
    """The table of a workload."""
    found = bench.of(of)
    head = ("", "CPU s", "ms a generation", "\u00d7 aiohttp", "\u00d7 openai", "wall s", "peak MB",
            "requests", "pairs" if of == "w2" else "rows", "lost")  # fmt: skip
    rows = (_costs_of(one, found, draws) for one in who if found[one.title])
    return table(head, rows)


def _costs_of(who: Contender, found: dict[str, list[Ran]], draws: int) -> list[str]:
    runs = found[who.title]
    if failed := [one for one in runs if one.cost.status]:
        return [who.title, f"failed ({failed[0].cost.status})", *[""] * 8]
    like = [replace(who, name=name).title for name in ("aiohttp", "openai")]
    cpu, by_hand, client = (_cpu(found, title) for title in (who.title, *like))
    last, requests = runs[-1].left, runs[-1].cost.served["requests"]
    lost = max(draws - one.left.responses - one.left.judgments for one in runs)
    peak = max(one.cost.together for one in runs)
    return [
        who.title, spread([one.cost.cpu for one in runs]), f"{cpu / draws * 1000:.2f}", times(cpu, by_hand),
        times(cpu, client), spread([one.cost.wall for one in runs], ".1f"), f"{peak:,.0f}",
        f"{requests:,}", f"{last.pairs or last.responses:,}", f"{lost:,}",
    ]  # fmt: skip


def _cpu(found: dict[str, list[Ran]], name: str) -> float:
    runs = [one.cost.cpu for one in found.get(name, []) if one.cost.status == 0]
    return median(runs) if runs else 0.0


def marginal(bench: Bench) -> str:
    """What a run costs at all, and what each request adds: W1 with one prompt, and with many."""
    many = {one.title: bench.size.slow if one.name == "openai" else bench.size.more for one in contenders.W1}
    few = [one if one.name in {"prefgen", "aiohttp"} else replace(one, runs=1) for one in contenders.W1]
    bench.turns("w1 x 1", [(one, 1) for one in few], "w1")
    bench.turns("w1 x many", [(one, many[one.title]) for one in few], "w1")
    least, most = bench.of("w1 x 1"), bench.of("w1 x many")
    each = {name: (_cpu(most, name) - _cpu(least, name)) / (n - 1) for name, n in many.items()}
    head = ("", "one prompt, CPU s", "prompts", "CPU s", "ms each", "\u00d7 aiohttp", "\u00d7 openai")
    rows = (
        [
            name, spread([one.cost.cpu for one in least[name]]), f"{n:,}", spread([one.cost.cpu for one in most[name]]),
            f"{each[name] * 1000:.2f}", times(each[name], each["aiohttp"]), times(each[name], each["openai"]),
        ]
        for name, n in many.items()
    )  # fmt: skip
    return f"### What a run costs at all, and what each request of W1 adds\n\n{table(head, rows)}"


def late(bench: Bench, who: Sequence[Contender], many: int) -> str:
    """W1 at a latency at which places in flight are what limits it."""
    most, who = workloads.IN_FLIGHT, [replace(one, runs=1) for one in who]
    of = f"late x {many}"
    bench.turns(of, [(one, many) for one in who], "w1", LATENCY)
    limit = LATENCY * many / most
    head = ("", "wall s", "\u00d7 limit", "CPU s", "in flight")
    runs = [bench.of(of)[one.title][0] for one in who]
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
    rows = list[list[str]]()
    for workload, share in (("w1", 1), ("w2", workloads.K * (1 + workloads.J))):
        runs = [_replayed(bench, workload, max(2, replies // share)) for replies in bench.size.cached]
        rows += [_replay_row(workload, share, one, before) for before, one in pairwise([runs[0], *runs])]
    head = ("", "prompts", "replies", "CPU s", "wall s", "replies a second", "each more: a CPU second", "peak MB")
    return f"### Cached: nothing is asked\n\n{table(head, rows)}"


def _replayed(bench: Bench, workload: str, prompts: int) -> Ran:
    file, out = bench.file(prompts), bench.folder(f"cached-{workload}-{prompts}")
    filling = [sys.executable, "-m", "bench.replay", workload, f"{bench.server.address}/v1", str(file), str(out)]
    assert run(filling, bench.place / "log", most=3600).status == 0, (bench.place / "log").read_text()
    return bench.run(f"cached {workload}", contenders.W1[0], workload, file, out)


def _replay_row(workload: str, share: int, one: Ran, before: Ran) -> list[str]:
    """A replay. What a run costs at all is in its replies a second, and is not in those that it has more than the one
    before.
    """
    cost, replies, more = one.cost, one.prompts * share, ""
    if one.prompts > before.prompts and cost.cpu > before.cost.cpu:
        more = f"{(one.prompts - before.prompts) * share / (cost.cpu - before.cost.cpu):,.0f}"
    asked = f" ({cost.served['requests']:,} were asked)" if cost.served["requests"] else ""
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
    yield late(bench, [one for one in contenders.W1 if one.name != "openai"], bench.size.late)
    yield late(bench, [one for one in contenders.W1 if one.name in {"prefgen", "aiohttp"}], bench.size.later)
    yield cached(bench)


def beside(bench: Bench, folder: Path) -> Iterator[str]:
    """The two workloads, with peers."""
    yield f"{machine()} {capacity(bench)}\n"
    yield f"Peers: {'; '.join(venvs.told(folder))}.\n"
    who = [*contenders.W1, *venvs.contenders(folder, "w1")]
    yield w1(bench, who)
    yield w2(bench, [*contenders.W2, *venvs.contenders(folder, "w2")])
    yield late(bench, who, bench.size.w1)


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
