"""The processes that try inputs. One that dies or hangs is told from outside, by the number at which it was."""

import multiprocessing as mp
import os
import re
import resource
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from tests.fuzz.target import Case, tried
from tests.fuzz.targets import all_targets

PATIENCE = 60.0
"""Seconds after which a case is taken to have no end; wall time, on cores that are shared."""
MEMORY = 6 * 2**30
"""Bytes that a process may ask for."""
LARGE = 10_000
"""Bytes from which an input's time for each MB means something."""


@dataclass
class Sums:
    """What came of a target's inputs. Of each kind of finding the first is kept."""

    inputs: int = 0
    slowest: Case | None = None
    per_mb: Case | None = None
    kinds: Counter[str] = field(default_factory=Counter)
    first: dict[str, Case] = field(default_factory=dict)

    def add(self, case: Case) -> None:
        self.inputs += 1
        if self.slowest is None or case.seconds > self.slowest.seconds:
            self.slowest = case
        if case.size >= LARGE and (self.per_mb is None or case.per_mb > self.per_mb.per_mb):
            self.per_mb = case
        if case.found:
            kind = re.sub(r"[\d.,]+|'.*'|\".*\"", "_", case.found)[:60] + case.found.rpartition("(")[2]
            self.kinds[kind] += 1
            self.first.setdefault(kind, case)

    def take(self, other: "Sums") -> None:
        self.inputs += other.inputs
        for one in (other.slowest, other.per_mb):
            if one:
                self.inputs -= 1
                self.add(Case(one.target, one.number, one.size, one.seconds))
        self.kinds += other.kinds
        self.first = other.first | self.first


Work = tuple[str, int, int]
"""A target, the number to begin at, and the number to end before."""


def ready(*, quiet: bool) -> None:
    """Warnings are errors, memory has an end; panics of Rust write to stderr, and are told by what they raise."""
    warnings.simplefilter("error")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def worker(pipe: Connection, at: Any) -> None:
    """Tries what it is handed; ``at`` tells the parent which number, and since when."""
    ready(quiet=True)
    targets = all_targets()
    while work := pipe.recv():
        name, first, last = work
        sums = Sums()
        for number in range(first, last):
            at[0], at[1] = number, time.monotonic_ns()
            sums.add(tried(targets[name], number))
        at[1] = 0
        pipe.send(sums)


class Hand:
    """A process, and what it was handed."""

    def __init__(self) -> None:
        context = mp.get_context("spawn")
        self.at = context.Array("q", 2, lock=False)
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=worker, args=(theirs, self.at), daemon=True)
        self.process.start()
        theirs.close()
        self.work: Work | None = None

    def give(self, work: Work | None) -> None:
        self.work = work
        self.at[0] = work[1] if work else 0
        self.pipe.send(work)

    def hangs(self) -> bool:
        return bool(self.at[1]) and time.monotonic_ns() - self.at[1] > PATIENCE * 1e9

    def end(self) -> str:
        """How it ended, in words."""
        self.process.kill()
        self.process.join()
        return f"the process ended ({self.process.exitcode})"
