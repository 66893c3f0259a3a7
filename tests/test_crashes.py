"""A short form of `make crashes`: real processes, kill -9 at random times."""

import pytest

from tests.crashes import counted

pytestmark = pytest.mark.slow


def test_kill_9_loses_nothing_and_repeats_no_more_than_was_in_flight() -> None:
    counts = counted(3, seed=3)
    assert counts.kills >= 3
    assert (counts.lost, counts.different) == (0, 0)
    assert counts.twice <= counts.in_flight
