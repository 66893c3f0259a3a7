"""Who is measured, by which command, and what each left: prefgen, clients by hand, and peers in environments of
their own.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import ROOT

Command = Callable[[str, str, Path, Path], list[str]]
"""Workload, base_url, file of prompts, folder for what is made → command line."""


@dataclass(frozen=True)
class Contender:
    """One line of a table. ``together`` asks for the draws of one prompt in one request (``n``), and is held
    against the clients by hand that do so too; ``runs`` bounds how often those that take long are run.
    """

    name: str
    command: Command
    together: bool = False
    runs: int = 3

    @property
    def title(self) -> str:
        """Its line's first cell, and its name among the runs."""
        return f"{self.name}, n" if self.together else self.name


def by_prefgen(*more: str) -> Command:
    """The command line, as a user would: journal, tables, dataset and card."""

    def command(workload: str, base_url: str, prompts: Path, out: Path) -> list[str]:
        models = ["writer", "judge"] if workload == "w2" else ["writer"]
        values = [f"steps.prompts.load={prompts}", *(f"models.{one}.base_url={base_url}" for one in models)]
        sets = [word for value in values for word in ("--set", value)]
        recipe = str(ROOT / "bench" / f"{workload}.yaml")
        return [sys.executable, str(ROOT / "cli.py"), "run", recipe, "--quiet", "--out", str(out), *sets, *more]

    return command


def by_hand(client: str, *more: str) -> Command:
    """A script of its own (``bench.raw``)."""
    return lambda workload, base_url, prompts, out: [
        *(sys.executable, "-m", "bench.raw", client, workload, base_url, str(prompts), str(out), *more)
    ]


def by_peer(name: str, python: Path) -> Command:
    """A peer's script, in the peer's own environment."""
    return lambda workload, base_url, prompts, out: [
        *(str(python), "-m", f"bench.peers.{name}", workload, base_url, str(prompts), str(out))
    ]


W1 = (
    Contender("prefgen", by_prefgen()),
    Contender("aiohttp", by_hand("aiohttp")),
    Contender("openai on aiohttp", by_hand("openai-aiohttp")),
    Contender("openai", by_hand("openai")),
)
W2 = (
    Contender("prefgen", by_prefgen(), together=True),
    Contender("aiohttp", by_hand("aiohttp", "n"), together=True),
    Contender("openai on aiohttp", by_hand("openai-aiohttp", "n"), together=True),
    Contender("openai", by_hand("openai", "n"), together=True),
    Contender("prefgen", by_prefgen("--preset", "alone")),
    Contender("aiohttp", by_hand("aiohttp")),
    Contender("openai on aiohttp", by_hand("openai-aiohttp"), runs=1),
    Contender("openai", by_hand("openai"), runs=1),
)
"""prefgen asks with ``n`` where a server can; ``alone`` is how it asks one that cannot."""


@dataclass(frozen=True)
class Left:
    """Rows that a run left: responses, judgments, pairs."""

    responses: int = 0
    judgments: int = 0
    pairs: int = 0


def left(out: Path) -> Left:
    """What stands in a folder: JSON lines, or a dataset of prefgen's."""
    if (out / "run.json").exists():
        return _of_dataset(out)
    return Left(*(_lines(out / f"{name}.jsonl") for name in ("responses", "judgments", "pairs")))


def _lines(path: Path) -> int:
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _of_dataset(out: Path) -> Left:
    """The rows of each config's files. Counted by pyarrow in a process of its own: this one stays small, for a
    process's memory counts from what its parent had.
    """
    code = (
        "import glob, json, sys; from pyarrow.parquet import read_metadata as rows; of = sys.argv[1]\n"
        "print(json.dumps([sum(rows(p).num_rows for p in glob.glob(f'{of}/dataset/{name}/*.parquet'))"
        " for name in ('responses', 'judgments', 'preferences')]))"
    )
    return Left(*json.loads(_said([sys.executable, "-c", code, str(out)])))


def _said(command: Sequence[str]) -> str:
    import subprocess

    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
