"""A race goes on with those that may be the best or the worst, and leaves out those that are clearly neither."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen.stopping import Stop
from prefgen.stops.race import ends, race

STOP = Stop(race)


def rows(k: int) -> list[dict[str, Any]]:
    return [{"id": f"p.{i}", "prompt_id": "p"} for i in range(k)]


def read(scores: Sequence[float | None]) -> list[list[dict[str, Any]]]:
    return [[] if score is None else [{"score": score}] for score in scores]


def raced(scores: list[list[float | None]], stop: Stop = STOP) -> list[int]:
    """How many of each response's scores are drawn; no one who was out comes in again before the others' end."""
    n, counts, out = len(scores[0]), [0] * len(scores), set[int]()
    while any(more := stop.more(rows(len(scores)), [read(s[:c]) for s, c in zip(scores, counts, strict=True)], n)):
        out |= {i for i, one in enumerate(more) if not one}
        assert max(counts) == n or not any(more[i] for i in out)
        counts = [count + one for count, one in zip(counts, more, strict=True)]
    return counts


def test_what_is_clearly_between_is_left_out() -> None:
    noise = [0.1, -0.1, 0.0, 0.1, -0.1]
    scores: list[list[float | None]] = [[level + x for x in noise] for level in (5, 3, 1, 2.9)]
    assert raced(scores) == [5, 3, 5, 3]


def test_what_may_be_an_end_goes_on() -> None:
    noise = [1.5, -1.5, 0.3, -0.3, 1.0, -1.0]
    scores: list[list[float | None]] = [[level + x for x in noise] for level in (3, 2.9, 2.8)]
    assert raced(scores) == [6, 6, 6]


@pytest.mark.parametrize("k", [1, 2])
def test_the_two_ends_go_on_to_the_last(k: int) -> None:
    assert raced([[float(i)] * 7 for i in range(k)]) == [7] * k


def test_scores_that_never_vary_leave_the_ends_and_their_equals() -> None:
    assert raced([[5.0] * 5, [5.0] * 5, [3.0] * 5, [1.0] * 5]) == [5, 5, 3, 5]


def test_a_response_without_a_score_may_still_be_an_end() -> None:
    nothing: list[float | None] = [None] * 5
    assert raced([[5.0] * 5, nothing, [3.0] * 5, [1.0] * 5]) == [5, 5, 3, 5]
    assert raced([nothing, nothing]) == [5, 5]


def test_a_row_that_cannot_be_asked_holds_nobody_up() -> None:
    """It is shown as drawn to its end before the others have begun."""
    over: list[list[dict[str, Any]]] = [[], [], [], []]
    assert STOP.more(rows(3), [[], over, []], 4) == [3, 0, 3]
    both = [read([5.0] * 3), over, read([1.0] * 3)]
    assert STOP.more(rows(3), both, 4) == [1, 0, 1]
    assert STOP.more(rows(3), [read([5.0] * 4), over, read([1.0] * 4)], 4) == [0, 0, 0]


@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 12))
def test_whoever_is_an_end_at_last_has_all_of_its_scores(seed: int, k: int, n: int) -> None:
    """Also one that was out: the means of those who went on may have moved between its own and the middle."""
    chance = random.Random(seed)
    every: list[list[float | None]] = [
        [None if chance.random() < 0.1 else chance.gauss(level, 1.0) for _ in range(n)] for level in range(k)
    ]
    counts = raced(every)
    found = ends([read(one[:count]) for one, count in zip(every, counts, strict=True)], {})
    assert all(counts[place] == n for place in found or ())


def test_one_that_was_out_comes_in_again_where_it_is_an_end_after_all() -> None:
    level: list[float | None] = [1.5, 1.5, 1.5, 1.5, 1.5]
    falls: list[float | None] = [1.0, 1.0, 1.0, 5.0, 5.0]
    assert raced([[9.0] * 5, level, falls]) == [5, 5, 5]


@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 12))
def test_no_more_than_n_and_no_less_than_the_estimate_says(seed: int, k: int, n: int) -> None:
    chance = random.Random(seed)
    every: list[list[float | None]] = [
        [chance.choice([None, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]) for _ in range(n)] for _ in range(k)
    ]
    counts = raced(every)
    assert STOP.least(rows(k), n) <= sum(counts) <= k * n
    assert max(counts) == n


@pytest.mark.parametrize(("z", "of"), [(0.5, "score"), (8.0, "points")])
def test_its_settings_say_how_sure_it_is_and_what_it_reads(z: float, of: str) -> None:
    noise = [0.5, -0.5, 0.0, 0.5, -0.5, 0.0]
    drawn = [[[{of: level + x}] for x in noise[:3]] for level in (5, 3, 1)]
    out = Stop(race, {"z": z, "of": of}).more(rows(3), drawn, 6)
    assert out == ([3, 0, 3] if z < 1 else [1, 1, 1])


def test_the_decision_is_the_best_and_the_worst_by_their_means() -> None:
    same = [read([3.0, 5.0, 4.0]), read([1.0, 2.0, 0.0]), read([3.0, 3.0, 3.0])]
    assert (ends(same, {}), ends([[], []], {})) == ((0, 1), None)
    assert not STOP.changed(rows(3), same, 3)
    late = [read([5.0] * 3 + [5.0] * 9), read([3.0] * 3 + [9.0] * 9), read([1.0] * 12)]
    assert STOP.changed(rows(3), late, 12)  # the second is out after three, and would have been the best
