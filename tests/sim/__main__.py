"""Many seeds, and what they came to: python -m tests.sim [SEEDS] [FIRST]."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.sim.bugs import BUGS, MONEY_BUGS
from tests.sim.world import Found, History, Parts

CATCH = 50
"""Seeds within which every planted bug must show."""


@dataclass
class Sums:
    """What many histories came to."""

    seeds: int = 0
    crashes: int = 0
    stops: int = 0
    calls: int = 0
    twice: int = 0
    allowed: int = 0
    lost: int = 0
    over: float = 0.0

    def add(self, found: Found) -> None:
        self.seeds += 1
        for name in ("crashes", "stops", "calls", "twice", "allowed", "lost", "over"):
            setattr(self, name, getattr(self, name) + getattr(found, name))


def one(seed: int) -> Found:
    return History(seed, Parts()).run()


def with_money(seed: int) -> Found:
    return History(seed, Parts(), money=True).run()


def caught_at(name: str) -> int | None:
    """The first seed, counted from 1, at which a planted bug shows."""
    money = name in MONEY_BUGS
    for seed in range(CATCH):
        if History(seed, (MONEY_BUGS if money else BUGS)[name], money=money).run().violations:
            return seed + 1
    return None


def main(seeds: int, first: int) -> int:
    began, sums, budget, bad = time.monotonic(), Sums(), Sums(), 0
    with ProcessPoolExecutor() as pool:
        for total, work in ((sums, one), (budget, with_money)):
            many = range(first, first + (seeds if work is one else seeds // 4))
            for seed, found in zip(many, pool.map(work, many, chunksize=5), strict=True):
                total.add(found)
                bad += bool(found.violations)
                for violation in found.violations:
                    print(f"seed {seed}: {violation}")
        caught = dict(zip([*BUGS, *MONEY_BUGS], pool.map(caught_at, [*BUGS, *MONEY_BUGS]), strict=True))
    print(f"{sums.seeds:,} seeds, {sums.crashes:,} crashes, {sums.stops:,} stops, {sums.calls:,} requests")
    print(f"lost {sums.lost:,}; paid twice {sums.twice:,}, in flight at crashes {sums.allowed:,}")
    print(f"{budget.seeds:,} seeds with a limit of money, {budget.calls:,} requests: overspent by ${budget.over:,.4f}")
    print(f"{bad} seeds with violations")
    for name, at in caught.items():
        print(f"planted: {name}: " + (f"caught at seed {at}" if at else "NOT CAUGHT"))
    print(f"{time.monotonic() - began:.0f} s")
    return int(bad > 0 or not all(caught.values()))


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in [*sys.argv[1:], *["2000", "0"][len(sys.argv) - 1 :]])))
