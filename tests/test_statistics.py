"""Measures of judges: two implementations agree, planted worlds are found again, and what cannot be told is None."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, permutations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.agreement import MANY, Units, cohens_kappa, fleiss_kappa, krippendorff_alpha
from prefgen.statistics import (
    Share,
    accuracy,
    bradley_terry,
    first_shown_share,
    flip_rate,
    gold_longer_share,
    longer_share,
    percent,
    share,
)

SCHEMA = dict.fromkeys(("pair_id", "gold", "verdict", "response_a", "response_b", "judge_model"), pl.String)


def table(*judged: tuple[str, str, str | None], long: str = "") -> pl.DataFrame:
    """(pair, gold, verdict); ``long`` names the response that is the longer one: c(hosen) or r(ejected)."""
    rows = []
    for pair, gold, verdict in judged:
        text = {"chosen": "xx" if long == "c" else "x", "rejected": "xx" if long == "r" else "x"}
        a, b = ("chosen", "rejected") if gold == "A" else ("rejected", "chosen")
        rows.append((pair, gold, verdict, text[a], text[b], "m"))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def value(one: Share | None) -> tuple[float, int] | None:
    return (one.value, one.n) if one else None


def test_a_share_and_its_interval() -> None:
    found = share(7, 10)
    assert found is not None
    assert (round(found.low, 6), round(found.high, 6)) == (0.396778, 0.892209)  # Wilson's formula by hand
    assert str(found) == "0.700 (0.397 to 0.892, n 10)"
    assert share(0, 0) is None


@pytest.mark.parametrize(
    ("value", "digits", "told"),
    [
        (0.534, 0, "53%"),
        (0.534, 1, "53.4%"),
        (0.0, 1, "0.0%"),
        (1.0, 0, "100%"),
        (0.996, 0, "99.6%"),
        (0.99964, 1, "99.96%"),
        (0.0004, 0, "0.04%"),
        (0.0000004, 1, "0.00004%"),
        (-0.0004, 0, "-0.04%"),
        (5e-300, 0, "0%"),
    ],
)
def test_a_share_in_percent_is_none_or_all_only_where_it_is(value: float, digits: int, told: str) -> None:
    assert percent(value, digits) == told


def test_measures_of_both_orders() -> None:
    rows = table(("p", "A", "A"), ("p", "B", "B"), ("q", "A", "A"), ("q", "B", "A"), ("r", "A", "B"))
    assert value(accuracy(rows)) == (0.6, 5)
    assert value(first_shown_share(rows)) == (0.75, 4)
    assert value(flip_rate(rows)) == (0.5, 2)


def test_the_first_verdict_that_could_be_read_stands_for_a_pair_s_order() -> None:
    rows = table(("p", "A", None), ("p", "A", "B"), ("p", "A", "A"), ("p", "A", "A"))
    assert value(accuracy(rows)) == (0, 1)
    assert first_shown_share(rows) is None
    assert flip_rate(rows) is None


@pytest.mark.parametrize(
    ("long", "verdict", "expected", "gold"), [("c", "A", 1, 1), ("r", "A", 0, 0), ("r", "B", 1, 0)]
)
def test_length(long: str, verdict: str, expected: float, gold: float) -> None:
    rows = table(("p", "A", verdict), long=long)
    assert value(longer_share(rows)) == (expected, 1)
    assert value(gold_longer_share(rows)) == (gold, 1)


def test_a_tie_tells_of_no_place_and_of_no_length() -> None:
    """Of judges of somebody else's. It is not right, though, where a better response is known."""
    rows = table(("p", "A", "tie"), ("p", "B", "tie"), ("q", "A", "A"), ("q", "B", "tie"), ("r", "A", "A"), ("r", "B", "B"), long="r")  # fmt: skip
    assert value(accuracy(rows)) == (3 / 6, 6)
    assert value(first_shown_share(rows)) == (2 / 3, 3)
    assert value(flip_rate(rows)) == (0, 1)
    assert value(longer_share(rows)) == (0, 3)
    unknown = table(("p", "A", "A")).vstack(table(("p", "A", "A")).with_columns(gold=pl.lit(None, pl.String)))
    assert flip_rate(unknown) is None


def test_nothing_is_told_of_nothing() -> None:
    measures = (accuracy, first_shown_share, flip_rate, longer_share, gold_longer_share)
    assert [measure(table()) for measure in measures] == [None] * 5
    assert longer_share(table(("p", "A", "A"))) is None


# --- two implementations ---


def brute_kappa(a: Sequence[Any], b: Sequence[Any]) -> float | None:
    both = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    if not both:
        return None
    seen = sum(x == y for x, y in both) / len(both)
    left, right = Counter(x for x, _ in both), Counter(y for _, y in both)
    chance = sum(left[value] * right[value] for value in left) / len(both) ** 2
    return None if chance == 1 else (seen - chance) / (1 - chance)


def brute_fleiss(ratings: Sequence[Sequence[str]]) -> float | None:
    if not ratings or len(ratings[0]) < 2:
        return None
    each = len(ratings[0])
    seen = np.mean([sum(x == y for x, y in permutations(unit, 2)) / (each * (each - 1)) for unit in ratings])
    pooled = Counter(value for unit in ratings for value in unit)
    chance = sum((n / (each * len(ratings))) ** 2 for n in pooled.values())
    return None if len(pooled) == 1 else float((seen - chance) / (1 - chance))


def brute_alpha(ratings: Sequence[Sequence[Any]], level: str) -> float | None:
    """1 - observed / expected disagreement, pair by pair."""
    units = [[v for v in unit if v is not None] for unit in ratings]
    units = [unit for unit in units if len(unit) > 1]
    pooled = [v for unit in units for v in unit]
    if len(set(pooled)) < 2:
        return None

    def apart(x: Any, y: Any) -> float:
        return float(x != y) if level == "nominal" else float((x - y) ** 2)

    seen = sum(apart(x, y) / (len(unit) - 1) for unit in units for x, y in permutations(unit, 2)) / len(pooled)
    chance = sum(apart(x, y) for x, y in permutations(pooled, 2)) / (len(pooled) * (len(pooled) - 1))
    return 1 - seen / chance


RATINGS = st.lists(st.tuples(*[st.sampled_from(["A", "B", "C"])] * 3), min_size=1, max_size=12)
GAPS = st.lists(st.lists(st.sampled_from([None, 0, 1, 3, 4.5]), min_size=3, max_size=3), min_size=1, max_size=12)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(*[st.sampled_from(["A", "B", None])] * 2), max_size=12))
def test_cohen_s_kappa(both: list[tuple[str | None, str | None]]) -> None:
    a, b = [x for x, _ in both], [y for _, y in both]
    expected = brute_kappa(a, b)
    assert cohens_kappa(a, b) == (None if expected is None else pytest.approx(expected))


@settings(deadline=None, max_examples=100)
@given(RATINGS)
def test_fleiss_kappa(ratings: list[tuple[str, ...]]) -> None:
    expected = brute_fleiss(ratings)
    assert fleiss_kappa(ratings) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("level", ["nominal", "interval"])
def test_krippendorff_s_alpha(level: Any) -> None:
    @settings(deadline=None, max_examples=25)
    @given(GAPS)
    def agree(ratings: list[list[float | None]]) -> None:
        expected, found = brute_alpha(ratings, level), krippendorff_alpha(ratings, level=level)
        assert (found is None) == (expected is None)
        if found and expected is not None:
            assert found.value == pytest.approx(expected)
            assert found.low <= found.high

    agree()


@pytest.mark.parametrize("level", ["nominal", "interval"])
def test_alpha_of_many_units_is_that_of_few(level: Any) -> None:
    """Beyond MANY units no one is looked at by itself: value and interval are those that all of them give."""
    chance = np.random.default_rng(0)
    few = [
        [float(a), float(a if right else b)]
        for a, b, right in zip(*chance.integers(0, 5, (2, 2000)), chance.random(2000) < 0.5, strict=True)
    ]
    small, large = krippendorff_alpha(few, level=level), krippendorff_alpha(few * 6, level=level)
    assert small is not None
    assert large is not None
    assert large.value == pytest.approx(small.value, abs=1e-3)
    assert large.high - large.low == pytest.approx((small.high - small.low) / 6**0.5, rel=0.2)
    assert large.low < large.value < large.high
    assert large.units == 12_000


def test_alpha_of_very_many_values_is_that_of_their_moments() -> None:
    chance = np.random.default_rng(0)
    ratings = [[float(mean + one) for one in chance.normal(size=3)] for mean in chance.normal(size=400)]
    found, expected = krippendorff_alpha(ratings, level="interval"), brute_alpha(ratings, "interval")
    assert found is not None
    assert found.value == pytest.approx(expected)
    assert found.low < found.value < found.high
    large = krippendorff_alpha([*map(list, chance.normal(size=(20_000, 2)))], level="interval")
    assert large is not None
    assert -0.03 < large.low < 0 < large.high < 0.03


def test_samples_of_units_have_the_library_s_alpha() -> None:
    """With one unit a sample is the table itself, over and over: the interval is the value."""
    for level in ("nominal", "interval"):
        found = krippendorff_alpha([["A", "A", "B"]] if level == "nominal" else [[1, 1, 4]], level=level)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((found.value, found.value))


@pytest.mark.parametrize("level", ["nominal", "interval"])
def test_of_many_units_none_is_held_and_the_interval_is_the_same(level: Any) -> None:
    """Just below and just above the number from which samples are drawn from the normal distribution."""
    chance = np.random.default_rng(0)
    truth = chance.integers(1, 4, MANY + 1)
    ratings = [[float(t), float(t if chance.random() < 0.7 else chance.integers(1, 4))] for t in truth]
    few, many = (krippendorff_alpha(ratings[:n], level=level) for n in (MANY, MANY + 1))
    assert few is not None
    assert many is not None
    assert (many.value, many.low, many.high) == pytest.approx((few.value, few.low, few.high), abs=0.002)
    found = Units("nominal")
    for _ in range(3):
        found.add(np.array([[1.0, 1.0]] * MANY))
    assert not found.held
    assert found.bundles == 3 * MANY


def test_unequal_numbers_of_ratings() -> None:
    with pytest.raises(ValueError, match="as many ratings each"):
        fleiss_kappa([["A", "B"], ["A"]])


# --- planted worlds ---


def judged(pairs: int, right: float, first: float, seed: int, longer: float = 0.0) -> pl.DataFrame:
    """Judgments of a judge that takes the first response with probability ``first``, else the longer one with
    ``longer``, else the better one with ``right``. The better one is the longer in half of the pairs.
    """
    random = np.random.default_rng(seed)
    rows = []
    for pair in range(pairs):
        long = random.random() < 0.5
        for gold in "AB":
            texts = {gold: "xx" if long else "x", "BA"["AB".index(gold)]: "x" if long else "xx"}
            other = "BA"["AB".index(gold)]
            if random.random() < first:
                verdict = "A"
            elif random.random() < longer:
                verdict = gold if long else other
            else:
                verdict = gold if random.random() < right else other
            rows.append((f"{pair}", gold, verdict, texts["A"], texts["B"], "m"))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def flips(right: float, first: float, longer: float, long: float) -> float:
    """How often the preferred response changes with the order, where the better one is the longer one or is not."""
    good = (1 - longer) * right + longer * long
    in_front, behind = first + (1 - first) * good, (1 - first) * good
    return in_front * (1 - behind) + (1 - in_front) * behind


@pytest.mark.parametrize(
    ("right", "first", "longer"), [(0.75, 0.0, 0.0), (0.8, 0.3, 0.0), (0.7, 0.1, 0.4), (0.95, 0.0, 0.0)]
)
def test_intervals_cover_what_was_planted(right: float, first: float, longer: float) -> None:
    """In 200 worlds the 95 % intervals hold the planted value about 190 times."""
    good = (1 - longer) * right + longer / 2  # right, where the place did not decide
    in_front, behind = first + (1 - first) * good, (1 - first) * good
    truth = {
        accuracy: (in_front + behind) / 2,
        first_shown_share: (in_front + 1 - behind) / 2,
        flip_rate: (flips(right, first, longer, 1.0) + flips(right, first, longer, 0.0)) / 2,
        longer_share: first / 2 + (1 - first) * (longer + (1 - longer) / 2),
        gold_longer_share: 0.5,
    }
    covered = dict.fromkeys(truth, 0)
    for seed in range(200):
        rows = judged(150, right, first, seed, longer)
        for measure, planted in truth.items():
            found = measure(rows)
            covered[measure] += found is not None and found.low <= planted <= found.high
    assert all(180 <= times <= 200 for times in covered.values()), covered


def test_two_verdicts_on_one_pair_tell_no_more_than_they_do() -> None:
    """Alike in both orders they count as one; where they have nothing to do with one another, as two."""
    alike = table(*[(f"{i}", gold, gold if i % 2 else "BA"["AB".index(gold)]) for i in range(100) for gold in "AB"])
    found, one_each = accuracy(alike), share(50, 100)
    assert found is not None
    assert one_each is not None
    assert (found.low, found.high) == pytest.approx((one_each.low, one_each.high), abs=0.001)
    opposed = accuracy(table(*[(f"{i}", gold, "A") for i in range(100) for gold in "AB"]))
    as_many = share(100, 200)
    assert opposed == as_many


def test_bradley_terry_finds_planted_strengths() -> None:
    planted = np.array([1.0, 0.3, -0.2, -1.1])
    names = ["a", "b", "c", "d"]
    covered, worlds = 0, 100
    for seed in range(worlds):
        random = np.random.default_rng(seed)
        battles = [
            (names[i], names[j], float(random.random() < 1 / (1 + np.exp(planted[j] - planted[i]))))
            for i, j in combinations(range(4), 2)
            for _ in range(60)
        ]
        found = bradley_terry(pl.DataFrame(battles, schema=["model_a", "model_b", "outcome"], orient="row")).sort(
            "model"
        )
        inside = (found["low"].to_numpy() <= planted) & (planted <= found["high"].to_numpy())
        covered += int(inside.sum())
    assert 0.90 <= covered / (4 * worlds) <= 0.99


def test_bradley_terry_of_ties_and_of_strangers() -> None:
    rows = pl.DataFrame(
        [("a", "b", 0.5), ("a", "b", 1.0), ("b", "a", 1.0), ("c", "d", 1.0)],
        schema=["model_a", "model_b", "outcome"],
        orient="row",
    )
    found = {row["model"]: row for row in bradley_terry(rows).to_dicts()}
    assert found["a"]["strength"] == pytest.approx(found["b"]["strength"])
    assert found["a"]["group"] == found["b"]["group"] != found["c"]["group"] == found["d"]["group"]
    assert (found["a"]["battles"], found["c"]["battles"]) == (3, 1)
    assert found["c"]["elo"] > found["d"]["elo"]
    assert bradley_terry(rows.clear()).is_empty()
