"""When each step was at work: from the first of its rows to the last, however they overlap."""

import time

import pytest

from prefgen.clock import Clock


def test_a_span_goes_from_the_first_beginning_to_the_last_end() -> None:
    clock = Clock(began=time.monotonic() - 10)
    with clock.at_work("a"):
        with clock.at_work("a"), clock.at_work("b"):
            time.sleep(0.01)
        time.sleep(0.01)
    a, b = clock.told("a"), clock.told("b")
    assert 10 <= a["began"] <= b["began"] < 11
    assert b["seconds"] >= 0.01
    assert a["seconds"] >= round(b["seconds"] + 0.01, 3)  # both are told to the millisecond
    with pytest.raises(ZeroDivisionError):
        _fails(clock)
    assert clock.told("a")["seconds"] >= round(a["seconds"] + 0.01, 3)
    assert clock.told("c") == {}


def _fails(clock: Clock) -> None:
    with clock.at_work("a"):
        time.sleep(0.01)
        raise ZeroDivisionError
