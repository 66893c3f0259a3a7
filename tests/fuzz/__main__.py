"""A million inputs, or as many as one likes, over all cores: python -m tests.fuzz [INPUTS] [SEED].

What is found can be had again by its target and number: python -m tests.fuzz --one TARGET NUMBER.
"""

import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import wait

from tests.fuzz.hands import PATIENCE, Hand, Sums, Work, ready
from tests.fuzz.target import Case, Target, made, shown, tried
from tests.fuzz.targets import all_targets

FIRST = 100_000_000
"""A seed's numbers begin at so many times the seed."""
TOGETHER = 250
"""Cases that are handed to a process at once."""
DEATHS = 100
"""Processes that may die or hang before it is given up."""


def shared(inputs: int, targets: Mapping[str, Target], seed: int) -> Iterator[Work]:
    """The work in small lots, each target's spread over all of it."""
    whole = sum(target.share for target in targets.values())
    lots = []
    for name, target in targets.items():
        count = math.ceil(inputs * target.share / whole)
        starts = range(0, count, TOGETHER)
        lots += [(start / count, name, start, min(start + TOGETHER, count)) for start in starts]
    yield from ((name, seed * FIRST + first, seed * FIRST + last) for _, name, first, last in sorted(lots))


def fuzzed(inputs: int, seed: int, targets: Mapping[str, Target]) -> dict[str, Sums]:
    """Everything tried once; a process that dies or hangs is a finding, and another one goes on after it."""
    sums = {name: Sums() for name in targets}
    work, hands = list(shared(inputs, targets, seed))[::-1], [Hand() for _ in range(os.cpu_count() or 1)]
    for hand in hands:
        hand.give(work.pop() if work else None)
    started = len(hands)
    while started < DEATHS and (busy := [hand for hand in hands if hand.work]):
        wait([hand.pipe for hand in busy] + [hand.process.sentinel for hand in busy], timeout=5)
        for hand in busy:
            if hand.pipe.poll() and (told := _told(hand)):
                assert hand.work
                sums[hand.work[0]].take(told)
                hand.give(work.pop() if work else None)
            elif hand.hangs() or not hand.process.is_alive():
                hands[hands.index(hand)], started = _again(hand, sums, work), started + 1
    return sums


def _told(hand: Hand) -> Sums | None:
    try:
        told: Sums = hand.pipe.recv()
    except (EOFError, ConnectionError):
        return None
    return told


def _again(hand: Hand, sums: Mapping[str, Sums], work: list[Work]) -> Hand:
    """A new process in the place of one that hangs or is dead; what it had done of its lot is not done again."""
    assert hand.work
    name, first, last = hand.work
    number = int(hand.at[0])
    how = f"no end within {PATIENCE:.0f} s" if hand.hangs() else ""
    ended = hand.end()
    sums[name].add(Case(name, number, found=how or ended, shown=shown(made(all_targets()[name], number))))
    sums[name].inputs += number - first
    work += [(name, number + 1, last)] if number + 1 < last else []
    fresh = Hand()
    fresh.give(work.pop() if work else None)
    return fresh


def told(sums: Mapping[str, Sums], seconds: float) -> int:
    """Prints the table, and each kind of finding with its first input; 1 where there is one."""
    print(f"{'target':24} {'inputs':>9} {'findings':>9} {'slowest':>11} {'per MB (10 kB and more)':>24}")
    for name, one in sums.items():
        worst = f"{1000 * one.slowest.seconds:.1f} ms" if one.slowest else ""
        rate = f"{1000 * one.per_mb.per_mb:,.0f} ms" if one.per_mb else ""
        print(f"{name:24} {one.inputs:9,} {one.kinds.total():9,} {worst:>11} {rate:>24}")
    for one in sums.values():
        for kind, case in one.first.items():
            print(
                f"\n{one.kinds[kind]:,} x {case.found}\n  python -m tests.fuzz --one '{case.target}' {case.number}\n  {case.shown}"
            )
    found = sum(one.kinds.total() for one in sums.values())
    print(f"\n{sum(one.inputs for one in sums.values()):,} inputs, {found:,} findings, {seconds:.0f} s")
    return int(found > 0)


def one(name: str, number: int) -> int:
    """One case again, with its whole input."""
    ready(quiet=False)
    target = all_targets()[name]
    print(repr(made(target, number)))
    case = tried(target, number)
    print(case.found or f"nothing found; {1000 * case.seconds:.1f} ms, {case.size:,} bytes")
    return int(bool(case.found))


def main(arguments: Sequence[str]) -> int:
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_BASE_URL"))]:
        del os.environ[name]
    os.environ |= {"HF_HUB_OFFLINE": "1", "POLARS_MAX_THREADS": "1"}
    if arguments[:1] == ["--one"]:
        return one(arguments[1], int(arguments[2]))
    inputs, seed = (int(argument) for argument in [*arguments, *["1000000", "0"][len(arguments) :]])
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="prefgen-fuzz-") as folder:
        os.environ["TMPDIR"] = folder
        sums = fuzzed(inputs, seed, all_targets())
    return told(sums, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
