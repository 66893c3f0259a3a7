"""Differences of two shares against formulas and tables of others, and against every way in which coins can fall."""

from itertools import product
from math import sqrt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from prefgen.comparison.paired import EXACT, Paired, apart
from prefgen.statistics import Share, share

HALVES = st.lists(st.tuples(st.sampled_from([0, 0.5, 1]), st.sampled_from([0, 0.5, 1])), min_size=1, max_size=9)


def paired(*two: tuple[float, float]) -> Paired:
    """Units that hold so much in A and so much in B."""
    found = Paired()
    sides = [pl.DataFrame({"pair_id": range(len(two)), "holds": [float(one[s]) for one in two]}) for s in (0, 1)]
    found.add(sides[0], sides[1])
    return found


@given(HALVES)
@settings(max_examples=60, deadline=None)
def test_p_is_the_share_of_all_falls_of_the_coins_that_are_as_far_out(two: list[tuple[float, float]]) -> None:
    d = [b - a for a, b in two]
    falls = [abs(sum(s * x for s, x in zip(signs, d, strict=True))) for signs in product((-1, 1), repeat=len(d))]
    out = sum(fall >= abs(sum(d)) - 1e-9 for fall in falls) / len(falls)
    assert paired(*two).p() == pytest.approx(out)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (3, 9), (12, 2), (400, 460)])
def test_with_one_verdict_each_it_is_mcnemars_exact_test(only_a: int, only_b: int) -> None:
    found = paired(*[(1, 0)] * only_a, *[(0, 1)] * only_b, *[(1, 1)] * 30)
    exact = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert found.p() == pytest.approx(exact)


def test_of_many_that_differ_the_normal_distribution_tells_nearly_the_same() -> None:
    only_a, only_b = 560, EXACT - 420
    assert only_a + only_b > EXACT
    assert paired(*[(1, 0)] * only_a, *[(0, 1)] * only_b).p() == pytest.approx(
        binomtest(only_a, only_a + only_b).pvalue, abs=0.03
    )
    assert paired(*[(1 / 3, 0)] * 4).p() == pytest.approx(0.0455, abs=1e-4)  # z = 2: no halves, no exact test


def test_the_interval_is_that_of_bonett_and_price() -> None:
    both, only_a, only_b, neither = 40, 5, 17, 38
    found = paired(*[(1, 1)] * both, *[(1, 0)] * only_a, *[(0, 1)] * only_b, *[(0, 0)] * neither).difference()
    n = both + only_a + only_b + neither
    p12, p21 = (only_a + 1) / (n + 2), (only_b + 1) / (n + 2)
    reach = 1.959963984540054 * sqrt((p12 + p21 - (p21 - p12) ** 2) / (n + 2))
    assert found is not None
    assert (found.value, found.n, found.paired) == ((only_b - only_a) / n, n, True)
    assert (found.low, found.high) == pytest.approx((p21 - p12 - reach, p21 - p12 + reach))


def test_the_interval_of_two_sets_is_newcombes() -> None:
    """56 of 70 and 48 of 80: his table II, contrast (a), method 10."""
    a, b = share(48, 80), share(56, 70)
    found = apart(a, b)
    assert found is not None
    assert (round(found.value, 4), round(found.low, 4), round(found.high, 4)) == (0.2, 0.0524, 0.3339)
    assert (found.paired, found.n, found.p) == (False, 70, None)


def test_nothing_in_common_is_no_number() -> None:
    assert Paired().difference() is None
    assert Paired().of_means() is None
    assert paired((1, 0)).of_means() is None
    assert apart(None, Share(1.0, 0.5, 1.0, 3)) is None


def test_a_difference_has_a_width_where_nothing_differs() -> None:
    found = paired(*[(1, 1)] * 20).difference()
    assert found is not None
    assert (found.value, found.p) == (0.0, 1.0)
    assert found.low < 0 < found.high
