"""Which limit holds a request back, said of a gate as it stands; looking changes nothing."""

from collections.abc import Callable

import pytest

from prefgen.errors import TryAgain
from prefgen.llm.gate import FEWEST, PROBE, Gate, Hold
from prefgen.llm.limits import NO_LIMITS, Limits

Does = Callable[[Gate], object]


def served(gate: Gate, limits: Limits = NO_LIMITS) -> None:
    gate.served(0, limits, 0, 0, 0)


def sent(gate: Gate, requests: int = 1, tokens: float = 0) -> None:
    for _ in range(requests):
        gate.enter(0, tokens)
        gate.leave()


def fault(reason: str, wait: float | None = None) -> TryAgain:
    return TryAgain(reason, "no", attempts=2, wait=wait)


def refused(gate: Gate, wait: float | None = None) -> None:
    gate.failed(0, fault("rate_limited", wait), others=False)


def broken(gate: Gate) -> None:
    served(gate)
    for _ in range(FEWEST):
        gate.failed(0, fault("server_error"), others=False)


def full(gate: Gate) -> None:
    gate.in_flight = int(gate.places)


STATES: list[tuple[str, Gate, list[Does], Hold | None]] = [
    ("free", Gate(9), [], None),
    ("told to wait", Gate(9), [lambda g: refused(g, 12)], Hold("paused", 12)),
    ("broken", Gate(9), [broken], Hold("broken", PROBE)),
    ("not there", Gate(9), [lambda g: g.failed(0, fault("no_connection"), others=True)],
     Hold("unreachable", 2)),
    ("stated", Gate(9, rpm=500), [lambda g: sent(g, 9)], Hold("requests", 500, "stated")),
    ("told", Gate(9), [lambda g: served(g, Limits(10)), lambda g: sent(g, 9)], Hold("requests", 600, "told")),
    ("told, above what is stated", Gate(9, rpm=60), [lambda g: served(g, Limits(10)), lambda g: sent(g, 9)],
     Hold("requests", 60, "stated")),
    ("learning", Gate(9), [lambda g: sent(g, 9)], Hold("requests", 1200, "learning")),
    ("slowed", Gate(9), [lambda g: sent(g, 10), refused, lambda g: sent(g, 9)], Hold("requests", 1080, "slowed")),
    ("tokens, stated", Gate(9, tpm=6000), [lambda g: sent(g, 1, 900)], Hold("tokens", 6000, "stated")),
    ("tokens, told", Gate(9), [lambda g: served(g, Limits(None, 100)), lambda g: sent(g, 1, 900)],
     Hold("tokens", 6000, "told")),
    ("places", Gate(9), [full], Hold("places", 9, "stated")),
    ("places, at first", Gate(64), [full], Hold("places", 20, "learning")),
    ("places, after timeouts", Gate(64), [lambda g: g.failed(0, fault("timeout"), others=False), full],
     Hold("places", 16, "slowed")),
]  # fmt: skip


@pytest.mark.parametrize(("gate", "does", "hold"), [one[1:] for one in STATES], ids=[one[0] for one in STATES])
def test_a_gate_says_what_holds(gate: Gate, does: list[Does], hold: Hold | None) -> None:
    for one in does:
        one(gate)
    found = gate.held_by(0)
    assert gate.held_by(0) == found
    assert (found and found._replace(amount=round(found.amount, 6))) == hold


def test_what_holds_by_time_is_over_in_time() -> None:
    gate = Gate(9)
    refused(gate, 12)
    assert gate.held_by(9.5) == ("paused", 2.5, "")
    assert gate.held_by(12.1) is None
